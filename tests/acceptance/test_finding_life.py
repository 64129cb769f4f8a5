"""The life of findings through the command line, on live sockets: people act, and runs answer."""

from __future__ import annotations

import csv
import io
import json
import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from command import Answer, portproof
from listeners import listener
from portproof.cli.group import cli, run
from portproof.settings import JOB_USERS
from portproof.store import open_store
from site_documents import Site, entry

WAIVER = (
    "{{id: w-1, rules: [unapproved-exposure], hosts: [127.0.0.1], ports: '{port}', reason: moving, "
    "requester: web team, approver: security team, begins: {begins}, expires: {expires}}}"
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    return Site(folder=tmp_path, networks=["127.0.0.1"], targets=["127.0.0.1"], ports="1")


def audit(site: Site) -> tuple[Answer, dict[str, Any]]:
    answer = portproof("audit", "--out", "out", "--report", "json", cwd=site.folder)
    assert "Traceback" not in answer.err
    return answer, json.loads((site.folder / "out" / "evidence.json").read_text())


def said(*arguments: str) -> str:
    """Run a command in this process, in the folder of the site; gives its standard output."""
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    assert not done.return_value
    return done.stdout


def findings(*options: str) -> list[dict[str, Any]]:
    document = json.loads(said("findings", "list", "--format", "json", *options))
    return list(document["findings"])


def the_finding(*options: str) -> dict[str, Any]:
    (found,) = findings(*options)
    return found


def life(finding_id: str) -> list[str]:
    (shown,) = json.loads(said("findings", "show", finding_id, "--format", "json"))["findings"]
    return [each["kind"] for each in shown["events"]]


def day(offset: int) -> str:
    """Give a date so many days from now: waivers are judged by the real clock."""
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def test_a_claimed_fix_is_held_against_the_next_run_and_a_false_positive_needs_a_proof(
    site: Site,
) -> None:
    with listener() as port:
        site.ports = str(port)
        site.write()
        answer, _ = audit(site)
        assert answer.code == 1
        opened = the_finding("--status", "open", "--zone", "internet")
        name = opened["id"]
        short = name[:8]
        assert "self-declared" in said("findings", "ack", short, "--because", "we look into it")
        said("findings", "assign", short, "--to", "net-team")
        said("findings", "ticket", short, "OPS-12")
        said("findings", "claim-fixed", short, "--because", "the firewall is closed")
        claimed = the_finding("--owner", "net-team")
        assert (claimed["status"], claimed["ticket"]) == ("fix-claimed", "OPS-12")
        audit(site)
        assert the_finding()["status"] == "open"

        proof = ("--proof", "OPS-13", "--digest", "A" * 64, "--as", "os-user")
        said("findings", "false-positive", short, "--because", "our own test peer", *proof)
        answer, evidence = audit(site)
    assert (answer.code, findings()) == (0, [])
    (shown,) = [each for each in evidence["findings"] if each["id"] == name]
    assert (shown["verdict"], shown["status"], shown["closed_by"]) == (
        "DEVIATES",
        "closed",
        "false-positive",
    )
    user = pwd.getpwuid(os.getuid()).pw_name
    told = f"false-positive by {user} (os-user, self-declared): OPS-13: our own test peer"
    assert any(each.endswith(told) for each in shown["events"])
    (row,) = csv.DictReader(io.StringIO(said("findings", "list", "--all", "--format", "csv")))
    assert (row["id"], row["times_seen"], row["first_seen"]) == (name, "3", opened["first_seen"])
    assert life(short) == [
        "opened",
        "acknowledged",
        "assigned",
        "ticketed",
        "fix-claimed",
        "seen",
        "fix-refuted",
        "false-positive",
        "seen",
    ]


def test_a_waiver_is_announced_before_its_end_and_reopens_with_the_original_first_seen(
    site: Site,
) -> None:
    soon = day(3)
    with listener() as port:
        site.ports = f"{port},1"
        site.entries = [entry("idle", "127.0.0.1", 1, "http")]
        site.waivers = [WAIVER.format(port=port, begins=day(-30), expires=soon)]
        site.write()
        answer, evidence = audit(site)
        assert "waiver w-1 ends within 7 days" in answer.out
        assert evidence["waivers"][0]["notice"] == "ends within 7 days"
        assert evidence["register"][0]["notice"] == "nothing of it was open"
        opened = the_finding("--status", "waived")
        listed = json.loads(said("waivers", "list", "--format", "json"))["waivers"]
        assert (listed[0]["used"], listed[0]["notice_days"]) == ("accepts 1 finding", 7)
        assert listed[0]["last_instant"] == f"{soon}T23:59:59.999999Z"

        site.waivers = [WAIVER.format(port=port, begins=day(-30), expires=day(-1))]
        site.write()
        assert the_finding()["note"].startswith("waiver w-1 ended ")
        audit(site)
    back = the_finding("--status", "open")
    assert (back["id"], back["first_seen"]) == (opened["id"], opened["first_seen"])
    assert life(back["id"]) == ["opened", "waived", "waiver-ended", "seen"]
    assert "expired" in said("waivers", "list")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["findings", "show", "f00"], "no finding's id begins with f00"),
        (["findings", "ack", "f00"], "Missing option '--because'"),
        (["findings", "false-positive", "f00", "--because", "no"], "Missing option '--proof'"),
        (["findings", "list", "--since", "yesterday"], "'yesterday' is no time"),
        (["findings", "list", "--since", "2026-11-21T08:00:00"], "the time zone is missing"),
        (["findings", "list", "--status", "fixed"], "'fixed' is not one of"),
        (["findings", "ack", "f00", "--because", "x", "--as", "ci"], "no CI job names its user"),
    ],
)
def test_a_mistake_is_one_clear_error_and_exits_2(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    problem: str,
) -> None:
    for name in JOB_USERS:
        monkeypatch.delenv(name, raising=False)
    site.write()
    open_store(site.folder / "portproof.sqlite", create=True).close()
    monkeypatch.setattr("sys.argv", ["portproof", *arguments])
    assert run() == 2
    told = capsys.readouterr()
    assert problem in told.err
    assert told.out == ""
