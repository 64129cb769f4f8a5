"""`baseline init` and `baseline propose`: from what was seen to entries that somebody may approve."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import factories as make
from command import Answer
from drafting import portproof, site, stored_run
from git_repos import person
from portproof.documents.baseline import load_baseline
from portproof.model.baseline import Status
from portproof.model.observation import LocalFault, PortState, Service
from portproof.policy.crowds import MANY_OPEN

SSH = Service("ssh")
MIDDLEBOX = make.host_outcome(
    make.planned_host("10.0.0.66", tcp="1-200"),
    states={PortState.OPEN: f"1-{MANY_OPEN + 1}"},
    unmeasured={LocalFault.HOST_TIMEOUT: "150-200"},
)
HOSTS = (
    make.open_host("10.0.0.5", p22=SSH, p8080=None),
    make.open_host("10.0.0.6", p22=SSH),
    make.open_host("10.66.0.7", p22=SSH),
)
NMAP = """\
<?xml version="1.0"?>
<nmaprun scanner="nmap"><host><status state="up"/>
<address addr="10.66.0.9" addrtype="ipv4"/>
<hostnames><hostname name="evil-1.example.com" type="PTR"/>
<hostname name="db-1.example.com" type="user"/></hostnames>
<ports><port protocol="tcp" portid="5432"><state state="open"/></port>
<port protocol="tcp" portid="80"><state state="open"/><service name="http" method="table"/></port>
<port protocol="tcp" portid="8443"><state state="open"/>
<service name="http" tunnel="ssl" method="probed"/></port>
<port protocol="tcp" portid="22"><state state="filtered"/></port>
<port protocol="udp" portid="161"><state state="open|filtered"/></port></ports>
</host></nmaprun>
"""


def baseline(folder: Path, *arguments: str) -> Answer:
    return portproof("baseline", *arguments, cwd=folder)


def deviating(folder: Path) -> list[str]:
    """Give the endpoints that `check` finds unapproved."""
    answer = portproof("check", "--format", "jsonl", "--exit-zero", cwd=folder)
    found = (json.loads(line) for line in answer.out.splitlines())
    return sorted(each["endpoint"] for each in found if each.get("rule") == "unapproved-exposure")


def test_a_run_becomes_a_baseline_that_lints_clean_and_approves_nothing(tmp_path: Path) -> None:
    folder = site(tmp_path, *HOSTS, MIDDLEBOX)
    done = baseline(folder, "init", "--from", "latest")
    assert done.code == 0, done.err
    assert "3 entries proposed from run run-20261121T1200 of scope shop" in done.err
    assert "10.0.0.66: 101 tcp ports (1-101) told nothing of themselves" in done.err
    assert "51 tcp endpoints not measured (host-timeout) of 10.0.0.66" in done.err
    held = load_baseline(folder / "baseline.yaml", vantages=None)
    assert {each.id: each.hosts_text for each in held.entries} == {
        "ssh-10.66.0.7": ("10.66.0.7",),
        "ssh-hosts": ("10.0.0.5", "10.0.0.6"),
        "tcp-8080-10.0.0.5": ("10.0.0.5",),
    }
    assert {each.status for each in held.entries} == {Status.PROPOSED}
    assert {each.approval.requester for each in held.entries} == {"net-team"}
    lint = baseline(folder, "lint")
    assert (lint.code, lint.out) == (0, "")
    assert deviating(folder) == [
        *("10.0.0.5:22/tcp", "10.0.0.5:8080/tcp", "10.0.0.6:22/tcp", "10.66.0.7:22/tcp")
    ]


def test_what_is_then_approved_conforms_and_the_rest_goes_on_deviating(tmp_path: Path) -> None:
    folder, head = site(tmp_path, *HOSTS), person(tmp_path, "head")
    baseline(folder, "init", "--from", "run-20261121T1200")
    approve = ["--approver", "head@example.com", "--key", str(head.key), "--yes"]
    done = baseline(folder, "approve", "--zone", "cde", *approve)
    assert done.code == 0, done.err
    assert "will deviate once approved (approval-missing): no justification" in done.err
    # The run ended before the approval was given: it is judged by what held then.
    text = (folder / "baseline.yaml").read_text(encoding="utf-8")
    day = text.partition("approved_on: ")[2][:10]
    (folder / "baseline.yaml").write_text(
        text.replace(f"approved_on: {day}", "approved_on: 2026-11-20"), encoding="utf-8"
    )
    assert deviating(folder) == ["10.0.0.5:22/tcp", "10.0.0.5:8080/tcp", "10.0.0.6:22/tcp"]


def test_nothing_is_overwritten_and_the_way_on_is_said(tmp_path: Path) -> None:
    folder = site(tmp_path, *HOSTS)
    (folder / "baseline.yaml").write_text("entries: []  # mine\n", encoding="utf-8")
    done = baseline(folder, "init", "--from", "latest")
    assert done.code == 2
    assert "baseline.yaml is there already and is not overwritten" in done.err
    assert "portproof baseline propose" in done.err
    assert (folder / "baseline.yaml").read_text(encoding="utf-8") == "entries: []  # mine\n"
    assert baseline(folder, "init", "--from", "latest", "--out", "draft.yaml").code == 0
    assert baseline(folder, "fmt", "--check", "draft.yaml").code == 0


def test_a_report_of_nmap_is_marked_as_imported_and_guesses_are_no_services(tmp_path: Path) -> None:
    folder = site(tmp_path, *HOSTS)
    (folder / "scan [1].xml").write_text(NMAP, encoding="utf-8")
    done = baseline(folder, "init", "--from", "scan [1].xml", "--ticket", "CHG-7")
    assert done.code == 0, done.err
    assert "imported, not witnessed" in done.err
    held = load_baseline(folder / "baseline.yaml", vantages=None).entries
    assert {each.id: each.service for each in held} == {
        "https-db": "https",
        "tcp-5432-db": "",
        "tcp-80-db": "",
    }
    assert {(each.zones, each.approval.ticket) for each in held} == {(("internet",), "CHG-7")}
    assert {each.hosts_text for each in held} == {("10.66.0.9",)}
    text = (folder / "baseline.yaml").read_text(encoding="utf-8")
    assert "identified itself as https (as nmap says, imported)" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "nope"], "there is no run nope"),
        (["--from", "gone.xml"], "gone.xml: there is no such file"),
        (["--from", "torn.xml"], "it is no complete XML"),
        (["--from", "ok.xml", "--seen-from", "mars"], "zone 'mars', which is not declared"),
        (["--from", "latest", "--seen-from", "cde"], "--seen-from is for reports of nmap"),
        (["--from", "latest", "--review-by", "2020-01-01"], "lies in the past"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    folder = site(tmp_path, *HOSTS)
    (folder / "torn.xml").write_text(NMAP[:200], encoding="utf-8")
    (folder / "ok.xml").write_text(NMAP, encoding="utf-8")
    done = baseline(folder, "init", *arguments)
    assert done.code == 2
    assert told in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (folder / "baseline.yaml").exists()


def test_propose_adds_what_is_new_once_and_says_so_when_nothing_is(tmp_path: Path) -> None:
    folder = site(tmp_path, *HOSTS)
    before = (
        "scope: shop\nentries:\n  # ours\n"
        "  - {id: jump, to: 10.0.0.5, ports: 22, from: internet}  # kept\n"
    )
    path = folder / "baseline.yaml"
    path.write_text(before, encoding="utf-8")
    dry = baseline(folder, "propose", "--dry-run")
    assert dry.code == 0
    assert "- id: ssh-10.0.0.6" in dry.out
    assert path.read_text(encoding="utf-8") == before
    done = baseline(folder, "propose")
    assert done.code == 0, done.err
    text = path.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert dry.out.strip() in text
    added = {each.id for each in load_baseline(path, vantages=None).entries}
    assert added == {"jump", "ssh-10.0.0.6", "ssh-10.66.0.7", "tcp-8080-10.0.0.5"}
    again = baseline(folder, "propose")
    assert again.code == 0
    assert "nothing to propose: an entry covers each of 4 open ports" in again.err
    assert path.read_text(encoding="utf-8") == text
    later = stored_run(folder, make.open_host("10.0.0.5", p9000=None), at=make.NOON.replace(day=22))
    new = baseline(folder, "propose", "--run", later)
    assert "1 entry proposed" in new.err
    assert path.read_text(encoding="utf-8").startswith(text)


def test_propose_needs_one_source_and_a_baseline(tmp_path: Path) -> None:
    folder = site(tmp_path, *HOSTS)
    missing = baseline(folder, "propose")
    assert missing.code == 2
    assert "baseline.yaml: cannot be read" in missing.err
    both = baseline(folder, "propose", "--run", "latest", "--from", "scan.xml")
    assert both.code == 2
    assert "give a run or a report of nmap, not both" in both.err


def test_a_machine_that_is_no_vantage_drafts_from_the_runs_of_others(tmp_path: Path) -> None:
    folder = site(tmp_path, *HOSTS)
    path = folder / "portproof.yaml"
    path.write_text(path.read_text().replace("vantage: ext-1\n", ""), encoding="utf-8")
    assert baseline(folder, "init", "--from", "latest").code == 0


def test_a_run_without_open_ports_proposes_nothing(tmp_path: Path) -> None:
    folder = site(tmp_path, make.host_outcome())
    done = baseline(folder, "init", "--from", "latest")
    assert done.code == 0
    assert "0 entries proposed" in done.err
    assert "nothing to propose: no port was seen open" in baseline(folder, "propose").err
