from __future__ import annotations

from pathlib import Path

import pytest

from portproof.documents import load_sources
from portproof.errors import DocumentError
from portproof.model.baseline import Tier
from portproof.model.portspec import parse_ports
from portproof.model.source import (
    CsvOptions,
    EnvironmentSecret,
    FileSecret,
    KubernetesOptions,
    SourceSettings,
    StaticOptions,
    WebOptions,
)


def read(folder: Path, rows: str) -> tuple[SourceSettings, ...]:
    path = folder / "sources.yaml"
    path.write_text(f"schema: portproof.sources/1\nsources:\n{rows}\n")
    return load_sources(path).sources


def problems(folder: Path, rows: str) -> list[str]:
    with pytest.raises(DocumentError) as refused:
        read(folder, rows)
    return [f"{each.line}:{each.column} {each.problem}" for each in refused.value.faults]


def test_a_source_has_a_name_a_kind_and_what_holds_for_all_its_targets(tmp_path: Path) -> None:
    (source,) = read(
        tmp_path,
        "  - {name: cmdb, owner: net-team, tags: [a], tier: 1, zone: cde, csv: {path: a.csv}}",
    )
    assert (source.name, source.kind) == ("cmdb", "csv")
    assert (source.defaults.tier, source.defaults.zone) == (Tier.ONE, "cde")
    assert source.options == CsvOptions(path=tmp_path / "a.csv", columns={})


def test_targets_may_stand_in_the_document(tmp_path: Path) -> None:
    row = "  - {name: s, static: [{id: web-1, hosts: [192.0.2.1, web.example.com], ports: [443]}]}"
    (source,) = read(tmp_path, row)
    assert isinstance(source.options, StaticOptions)
    (item,) = source.options.items
    assert (str(item.addresses[0]), item.names) == ("192.0.2.1", ("web.example.com",))
    assert item.ports == parse_ports("443")


def test_a_secret_is_a_variable_or_a_file_beside_the_document(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        "  - {name: a, netbox: {url: https://n.example.com, token: {env: TOKEN}}}\n"
        "  - {name: b, consul: {url: https://c.example.com, token: {file: t}}}",
    )
    assert isinstance(first.options, WebOptions)
    assert isinstance(second.options, WebOptions)
    assert first.options.token == EnvironmentSecret("TOKEN")
    assert second.options.token == FileSecret(tmp_path / "t")


@pytest.mark.parametrize(
    "row",
    [
        "{url: https://x.example.com, token: hunter2}",
        "{url: https://x.example.com, token: [hunter2]}",
        '{url: "https://user:hunter2@x.example.com"}',
    ],
)
def test_a_secret_in_the_document_is_refused_and_not_repeated(tmp_path: Path, row: str) -> None:
    (problem,) = problems(tmp_path, f"  - {{name: a, netbox: {row}}}")
    assert "hunter2" not in problem


def test_a_cluster_may_be_that_of_the_pod_itself(tmp_path: Path) -> None:
    (source,) = read(tmp_path, "  - {name: k, kubernetes: {}}")
    assert source.options == KubernetesOptions()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{name: a}", "exactly one of"),
        ("{name: a, csv: {path: x}, ss: {path: y}}", "this one has csv and ss"),
        ("{name: a, csv: {path: x, columns: {ip: IP}}}", "3:"),
        ("{name: a, dns: {}}", "expected 'names' or 'srv', or both"),
        ("{name: a, aws: {}}", "expected 'regions' to ask, or 'path' to read files"),
        ("{name: a, aws: {regions: [x], path: y}}", "expected 'regions' to ask"),
        ("{name: a, azure: {token: {env: A}}}", "expected 'subscription' and 'token'"),
        ("{name: a, consul: {url: https://x, token: {}}}", "expected {env: NAME} or {file: PATH}"),
        ("{name: a, consul: {url: ftp://x}}", "expected an http or https URL"),
        ("{name: a, kubernetes: {kubeconfig: k, url: https://x}}", "leave these out"),
        ("{name: a, kubernetes: {token: {env: A}}}", "expected the 'url'"),
        ("{name: a, static: [{id: x, hosts: 10.0.0.0/24}]}", "10.0.0.0/24 is a network"),
        (
            "{name: a, static: [{id: x, hosts: 10.0.0.1}, {id: x, hosts: 10.0.0.2}]}",
            "duplicate target id 'x'",
        ),
        (
            "{name: a, dns_transfer: {zone: x, server: 192.0.2.1, key_name: k}}",
            "'key' and 'key_name' belong together",
        ),
    ],
)
def test_each_fault_is_told_at_its_place(tmp_path: Path, row: str, problem: str) -> None:
    (told,) = problems(tmp_path, f"  - {row}")
    assert told.startswith("3:")
    assert problem in told


def test_two_sources_of_one_name_are_a_fault(tmp_path: Path) -> None:
    rows = "  - {name: a, csv: {path: x}}\n  - {name: a, csv: {path: y}}"
    (told,) = problems(tmp_path, rows)
    assert "duplicate source 'a'; line 3 has it already" in told
