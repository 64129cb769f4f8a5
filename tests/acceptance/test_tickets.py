"""Tickets through the command line: opened over HTTP, killed in between, followed, listed."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import factories as make
from command import portproof
from listeners import listener
from portproof.cli.group import cli
from portproof.errors import TicketError
from portproof.model.waiver import Waivers
from portproof.store import open_store, verify_log
from portproof.store.lock import RunLock
from site_documents import Site
from tickets.desk import SECRET, USER, Answer, open_desk
from tickets.jira_desk import JiraDesk
from usecases.finding_stores import judged_run

WAIVER = (
    "{{id: w-1, rules: [unapproved-exposure], hosts: [10.0.0.5], reason: moving, "
    "requester: web team, approver: security team, begins: {begins}, expires: {expires}}}"
)


def day(offset: int) -> str:
    """Give a date so many days from now: the command line has the real clock."""
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


class Shop:
    """A site with something open that nobody approved, and a Jira beside it."""

    def __init__(self, site: Site, desk: JiraDesk) -> None:
        self.site = site
        self.desk = desk

    def write(self) -> None:
        self.site.write()
        config = self.site.folder / "portproof.yaml"
        config.write_text(config.read_text() + "tickets: tickets.yaml\n")
        (self.site.folder / "tickets.yaml").write_text(
            f"from_severity: low\njira: {{url: '{self.desk.url}', user: {USER}, "
            "secret: {env: JIRA_TOKEN}, kind: cloud, project: OPS, on_resolved: Resolve}\n"
        )

    def judged(self, waivers: Waivers | None = None) -> str:
        """Have a run in the store that saw something open; gives the finding's id."""
        self.write()
        with open_store(self.site.folder / "portproof.sqlite", create=True) as store:
            judged_run(store, make.open_host(p8080=None), waivers=waivers)
            return store.findings()[0].fingerprint

    def says(self, *arguments: str) -> Result:
        """Run a command in this process, in the site's folder."""
        return CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)

    def steps(self, *options: str) -> list[dict[str, Any]]:
        answer = self.says("tickets", "sync", "--format", "jsonl", *options)
        assert (answer.return_value, answer.stderr) == (0, "")
        return [json.loads(each) for each in answer.stdout.splitlines()]

    def listed(self, *options: str) -> list[dict[str, Any]]:
        answer = self.says("tickets", "list", "--format", "json", *options)
        return list(json.loads(answer.stdout)["findings"])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("JIRA_TOKEN", SECRET)
    monkeypatch.chdir(tmp_path)
    desk = JiraDesk()
    site = Site(folder=tmp_path, networks=["127.0.0.1"], targets=["127.0.0.1"], ports="1")
    with open_desk(desk):
        yield Shop(site, desk)


def test_a_ticket_is_opened_followed_and_told_as_runs_on_live_sockets_say(shop: Shop) -> None:
    def audit() -> int:
        return portproof("audit", "--out", "out", "--report", "json", cwd=shop.site.folder).code

    with listener() as port:
        shop.site.ports = str(port)
        shop.write()
        assert audit() == 1
        assert [each["type"] for each in shop.steps("--dry-run")] == ["open"]
        assert shop.desk.issues == []
        told = shop.says("tickets", "sync")
        assert "ticket opened OPS-1: " in told.stdout
        assert told.stdout.endswith("1 step taken\n")
        assert shop.says("tickets", "sync").stdout == "nothing to do\n"
        shop.desk.move("OPS-1", "Done")
        shop.desk.issues[0].closed = shop.desk.clock.replace(year=2098)
        (claim,) = shop.steps()
        assert (claim["type"], claim["ticket"]) == ("claim-fixed", "OPS-1")
    assert audit() == 0
    (comment,) = shop.steps()
    assert "It is gone (rescan)" in comment["detail"]
    assert shop.steps() == []
    with open_store(shop.site.folder / "portproof.sqlite") as store:
        assert verify_log(store) == []


def test_killed_between_opening_there_and_noting_here_it_opens_no_second_ticket(shop: Shop) -> None:
    shop.judged()
    started: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        started[0].send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, started[0].pid, os.WEXITED | os.WNOWAIT)

    shop.desk.trouble("POST", "/issue", Answer(201, {}, first=kill), carried_out=True)
    command = [sys.executable, "-m", "portproof", "tickets", "sync"]
    started.append(subprocess.Popen(command, cwd=shop.site.folder, stderr=subprocess.DEVNULL))
    assert started[0].wait(60) == -signal.SIGKILL
    assert [each.key for each in shop.desk.issues] == ["OPS-1"]
    assert shop.listed()[0]["ticket"] == ""
    assert [(each["type"], each["ticket"]) for each in shop.steps()] == [("link", "OPS-1")]
    assert shop.steps() == []
    assert len(shop.desk.issues) == 1


def test_findings_are_listed_by_their_tickets(shop: Shop) -> None:
    name = shop.judged()
    (line,) = shop.listed()
    assert (line["id"], line["ticket"], line["ticket_due"]) == (name, "", "2026-11-24T00:00:00Z")
    shown = shop.says("tickets", "list").stdout
    assert "1 finding, 1 without a ticket" in shown
    shop.steps()
    (row,) = csv.DictReader(io.StringIO(shop.says("tickets", "list", "--format", "csv").stdout))
    assert (row["ticket"], row["wants_ticket"]) == ("OPS-1", "no")
    assert "OPS-1" in shop.says("tickets", "list").stdout


def test_what_cannot_be_done_about_one_ticket_is_told_and_exits_3(shop: Shop) -> None:
    shop.says("findings", "ticket", shop.judged(), "OPS-404")
    answer = shop.says("tickets", "sync")
    assert answer.return_value == 3
    assert "its ticket OPS-404 is not there" in answer.stderr
    assert answer.stdout == "nothing to do; 1 could not be done\n"


def test_only_one_process_at_a_time_writes_tickets_of_a_store(shop: Shop) -> None:
    shop.judged()
    lock = RunLock(shop.site.folder / "portproof.sqlite.tickets")
    with lock.holding():
        with pytest.raises(TicketError, match="another `portproof tickets sync` is under way"):
            shop.says("tickets", "sync")
        assert [each["type"] for each in shop.steps("--dry-run")] == ["open"]
    assert [each["type"] for each in shop.steps()] == ["open"]


def test_a_system_that_cannot_be_used_is_one_line_without_the_secret_and_exits_2(
    shop: Shop,
) -> None:
    shop.judged()
    shop.desk.trouble("POST", "/search/jql", Answer(401, {}), times=9)
    answer = portproof("tickets", "sync", cwd=shop.site.folder)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"portproof: {shop.desk.url}: POST /rest/api/3/search/jql: ")
    assert answer.err.count("\n") == 1
    assert SECRET not in answer.err


def test_a_waivers_end_is_settled_once_and_its_finding_keeps_its_first_sighting(
    shop: Shop,
) -> None:
    name = shop.judged(make.waivers(make.waiver(id="w-1")))
    shop.site.waivers = [WAIVER.format(begins=day(-30), expires=day(3))]
    shop.write()
    (waived,) = shop.listed()
    assert (waived["status"], waived["wants_ticket"]) == ("waived", False)
    assert "no waiver of a finding has ended" in shop.says("waivers", "settle").stdout
    shop.site.waivers = [WAIVER.format(begins=day(-30), expires=day(-1))]
    shop.write()
    (ended,) = shop.listed()
    assert (ended["status"], ended["first_seen"]) == ("open", waived["first_seen"])
    for options in (("--dry-run",), ()):
        told = shop.says("waivers", "settle", *options).stdout
        assert told.startswith(f"{name} open again since ")
    assert "no waiver of a finding has ended" in shop.says("waivers", "settle").stdout
    shown = shop.says("findings", "show", name).stdout
    assert "waiver-ended by portproof" in shown
    (now,) = shop.listed()
    assert (now["status"], now["first_seen"]) == ("open", waived["first_seen"])
