"""`baseline review`, as people use it: real git, real keys, runs in a real store."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import factories as make
from command import Answer
from drafting import CONFIGURATION, VANTAGES, portproof, stored_run
from git_repos import Person, Repo, document, person, row
from portproof.documents.approvers import NAMESPACE
from portproof.documents.ssh_signatures import SshKeygen

APPROVALS = "approvals: {approvers: approvers.yaml, list_key: owner.pub}\n"
FROM = {"zones": "internet"}


@pytest.fixture
def audit(tmp_path: Path) -> Person:
    return person(tmp_path, "audit")


@pytest.fixture
def site(tmp_path: Path, audit: Person) -> Repo:
    """Give a repository: web by an author, admin by another one, a stored run that saw web alone."""
    repo, owner = Repo(tmp_path / "repo"), person(tmp_path, "owner")
    repo.write(CONFIGURATION + APPROVALS, "portproof.yaml")
    repo.write(VANTAGES, "vantages.yaml")
    repo.write(owner.public, "owner.pub")
    listed = repo.write(
        f'approvers: [{{id: {audit.email}, keys: "{audit.public}"}}]\n', "approvers.yaml"
    )
    signature = SshKeygen().sign(listed.read_bytes(), owner.key, NAMESPACE)
    listed.with_name("approvers.yaml.sig").write_bytes(signature)
    web, admin = row("web", hosts=make.HOST, **FROM), row("admin", hosts="10.0.0.6", **FROM)
    repo.write(document(web))
    repo.commit("CHG-1: the shop")
    repo.write(document(web, admin))
    repo.commit("CHG-2: administration", by="second@example.com")
    stored_run(repo.folder, make.open_host(p443=None), make.open_host("10.0.0.6"))
    return repo


def review(repo: Repo, *arguments: str) -> Answer:
    return portproof("baseline", "review", *arguments, cwd=repo.folder)


def facts(repo: Repo) -> dict[str, str]:
    """Give the facts about reviews that a check of a run of today asserts."""
    answer = portproof("check", "--format", "json", "--exit-zero", cwd=repo.folder)
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    asserted = (each for framework in told["frameworks"] for each in _facts(framework))
    return {each["fact"]: each["because"] for each in asserted if "review" in each["fact"]}


def _facts(value: object) -> list[dict[str, str]]:
    """Find every object that names a fact and why, at any depth."""
    if isinstance(value, dict):
        here = [value] if {"fact", "because"} <= value.keys() else []
        return here + [found for each in value.values() for found in _facts(each)]
    if isinstance(value, list):
        return [found for each in value for found in _facts(each)]
    return []


def test_a_review_shows_unused_entries_first_and_is_verified(site: Repo, audit: Person) -> None:
    done = review(site, "--key", str(audit.key), "--note", "second half", "--yes")
    assert done.code == 0, done.err
    assert done.out.index("unused (1)") < done.out.index("admin") < done.out.index("web ")
    assert "looked for, and nothing of it was open" in done.out
    (content,) = (site.folder / "reviews").glob("*.json")
    held = json.loads(content.read_bytes())
    assert (held["reviewer"], held["unused"], held["note"]) == (
        audit.email,
        ["admin"],
        "second half",
    )
    assert [each["id"] for each in held["entries"]] == ["admin", "web"]
    assert (held["editors"], held["commit"]) == ("git history", site.head())
    listed = json.loads(review(site, "--list", "--format", "json").out)
    assert [each["worth"] for each in listed["lines"]] == ["verified by signature"]
    assert "the next review is due" in listed["standing"]
    shown = review(site, "--list")
    assert audit.email in shown.out
    register = portproof("baseline", "register", "--format", "md", cwd=site.folder)
    today = held["at"][:10]
    assert f"Reviewed {today} by {audit.email}, verified by signature (SHA256:" in register.out


def test_a_verified_review_feeds_the_facts_and_a_tampered_one_does_not(
    site: Repo, audit: Person
) -> None:
    review(site, "--key", str(audit.key), "--yes")
    # A review counts for runs that end after it.
    (content,) = (site.folder / "reviews").glob("*.json")
    at = datetime.fromisoformat(json.loads(content.read_bytes())["at"])
    stored_run(site.folder, make.open_host(p443=None), at=at + timedelta(minutes=1))
    told = facts(site)["baseline_reviewed"]
    assert f"by {audit.email}, verified by signature (SHA256:" in told
    content.write_bytes(content.read_bytes().replace(b'"unused":["admin"]', b'"unused":[]'))
    overdue = facts(site)["baseline_review_overdue"]
    assert overdue.startswith("no review that there was then counts: ")
    assert "its signature is not verified" in overdue
    shown = review(site, "--list")
    assert "its signature is not verified" in shown.err
    assert "no review of the register is recorded" in shown.out


def test_whoever_edited_entries_is_refused_with_the_list_or_reviews_the_others(
    site: Repo, tmp_path: Path
) -> None:
    second = person(tmp_path, "second")
    who = ["--key", str(second.key), "--reviewer", second.email, "--yes"]
    refused = review(site, *who)
    assert refused.code == 2
    assert "second@example.com cannot review 1 of 2 approved entries" in refused.err
    assert "baseline.yaml:4:5: entry admin: second@example.com wrote it in commit" in refused.err
    assert not (site.folder / "reviews").exists()
    done = review(site, *who, "--others", "--format", "json")
    assert done.code == 0, done.err
    assert list(json.loads(done.out)["left_out"][0]) == ["because", "id"]
    assert "the review of entry web will be self-declared" in done.err
    assert "entry admin left out: somebody else has to review that" in done.err
    shown = review(site, "--list")
    assert "self-declared: " in shown.out
    assert "no review of the register is recorded" in shown.out, "admin was reviewed by nobody"


def test_what_is_not_committed_nobody_can_vouch_for(site: Repo, audit: Person) -> None:
    path = site.folder / "baseline.yaml"
    path.write_text(path.read_text().replace("10.0.0.6", "10.0.0.7"))
    done = review(site, "--key", str(audit.key), "--yes")
    assert done.code == 2
    assert "entry admin: its present content is not committed" in done.err


def test_without_git_requester_and_approver_are_taken_for_the_editors(
    site: Repo, audit: Person, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("portproof.yaml", "vantages.yaml", "owner.pub", "baseline.yaml"):
        (bare / name).write_bytes((site.folder / name).read_bytes())
    for name in ("approvers.yaml", "approvers.yaml.sig"):
        (bare / name).write_bytes((site.folder / name).read_bytes())
    done = portproof("baseline", "review", "--key", str(audit.key), "--yes", cwd=bare)
    assert done.code == 0, done.err
    assert "known by the names in the baseline only" in done.err
    assert "no run was looked through for what is unused" in done.err
    head = person(tmp_path, "head")
    who = ["--key", str(head.key), "--reviewer", "Head@example.com", "--yes"]
    refused = portproof("baseline", "review", *who, cwd=bare)
    assert refused.code == 2
    assert "approved it, and git cannot tell who wrote it" in refused.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--key is needed to sign a review"),
        (["--key", "gone"], "gone: there is no such key"),
    ],
)
def test_a_mistake_is_one_line(site: Repo, arguments: list[str], told: str) -> None:
    done = review(site, *arguments, "--yes")
    assert (done.code, len(done.err.strip().splitlines())) == (2, 1)
    assert told in done.err


def test_nothing_is_recorded_that_nobody_could_agree_to(site: Repo, audit: Person) -> None:
    done = review(site, "--key", str(audit.key))
    assert done.code == 2
    assert "--yes records without asking" in done.err
    assert not (site.folder / "reviews").exists()
