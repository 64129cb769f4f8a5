"""What a user sees of drift: runs compared, held against the baseline, and a change planned."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from command import Answer, portproof
from site_documents import APPROVAL, Site, entry

OLD, NEW = 8001, 8002
PORTS = "8001-8010"


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Accept and close connections until the block ends: what says nothing is asked no longer."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        Thread(target=_hang_up, args=(server,), daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


def _hang_up(server: socket.socket) -> None:
    with suppress(OSError):
        while True:
            server.accept()[0].close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a site in a git repository with three runs: OLD open, NEW open, NEW open on fewer ports."""
    folder = tmp_path_factory.mktemp("site")
    site = Site(folder=folder, networks=["127.0.0.1"], targets=["127.0.0.1"], ports=PORTS)
    site.entries = [entry("web", "127.0.0.1", OLD, "''")]
    site.write()
    (folder / ".gitignore").write_text("portproof.sqlite*\n")
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        people = ["-c", "user.name=net-team", "-c", "user.email=owner@example.com"]
        subprocess.run(["git", *people, *arguments], cwd=folder, check=True)
    for port, asked in ((OLD, PORTS), (NEW, PORTS), (NEW, "8001-8005,8020")):
        with listening(port):
            scanned = portproof("scan", "127.0.0.1", "-p", asked, cwd=folder)
        assert scanned.code == 0, scanned.err
    site.entries = [
        entry("web", "127.0.0.1", NEW, "''", approval=APPROVAL.replace("security team", "''"))
    ]
    site.write()
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[str]:
    """Give the ids of the three runs, oldest first."""
    listed = portproof("runs", cwd=folder).out.split()
    return [each for each in reversed(listed) if each[:8].isdigit() and "Z-" in each]


def ran(folder: Path, *arguments: str, code: int) -> Answer:
    answer = portproof(*arguments, cwd=folder)
    assert answer.code == code, answer.out + answer.err
    return answer


def test_two_like_runs_are_compared_line_by_line(folder: Path, runs: list[str]) -> None:
    told = ran(folder, "diff", *runs[:2], "--strict", code=1).out.splitlines()
    assert told[0].startswith(f"-run {runs[0]}")
    assert f"-127.0.0.1:{OLD}/tcp  open          syn-ack" in told
    assert f"+127.0.0.1:{OLD}/tcp  closed        reset" in told
    assert f"+127.0.0.1:{NEW}/tcp  open          syn-ack" in told


def test_unlike_runs_are_compared_in_part_and_refused_when_strict(
    folder: Path, runs: list[str]
) -> None:
    told = ran(folder, "diff", "--last", "--format", "json", code=0).out
    document = json.loads(told)
    assert [document["before"], document["after"]] == runs[1:]
    assert document["changes"] == []
    assert {each["reason"]: each["ports"] for each in document["gaps"]} == {
        "asked in the earlier run only": "8006-8010",
        "asked in the later run only": "8020",
    }
    refused = ran(folder, "diff", "--strict", code=2).out
    assert "not comparable: the runs are unlike in ports of this run only" in refused


def test_a_run_departs_from_what_is_approved(folder: Path, runs: list[str]) -> None:
    told = ran(folder, "diff", "--approved", runs[0], "--format", "md", code=1).out
    assert "**Open and not approved** (1)" in told
    assert "**Approved and absent** (1)" in told


def test_a_changed_baseline_is_planned_against_a_run(folder: Path, runs: list[str]) -> None:
    told = ran(folder, "baseline", "plan", "--base", "main", "--against", runs[1], code=1).out
    assert f"127.0.0.1:{NEW}/tcp was observed open; it becomes approved: entry web" in told
    assert f"entry web: more ports: also {NEW}/tcp  [baseline.yaml:3]" in told
    assert "entry web has no approver: approval.approver is missing  [baseline.yaml:3]" in told
    before = ran(folder, "baseline", "plan", "--base", "main", "--against", runs[0], code=1).out
    assert "becomes unapproved: entry web no longer covers it  [baseline.yaml:3]" in before


def test_every_result_of_a_plan_in_sarif_has_a_line_that_exists(folder: Path) -> None:
    options = ("--base", "main", "--against", "last", "--format", "sarif", "--exit-zero")
    (run,) = json.loads(ran(folder, "baseline", "plan", *options, code=0).out)["runs"]
    assert run["results"]
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        lines = (folder / place["artifactLocation"]["uri"]).read_text().splitlines()
        assert 1 <= place["region"]["startLine"] <= len(lines)


def test_a_baseline_that_did_not_change_has_nothing_to_plan(folder: Path) -> None:
    told = ran(folder, "baseline", "plan", "--base", "baseline.yaml", "--exit-zero", code=0).out
    assert "observed ports" not in told
    assert "(as before this change)" in told
    assert "the change does nothing" in told


def test_a_run_is_joined_with_what_listens(folder: Path) -> None:
    (folder / "bad.txt").write_text("hello\n")
    told = ran(folder, "reconcile", "--listening", "bad.txt", code=2).err
    assert "bad.txt:1:1: 'hello' is no line of `ss -tulpnH`" in told
    (folder / "ss.txt").write_text(f"tcp LISTEN 0 5 127.0.0.1:{NEW} 0.0.0.0:*\n")
    found = ran(folder, "reconcile", "--listening", "127.0.0.1=ss.txt", code=0).out
    assert f"127.0.0.1 {NEW}/tcp  scan: open; listening: yes" in found
