"""`portproof baseline lint` and `fmt`, as a person and as a pipeline call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from command import portproof
from portproof.assets import policies_dir
from portproof.cli.baseline import SUBCOMMANDS, baseline

SOUND = "entries:\n  - {id: a, to: 192.0.2.1, ports: 443, from: internet}\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a configured baseline of two files."""
    configured = "baseline: baseline.yaml\nvantages: vantages.yaml\n"
    (tmp_path / "portproof.yaml").write_text(configured, encoding="utf-8")
    zone, vantage = "{name: internet, trust: untrusted}", "{id: local, zone: internet}"
    vantages = f"zones: [{zone}]\nvantages: [{vantage}]\n"
    (tmp_path / "vantages.yaml").write_text(vantages, encoding="utf-8")
    (tmp_path / "baseline.yaml").write_text("include: more.yaml\nscope: all\n", encoding="utf-8")
    (tmp_path / "more.yaml").write_text(SOUND, encoding="utf-8")
    return tmp_path


def spoil(site: Path) -> None:
    (site / "more.yaml").write_text(SOUND.replace("443", "70000"), encoding="utf-8")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_listed_subcommand_is_there_and_has_help(name: str) -> None:
    answer = CliRunner().invoke(baseline, [name, "--help"], prog_name="portproof baseline")
    assert answer.exit_code == 0
    assert answer.output.startswith(f"Usage: portproof baseline {name}")


def test_a_sound_baseline_is_silent_on_standard_output_and_exits_0(site: Path) -> None:
    answer = portproof("baseline", "lint", cwd=site)
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "baseline.yaml: no faults (1 approved, 0 proposed; 2 files)\n"


def test_a_fault_is_a_line_with_its_place_and_exits_2(site: Path) -> None:
    spoil(site)
    answer = portproof("baseline", "lint", cwd=site)
    assert answer.code == 2
    assert answer.out == "more.yaml:2:35: a port is a number from 1 to 65535, not '70000'\n"
    assert answer.err == "baseline.yaml: 1 fault\n"


def test_several_files_may_be_named_and_all_are_looked_through(site: Path) -> None:
    (site / "other.yaml").write_text("entries: 5\n", encoding="utf-8")
    answer = portproof("baseline", "lint", "baseline.yaml", "other.yaml", "none.yaml", cwd=site)
    assert answer.code == 2
    assert answer.out.splitlines() == [
        "other.yaml:1:10: expected a list, found the number 5",
        "none.yaml: cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("sarif", '"startLine": 2'),
        ("github", "::error file=more.yaml,line=2,col=35,"),
        ("json", '"line": 2'),
    ],
)
def test_machines_get_the_same_faults(site: Path, form: str, expected: str) -> None:
    spoil(site)
    answer = portproof("baseline", "lint", "--format", form, cwd=site)
    assert (answer.code, answer.err) == (2, "")
    assert expected in answer.out


def test_zones_and_faults_of_the_vantages_are_part_of_it(site: Path) -> None:
    (site / "vantages.yaml").write_text(
        "zones: [{name: office, trust: trusted}]\nvantages: [{id: a, zone: office}]\n",
        encoding="utf-8",
    )
    unknown = portproof("baseline", "lint", cwd=site)
    assert (unknown.code, "unknown zone 'internet'" in unknown.out) == (2, True)
    (site / "vantages.yaml").write_text("zones: []\n", encoding="utf-8")
    told = json.loads(portproof("baseline", "lint", "--format", "json", cwd=site).out)
    assert [(each["file"], bool(each["faults"])) for each in told["documents"]] == [
        ("baseline.yaml", False),
        ("vantages.yaml", True),
    ]


def test_without_a_configuration_no_zone_is_unknown_and_with_one_it_is_as_for_a_check(
    site: Path,
) -> None:
    (site / "portproof.yaml").unlink()
    assert portproof("baseline", "lint", "baseline.yaml", cwd=site).code == 0
    (site / "portproof.yaml").write_text("baseline: baseline.yaml\n", encoding="utf-8")
    answer = portproof("baseline", "lint", cwd=site)
    assert answer.code == 2
    assert "unknown zone 'internet'; known: local" in answer.out


def test_without_a_file_and_a_configuration_it_says_what_to_name(tmp_path: Path) -> None:
    answer = portproof("baseline", "lint", cwd=tmp_path)
    assert (answer.code, answer.out) == (2, "")
    assert "no baseline is named: give a FILE" in answer.err


def test_fmt_puts_all_files_in_order_once(site: Path) -> None:
    (site / "more.yaml").chmod(0o640)
    before = (site / "more.yaml").read_text(encoding="utf-8")
    (site / "more.yaml").write_text("assets: []\nzones: []\n" + before, encoding="utf-8")
    check = portproof("baseline", "fmt", "--check", cwd=site)
    assert (check.code, check.out) == (1, "baseline.yaml\nmore.yaml\n")
    assert (site / "baseline.yaml").read_text(encoding="utf-8").startswith("include")
    done = portproof("baseline", "fmt", cwd=site)
    assert (done.code, done.out) == (0, "baseline.yaml\nmore.yaml\n")
    assert (site / "baseline.yaml").read_text(
        encoding="utf-8"
    ) == "scope: all\ninclude: more.yaml\n"
    assert (site / "more.yaml").stat().st_mode & 0o777 == 0o640
    again = portproof("baseline", "fmt", "--check", cwd=site)
    assert (again.code, again.out) == (0, "")


def test_fmt_writes_nothing_when_one_file_cannot_be_read(site: Path) -> None:
    (site / "other.yaml").write_text("include: none.yaml\n", encoding="utf-8")
    answer = portproof("baseline", "fmt", "baseline.yaml", "other.yaml", cwd=site)
    assert answer.code == 2
    assert "other.yaml:1:10: 'none.yaml' cannot be read" in answer.err
    assert (site / "baseline.yaml").read_text(encoding="utf-8").startswith("include")


@pytest.mark.parametrize("name", ["baseline.yaml", "baseline-parts/baseline.yaml"])
def test_the_shipped_examples_have_no_fault_and_are_in_order(tmp_path: Path, name: str) -> None:
    example = policies_dir() / "examples" / name
    vantages = str(policies_dir() / "examples" / "vantages.yaml")
    looked = portproof("baseline", "lint", "--vantages", vantages, str(example), cwd=tmp_path)
    assert (looked.code, looked.out) == (0, "")
    assert portproof("baseline", "fmt", "--check", str(example), cwd=tmp_path).code == 0


def test_show_tells_what_holds_in_an_environment_and_where_it_was_changed(site: Path) -> None:
    (site / "more.yaml").write_text(
        "templates: {web: {ports: 443, from: internet, tls: {at_least: '1.2'}}}\n"
        "entries: [{id: a, use: web, to: 192.0.2.1}, {id: b, use: web, to: 192.0.2.2}]\n"
        "environments: {prod: {entries: {a: {ports: 8443, from: [internet]}}, remove: b}}\n",
        encoding="utf-8",
    )
    shown = portproof("baseline", "show", "--environment", "prod", cwd=site)
    assert (shown.code, shown.out.splitlines()) == (
        0,
        [
            "a (approved): internet → 192.0.2.1, tcp 8443; allowed, TLS 1.2 or newer",
            "    more.yaml:2:11  template web",
            "    ports changed at more.yaml:3:37",
            "    from changed at more.yaml:3:50",
        ],
    )
    told = json.loads(portproof("baseline", "show", "b", "--format", "json", cwd=site).out)
    assert told["environment"] == ""
    assert [(each["id"], each["ports"], each["changed"]) for each in told["entries"]] == [
        ("b", "443", {})
    ]


def test_show_says_which_entry_is_not_there(site: Path) -> None:
    answer = portproof("baseline", "show", "moon", cwd=site)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "portproof: there is no entry 'moon' in baseline.yaml\n"
