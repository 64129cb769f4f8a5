from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from documents.writing import written
from portproof.documents import load_settings
from portproof.model.finding import Severity
from portproof.model.portspec import parse_ports
from portproof.model.targetspec import parse_target


def test_what_the_file_does_not_say_is_none(tmp_path: Path) -> None:
    read = load_settings(written(tmp_path, "entity: Example Ltd\n"))
    silent = {each.name for each in fields(read) if getattr(read, each.name) is None}
    assert silent == {each.name for each in fields(read)} - {"entity", "digest"}


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    read = load_settings(
        written(
            tmp_path,
            "baseline: rules/baseline.yaml\nwaivers: /etc/waivers.yaml\ndatabase: a.sqlite\n",
        )
    )
    assert read.baseline == tmp_path / "rules" / "baseline.yaml"
    assert read.waivers == Path("/etc/waivers.yaml")
    assert read.database == str(tmp_path / "a.sqlite")


def test_a_database_may_be_a_url(tmp_path: Path) -> None:
    read = load_settings(written(tmp_path, "database: postgresql://host.example.com/portproof\n"))
    assert read.database == "postgresql://host.example.com/portproof"


def test_targets_ports_and_the_rest_are_read(tmp_path: Path) -> None:
    read = load_settings(
        written(
            tmp_path,
            """\
            targets: [192.0.2.0/24, "shop.example.com:443"]
            exclude: 192.0.2.7
            ports: [1-1024, "U:53"]
            fail_on: high
            frameworks: [pci-dss-4.0.1]
            vantage: local
            """,
        )
    )
    assert read.targets == (parse_target("192.0.2.0/24"), parse_target("shop.example.com:443"))
    assert read.exclude == (parse_target("192.0.2.7"),)
    assert read.ports == parse_ports("T:1-1024,U:53")
    assert (read.fail_on, read.frameworks, read.vantage) == (
        Severity.HIGH,
        ("pci-dss-4.0.1",),
        "local",
    )
