"""A change of the baseline: planned on a branch, approved by another key, merged, and seen in the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from git_repos import Person, Repo, person
from portproof.documents.approvers import NAMESPACE
from portproof.documents.ssh_signatures import SshKeygen
from zone_story import Story, baseline, controls, entry
from zoned import TARGET, ZonedLab

pytestmark = pytest.mark.privileged
WEB, ORDERS = 80, 8443
AUDIT = ("audit", "--out", "out", "--report", "json")


@pytest.fixture(scope="module")
def lab() -> Iterator[ZonedLab]:
    with ZonedLab() as lab:
        yield lab


@dataclass
class Shop:
    """A repository with a signed list of approvers: the head, and a developer who is one as well."""

    story: Story
    repo: Repo
    head: Person
    dev: Person

    def entry(self, name: str, port: int, **changes: str) -> str:
        people = {"requester": self.dev.email, "approver": self.head.email} | changes
        return entry(name, str(port), zones="office", **people)

    def write(self, *entries: str) -> None:
        self.repo.write(baseline(*entries))


@pytest.fixture
def shop(lab: ZonedLab, tmp_path: Path) -> Shop:
    repo = Repo(tmp_path / "repo")
    story = Story(repo.folder, lab)
    head, dev, owner = (person(tmp_path, name) for name in ("head", "dev", "owner"))
    approvals = "approvals: {approvers: approvers.yaml, list_key: owner.pub}\n"
    story.documents(vantage="desk", ports=f"{WEB},{ORDERS}", more=approvals)
    story.put(".gitignore", "out/\n*.sqlite*\n")
    story.put("owner.pub", owner.public)
    listed = [f'{{id: {each.email}, keys: "{each.public}"}}' for each in (head, dev)]
    approvers = story.put("approvers.yaml", f"approvers: [{', '.join(listed)}]\n")
    signature = SshKeygen().sign(approvers.read_bytes(), owner.key, NAMESPACE)
    approvers.with_name("approvers.yaml.sig").write_bytes(signature)
    shop = Shop(story, repo, head, dev)
    shop.write()
    repo.commit("CHG-1: nothing is approved yet", head.email)
    repo.git("checkout", "-q", "-b", "web")
    shop.write(shop.entry("web", WEB))
    repo.commit("CHG-2: the shop", dev.email)
    repo.git("checkout", "-q", "main")
    repo.merge("web", head.email, head.key)
    return shop


def test_a_change_is_planned_refused_to_its_author_approved_by_another_and_verified(
    shop: Shop, lab: ZonedLab
) -> None:
    story, repo = shop.story, shop.repo
    with story.peer(WEB, ORDERS):
        story.portproof(lab.office, *AUDIT, code=1)
        (found,) = story.findings()
        assert found["endpoints"] == [f"{TARGET}:{ORDERS}/tcp"]
        repo.git("checkout", "-q", "-b", "orders")
        shop.write(shop.entry("web", WEB), shop.entry("orders", ORDERS, approver=""))
        repo.commit("CHG-3: orders over TLS", shop.dev.email)
        plan_and_approve(shop)
        repo.git("checkout", "-q", "main")
        repo.merge("orders", shop.head.email, shop.head.key)
        review(shop)
        story.portproof(lab.office, *AUDIT, code=0)
    evidence = story.evidence()
    assert levels(evidence) == {"web": "verified by git", "orders": "verified by signature"}
    assert f"by {shop.head.email}, verified by signature" in reviewed(evidence)
    (closed,) = story.findings("--all")
    assert (closed["id"], closed["closed_by"]) == (found["id"], "approval")

    # A history that was rewritten takes away what git knew, and nothing of what was signed.
    repo.git("reset", "-q", "--soft", "HEAD~3")
    repo.commit("CHG-9: as if it had always been there", shop.head.email, shop.head.key)
    rewritten = story.judged("--fail-on", "critical", code=0)
    assert levels(rewritten) == {"web": "self-declared", "orders": "verified by signature"}
    assert "The history was rewritten" in rewritten["summary"]["approvals"]
    assert [each["rule"] for each in rewritten["findings"]] == ["baseline-change-untracked"]


def plan_and_approve(shop: Shop) -> None:
    """See what the change on this branch would do, and have it approved, which its author cannot."""
    story, becomes = shop.story, f"{TARGET}:{ORDERS}/tcp was observed open; it becomes approved"
    plan = ("baseline", "plan", "--base", "main", "--against", "last")
    sign = ("baseline", "approve", "orders", "--yes", "--key")
    assert "no faults (2 approved, 0 proposed)" in story.here("baseline", "lint").err
    planned = story.here(*plan, code=1).out
    assert f"{becomes}: entry orders  [baseline.yaml:10]" in planned
    assert "entry orders has no approver" in planned
    # Who asked for it is an approver, too, and not of this.
    assert story.here(*sign, str(shop.dev.key), code=2).err == (
        f"portproof: baseline.yaml:10:5: {shop.dev.email} is the requester of entry orders; "
        "somebody else approves it\n"
    )
    story.here(*sign, str(shop.head.key))
    shop.repo.commit("CHG-3: approved", shop.dev.email)
    assert "has no approver" not in story.here(*plan, code=1).out


def review(shop: Shop) -> None:
    """Have the register reviewed, which nobody can who asked for what it approves."""
    sign = ("baseline", "review", "--yes", "--key")
    unfit = shop.story.here(*sign, str(shop.dev.key), code=2).err
    assert f"entry orders: {shop.dev.email} asked for it" in unfit
    shop.story.here(*sign, str(shop.head.key))
    shop.repo.commit("CHG-4: reviewed", shop.head.email)


def test_what_its_author_merges_himself_counts_as_a_name_in_a_file(
    shop: Shop, lab: ZonedLab
) -> None:
    story, repo = shop.story, shop.repo
    repo.git("checkout", "-q", "-b", "orders")
    shop.write(shop.entry("web", WEB), shop.entry("orders", ORDERS, requester="owner@example.com"))
    repo.commit("CHG-3: orders over TLS", shop.dev.email)
    repo.git("checkout", "-q", "main")
    repo.merge("orders", shop.dev.email, shop.dev.key)
    with story.peer(WEB, ORDERS):
        story.portproof(lab.office, *AUDIT, "--exit-zero", code=0)
    evidence = story.evidence()
    assert levels(evidence) == {"web": "verified by git", "orders": "self-declared"}
    told = {each["id"]: each["approval_evidence"] for each in evidence["register"]}
    assert f"{shop.dev.email} is the author of the commit that brought it" in told["orders"]


def levels(evidence: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["approval_level"] for each in evidence["register"]}


def reviewed(evidence: dict[str, Any]) -> str:
    """Give what the evidence says of the last review."""
    told = {
        each["because"]
        for control in controls(evidence)
        for each in control["supporting"]
        if each["fact"] == "baseline_reviewed"
    }
    return " ".join(told)
