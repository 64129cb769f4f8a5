"""`baseline approve` and `baseline history`, as people use them: real git, real keys."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import run

import pytest

from command import Answer, portproof
from git_repos import Person, Repo, document, person, row
from portproof.documents.approvers import NAMESPACE
from portproof.documents.ssh_signatures import SshKeygen

CONFIGURATION = """\
scope: shop
baseline: baseline.yaml
vantages: vantages.yaml
approvals: {approvers: approvers.yaml, list_key: owner.pub}
"""
VANTAGES = """\
zones: [{name: office, trust: trusted}, {name: shop, trust: trusted, networks: 192.0.2.0/31}]
vantages: [{id: local, zone: office}]
"""


@pytest.fixture
def head(tmp_path: Path) -> Person:
    return person(tmp_path, "head")


@pytest.fixture
def site(tmp_path: Path, head: Person) -> Repo:
    """Give a repository with three proposed entries and a signed list of one approver."""
    repo, owner = Repo(tmp_path / "repo"), person(tmp_path, "owner")
    repo.write(CONFIGURATION, "portproof.yaml")
    repo.write(VANTAGES, "vantages.yaml")
    repo.write(owner.public, "owner.pub")
    listed = repo.write(
        f'approvers: [{{id: {head.email}, keys: "{head.public}"}}]\n', "approvers.yaml"
    )
    signature = SshKeygen().sign(listed.read_bytes(), owner.key, NAMESPACE)
    listed.with_name("approvers.yaml.sig").write_bytes(signature)
    waiting = {"status": "proposed", "approver": "", "approved_on": ""}
    repo.write(
        document(
            row("web", **waiting),
            row("web-admin", hosts="192.0.2.3", **waiting),
            row("mail", hosts="192.0.2.2", owner="mail-team", **waiting),
        )
    )
    repo.commit("CHG-1: propose")
    return repo


def baseline(repo: Repo, *arguments: str) -> Answer:
    return portproof("baseline", *arguments, cwd=repo.folder)


def test_one_signature_approves_all_entries_of_an_owner(site: Repo, head: Person) -> None:
    done = baseline(site, "approve", "--owner", "Web-Team", "--key", str(head.key), "--yes")
    assert done.code == 0, done.err
    assert "web-admin" in done.out
    assert "mail" not in done.out
    text = (site.folder / "baseline.yaml").read_text()
    assert text.count("status: approved") == 2
    assert text.count("status: proposed") == 1
    assert text.count(f"approver: {head.email}") == 2
    (content,) = (site.folder / "approvals").glob("2-entries.*.json")
    signers = site.folder / "allowed_signers"
    signers.write_text(f"{head.email} {head.public}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", head.email]
    command += ["-n", "portproof-baseline", "-s", f"{content}.sig"]
    verified = run(command, input=content.read_bytes(), capture_output=True, check=False)
    assert verified.returncode == 0, "a stranger verifies it without portproof"
    again = baseline(site, "approve", "--owner", "web-team", "--key", str(head.key), "--yes")
    assert again.code == 2
    assert "no entry of owner 'web-team' waits for an approval" in again.err


def test_nothing_is_approved_that_nobody_could_agree_to(site: Repo, head: Person) -> None:
    before = (site.folder / "baseline.yaml").read_bytes()
    done = baseline(site, "approve", "web", "--key", str(head.key))
    assert done.code == 2
    assert "--yes approves without asking" in done.err
    assert (site.folder / "baseline.yaml").read_bytes() == before
    assert not (site.folder / "approvals").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope"], "there is no entry nope"),
        ([], "say what to approve"),
        (["--zone", "cde"], "no entry of zone 'cde' waits"),
        (["web", "--approver", "other@example.com"], "is the key of head@example.com"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    site: Repo, head: Person, arguments: list[str], told: str
) -> None:
    done = baseline(site, "approve", *arguments, "--key", str(head.key), "--yes")
    assert done.code == 2
    assert told in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (site.folder / "approvals").exists()


def test_the_requester_is_refused_and_a_stranger_is_told_what_it_is_worth(
    site: Repo, tmp_path: Path
) -> None:
    asker = person(tmp_path, "asker")
    key = ["--key", str(asker.key), "--yes"]
    refused = baseline(site, "approve", "web", "--approver", "Asker@example.com", *key)
    assert refused.code == 2
    assert "is the requester of entry web" in refused.err
    nobody = baseline(site, "approve", "web", *key)
    assert "say who you are with --approver" in nobody.err
    stranger = baseline(site, "approve", "web", "--approver", "stranger@example.com", *key)
    assert stranger.code == 0
    assert "entry web will stay self-declared" in stranger.err


def test_history_tells_who_changed_what_why_and_who_merged_it(site: Repo, head: Person) -> None:
    site.git("checkout", "-q", "-b", "change")
    site.write(document(row("web", ports="8443")))
    site.commit("CHG-2: another port", "dev@example.com")
    site.git("checkout", "-q", "main")
    site.merge("change", head.email, head.key)
    told = json.loads(baseline(site, "history", "web", "--format", "json").out)
    changed, added = told
    assert changed["subject"] == "CHG-2: another port"
    assert changed["author"] == "dev <dev@example.com>"
    (merged,) = changed["merged_by"]
    assert merged.startswith(f"{site.head()[:12]} of {head.email}, signed by {head.email} (SHA256:")
    assert "ports 443 → 8443" in changed["changed"]
    assert added["changed"] == "added"
    gone = json.loads(baseline(site, "history", "mail", "--format", "json").out)
    assert [each["changed"] for each in gone] == ["removed", "added"]
    shown = baseline(site, "history", "web").out
    assert "why      CHG-2: another port" in shown
    assert baseline(site, "history", "nope").err.strip().endswith("no commit has an entry 'nope'")


@pytest.mark.parametrize(("option", "value"), [("--owner", "web-team"), ("--zone", "shop")])
def test_two_hundred_proposals_take_one_command_and_one_signature(
    site: Repo, head: Person, option: str, value: str
) -> None:
    inside = [("192.0.2.0", "192.0.2.1")[each % 2] for each in range(400)]
    rows = [
        row(
            f"e{each}",
            hosts=inside[each] if each < 200 else "192.0.2.9",
            ports=str(1_000 + each),
            owner="web-team" if each < 200 else "mail-team",
            status="proposed",
            approver="",
            approved_on="",
        )
        for each in range(400)
    ]
    path = site.write(document(*rows))
    site.commit("CHG-3: propose")
    done = baseline(site, "approve", option, value, "--key", str(head.key), "--yes")
    assert done.code == 0, done.err
    text = path.read_text()
    assert (text.count("status: approved"), text.count("status: proposed")) == (200, 200)
    (content,) = (site.folder / "approvals").glob("*.json")
    assert content.name.startswith("200-entries.")
    lint = baseline(site, "lint")
    assert lint.code == 0, lint.out


def test_one_sentence_says_what_holds_for_many_entries(site: Repo, head: Person) -> None:
    waiting = {"status": "proposed", "approver": "", "approved_on": "", "ticket": ""}
    site.write(
        document(*(row(f"e{each}", ports=str(1_000 + each), **waiting) for each in range(9)))
    )
    site.commit("CHG-3: propose")
    done = baseline(site, "approve", "--owner", "web-team", "--key", str(head.key), "--yes")
    (note,) = (each for each in done.err.splitlines() if each.startswith("note: "))
    assert note == (
        "note: 9 entries will deviate once approved (approval-missing): no ticket "
        "(e0, e1, e2, e3, e4 and 4 more)"
    )
