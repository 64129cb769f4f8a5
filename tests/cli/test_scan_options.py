"""nmap's options on `portproof scan`, as they are typed."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from command import Answer
from portproof.cli.group import run
from site_documents import Site

HOST = "127.0.0.8"
CLOSED = 2_998


@pytest.fixture(scope="module")
def open_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


class Typed:
    """A folder with documents, and the commands typed in it: in this process, as `main` runs them."""

    def __init__(
        self, folder: Path, typing: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._typing, self._said = folder, typing, said

    def portproof(self, *arguments: str) -> Answer:
        self._typing.setattr(sys, "argv", ["portproof", *arguments])
        code = run()
        said = self._said.readouterr()
        return Answer(code, said.out, said.err)


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    Site(
        tmp_path,
        networks=["127.0.0.0/8", "::1"],
        targets=[HOST],
        ports=f"{CLOSED}",
        rates="{global_pps: 5000, per_host_pps: 5000}",
    ).write()
    return Typed(tmp_path, monkeypatch, capsys)


def dry(site: Typed, *options: str) -> dict[str, str]:
    """What --dry-run tells, by its labels."""
    answer = site.portproof("scan", "--dry-run", *options)
    assert answer.code == 0, answer.err
    lines = [line for line in answer.out.splitlines() if line[:15].strip()]
    return {line[:15].strip(): line[15:] for line in lines}


def refused(site: Typed, *options: str) -> str:
    answer = site.portproof("scan", *options)
    assert answer.code == 2, answer
    assert "Traceback" not in answer.err
    return answer.err


def scanned(site: Typed, *options: str) -> Answer:
    answer = site.portproof("scan", "-T5", *options)
    assert answer.code == 0, answer
    return answer


# ---------------------------------------------------------------- ports


@pytest.mark.parametrize(
    ("options", "endpoints"),
    [
        (("-p", "22,53"), "2 TCP and 0 UDP"),
        (("-p22,53", "-sU"), "0 TCP and 2 UDP"),
        (("-p", "22,53", "-sTU"), "2 TCP and 2 UDP"),
        (("-p", "22,53", "-sS", "-sU"), "2 TCP and 2 UDP"),
        (("-p-", "-sT"), "65,535 TCP and 0 UDP"),
        (("--top-ports", "10"), "10 TCP and 0 UDP"),
        (("--top-ports", "T:10,U:5"), "10 TCP and 5 UDP"),
        (("-F", "-sTU"), "100 TCP and 100 UDP"),
        (("-p", "1-100", "--exclude-ports", "22-31,U:53"), "90 TCP and 0 UDP"),
        (("-p", "T:53,U:53,123", "--exclude-ports", "53"), "0 TCP and 1 UDP"),
        ((), "1 TCP and 0 UDP"),
    ],
)
def test_ports_are_chosen_as_in_nmap(site: Typed, options: tuple[str, ...], endpoints: str) -> None:
    assert dry(site, *options)["endpoints"].startswith(endpoints)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("-p", "22", "--top-ports", "10"), "-p and --top-ports both say which ports"),
        (("-p", "U:53", "-sT"), "add U to its letters"),
        (("--top-ports", "100000"), "the table ranks no more"),
        (("-p", "22", "--exclude-ports", "22"), "every port asked of it is excluded"),
        (("-sn",), "-sn"),
        (("-sL",), "--dry-run"),
        (("-sX",), "-sX is not offered"),
        (("-sT", "-sS"), "two engines"),
        (("-sS", "--engine", "connect"), "two engines"),
        (("-T6",), "no template"),
        (("--host-timeout", "soon"), "no time"),
        (("--max-rate", "0"), "--max-rate"),
        (("--min-rate", "5001"), "refused (rate)"),
        (("-6",), "is an IPv4 target, but -6"),
    ],
)
def test_what_contradicts_itself_or_is_not_offered_is_refused(
    site: Typed, options: tuple[str, ...], word: str
) -> None:
    assert word in refused(site, *options)


@pytest.mark.parametrize(
    ("options", "engine"), [((), "connect"), (("-sS",), "syn"), (("--engine", "syn"), "syn")]
)
def test_the_engine_is_chosen(site: Typed, options: tuple[str, ...], engine: str) -> None:
    assert dry(site, *options)["engine"] == engine


# ---------------------------------------------------------------- targets


def test_targets_come_from_lists_too_and_exclusions_as_well(site: Typed) -> None:
    (site.folder / "hosts.txt").write_text("127.0.1.0/28 # printers\n127.0.2.1-5\n")
    (site.folder / "not.txt").write_text("127.0.1.3\n")
    options = (
        "-iL",
        "hosts.txt",
        "127.0.3.1",
        "--excludefile",
        "not.txt",
        "--exclude",
        "127.0.2.5",
    )
    told = dry(site, *options)
    assert told["addresses"] == str(16 + 5 + 1 - 2)


def test_standard_input_is_a_list_when_it_is_named_so(site: Typed) -> None:
    command = [sys.executable, "-m", "portproof", "scan", "--dry-run", "-iL", "-"]
    done = subprocess.run(
        command, cwd=site.folder, input="127.0.9.0/30\n", capture_output=True, text=True, check=True
    )
    assert "addresses      4\n" in done.stdout


def test_every_fault_of_a_list_is_told_with_its_line(site: Typed) -> None:
    (site.folder / "hosts.txt").write_text("127.0.0.1\n127.0.0.300\n\n10.0.0.5/24\n")
    told = refused(site, "-iL", "hosts.txt").splitlines()
    assert [line.split(": ")[1] for line in told] == ["hosts.txt:2:9", "hosts.txt:4:1"]


def test_a_list_of_many_targets_gives_the_scope_a_short_name(site: Typed) -> None:
    config = site.folder / "portproof.yaml"
    lines = config.read_text().splitlines()
    config.write_text("\n".join(line for line in lines if not line.startswith("scope:")))
    (site.folder / "hosts.txt").write_text("\n".join(f"127.0.4.{n}" for n in range(1, 101)))
    assert dry(site, "-iL", "hosts.txt")["scope"].startswith(
        "127.0.4.1 and 99 more targets (sha256 "
    )


def test_no_reverse_lookup_and_no_discovery_are_accepted_because_they_are_so(site: Typed) -> None:
    assert dry(site, "-n", "-Pn", "-4")["addresses"] == "1"


# ---------------------------------------------------------------- rates


def test_rates_are_the_lowest_of_what_is_authorised_and_asked_for(site: Typed) -> None:
    assert dry(site)["rate"].startswith("at most 5,000/s, 5,000/s per host")
    assert dry(site, "--max-rate", "10")["rate"].startswith("at most 10/s")
    assert dry(site, "--max-rate", "9999999")["rate"].startswith("at most 5,000/s")
    assert dry(site, "-T2")["rate"].startswith("at most 200/s, 20/s per host")
    assert dry(site, "-T5")["rate"].startswith("at most 5,000/s")
    assert dry(site, "-Tpolite", "--max-rate", "7")["rate"].startswith("at most 7/s")


def test_a_run_below_the_lowest_rate_asked_for_says_so(site: Typed) -> None:
    answer = scanned(site, "--min-rate", "5000")
    assert "below --min-rate 5,000" in answer.err


def test_a_slash_eight_of_all_ports_is_told_at_once_and_sends_nothing(site: Typed) -> None:
    path = site.folder / "authorisation.yaml"
    path.write_text(path.read_text() + "max_probes: 2000000000000\n")
    told = dry(site, "127.0.0.0/8", "-p-")
    assert told["addresses"] == (
        "16,777,216, more than one run takes (1,048,576): scan it in parts"
    )
    assert told["endpoints"] == "1,099,494,850,560 TCP and 0 UDP"
    assert "limit: 5,000 probes/s in all" in told["duration"]


def test_a_dry_run_beyond_the_budget_is_refused_and_the_refusal_kept(site: Typed) -> None:
    path = site.folder / "authorisation.yaml"
    path.write_text(path.read_text() + "max_probes: 1000\n")
    assert dry(site, "-p", "1-400")["budget"] == "1,000 endpoints a run; 600 would be left"
    assert "refused (budget)" in refused(site, "--dry-run", "-p", "1-1001")
    with sqlite3.connect(site.folder / "portproof.sqlite") as database:
        kinds = [kind for (kind,) in database.execute("SELECT kind FROM leaf")]
    database.close()
    assert "refusal" in kinds


# ---------------------------------------------------------------- outputs


def test_the_three_forms_of_nmap_are_written_beside_the_table(site: Typed, open_port: int) -> None:
    answer = scanned(site, f"-p{CLOSED},{open_port}", "-oA", "out")
    assert f"{open_port}/tcp" in answer.out
    assert sorted(each.name for each in site.folder.glob("out.*")) == [
        "out.gnmap",
        "out.nmap",
        "out.xml",
    ]
    root = ET.parse(site.folder / "out.xml").getroot()
    assert {each.attrib["portid"] for each in root.iter("port")} == {str(CLOSED), str(open_port)}
    assert root.attrib["args"] == f"portproof scan -T5 -p{CLOSED},{open_port} -oA out"


@pytest.mark.parametrize(
    ("option", "first"),
    [
        ("-oX", '<?xml version="1.0" encoding="UTF-8"?>'),
        ("-oG", "# portproof "),
        ("-oN", "# portproof "),
        ("-oJ", "{"),
    ],
)
def test_a_hyphen_is_standard_output_which_then_holds_nothing_else(
    site: Typed, option: str, first: str
) -> None:
    answer = scanned(site, option, "-")
    assert answer.out.startswith(first)
    assert "run 20" not in answer.out.replace(json.dumps("run"), "")
    if option == "-oX":
        ET.fromstring(answer.out)
    if option == "-oJ":
        assert [json.loads(line) for line in answer.out.splitlines()]


def test_each_form_has_its_own_file(site: Typed) -> None:
    scanned(site, "-oX", "a.xml", "-oG", "b.txt", "-oN", "c.txt", "-oJ", "d.jsonl")
    assert all(
        (site.folder / name).stat().st_size for name in ("a.xml", "b.txt", "c.txt", "d.jsonl")
    )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("-oX", "-", "-oG", "-"), "two outputs go to standard output"),
        (("-oX", "x", "-oN", "x"), "two outputs go to x"),
        (("-oX", "nowhere/out.xml"), "there is no folder nowhere"),
        (("-oX", "."), "is a folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_a_packet_leaves(
    site: Typed, options: tuple[str, ...], word: str
) -> None:
    assert word in refused(site, *options)
    assert "RUN" not in site.portproof("runs").out


def test_the_address_of_the_database_is_not_passed_on(site: Typed) -> None:
    scanned(site, "--database", "other.sqlite", "-oN", "out.nmap")
    assert "other.sqlite" not in (site.folder / "out.nmap").read_text()
    assert "--database ..." in (site.folder / "out.nmap").read_text()


def test_open_shows_what_is_open_alone(site: Typed, open_port: int) -> None:
    told = scanned(site, f"-p{CLOSED},{open_port}", "--open").out
    assert f"{open_port}/tcp" in told
    assert "closed" not in told


def test_what_was_not_measured_is_shown_in_spite_of_open(site: Typed) -> None:
    answer = site.portproof("scan", "-pU:9999,T:2998", "--open", "-oN", "-")
    assert "Not measured: 1 udp (not-probed)" in answer.out
    assert "not measured" in site.portproof("scan", "-pU:9999,T:2998", "--open").out


def test_reason_says_why_the_counted_rest_has_its_state(site: Typed) -> None:
    assert "1 closed (" in scanned(site, "--reason").out.replace("  ", " ")


def test_help_is_grouped_and_names_nmaps_options(site: Typed) -> None:
    told = site.portproof("scan", "--help").out
    groups = [line for line in told.splitlines() if line.endswith(":") and line[0] != " "]
    assert groups == [
        "Targets:",
        "Ports and engine:",
        "Timing (never beyond the authorisation):",
        "Output:",
        "Documents and database:",
        "Other:",
    ]
    for option in ("-iL", "--top-ports", "-oX", "-oA", "--open", "--reason", "-T", "-Pn", "-4"):
        assert f"  {option}" in told


def test_an_audit_takes_the_scan_options_too(site: Typed) -> None:
    answer = site.portproof("audit", "--dry-run", "-T1", "--top-ports", "5")
    assert answer.code == 0
    assert "5 TCP and 0 UDP" in answer.out


def test_a_host_that_is_given_up_keeps_what_it_answered_and_the_rest_is_not_measured(
    site: Typed,
) -> None:
    answer = site.portproof(
        "scan", "-p1-3000", "--max-rate", "500", "--host-timeout", "300ms", "-oX", "-"
    )
    root = ET.fromstring(answer.out)
    counts = {each.attrib["state"]: int(each.attrib["count"]) for each in root.iter("extraports")}
    assert counts["closed"] + counts["unknown"] == 3_000
    assert 0 < counts["closed"] < 3_000
    assert "not-measured-host-timeout" in {e.attrib["reason"] for e in root.iter("extrareasons")}


def test_a_run_whose_file_cannot_be_written_after_all_is_kept_and_named(site: Typed) -> None:
    answer = site.portproof("scan", "-oX", "/dev/full")
    assert answer.code == 2
    assert "/dev/full: cannot be written: No space left" in answer.err
    assert "is complete" in answer.out
