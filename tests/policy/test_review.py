"""What a reviewer looks at first, and what reviews of the register come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

import factories as make
from portproof.model.approval import (
    Approver,
    Approvers,
    Commit,
    EntryVersion,
    Provenance,
    Trace,
)
from portproof.model.baseline import Baseline, BaselineEntry, Direction, Status
from portproof.model.review import EditorsKnownBy, RegisterReview, ReviewRecord, SignedReview
from portproof.policy.approval_usage import ApprovalUsage, Matched
from portproof.policy.review import (
    Attention,
    last_reviewed,
    refused_entries,
    register_reviews,
    review_rows,
)

AUDIT, SECOND = "audit@example.com", "second@example.com"
WEB, MAIL = make.entry(id="web"), make.entry("10.66.0.9", "25", id="mail")
BOTH = make.baseline(WEB, MAIL)


def provenance(*ids: str, author: str = "dev@example.com", **approvers: object) -> Provenance:
    """Give traces whose digests are named after the entries, all brought by one author."""
    commit = Commit(
        id="c" * 40, author="dev", email=author, at=make.NOON, committed=make.NOON, message="x"
    )
    traces = {
        each: Trace(digest=each, brought=EntryVersion(commit=commit, entry=None, digest=each))
        for each in ids or ("web", "mail")
    }
    listed = {
        "approvers": (Approver(id=AUDIT, aliases=("The auditor",)), Approver(id=SECOND)),
        "file": "approvers.yaml",
    }
    return Provenance(traces=traces, approvers=Approvers(**(listed | approvers)))  # type: ignore[arg-type]


def signed(
    *ids: str, by: str = AUDIT, days: int = 10, left_out: tuple[str, ...] = (), refused: str = ""
) -> SignedReview:
    """Give a review some days ago, of entries whose digests are named after them."""
    record = ReviewRecord(
        scope="shop",
        reviewer=by,
        at=make.NOON - timedelta(days=days),
        baseline="b" * 64,
        editors=EditorsKnownBy.GIT,
        entries={each.partition("=")[0]: each.rpartition("=")[2] for each in ids},
        left_out=dict.fromkeys(left_out, "wrote it"),
    )
    return SignedReview(record=record, reference="r.json", key="SHA256:k", refused=refused)


def come_to(
    *reviews: SignedReview, baseline: Baseline = BOTH, known: Provenance | None = None
) -> tuple[RegisterReview | None, RegisterReview | None]:
    """Give what verified reviews came to last, and what all did."""
    found = register_reviews(reviews, baseline, known or provenance(), make.VANTAGES)
    last = {each.verified: each for each in found}
    return last.get(True), last.get(False)


def on(days: int) -> date:
    return (make.NOON - timedelta(days=days)).date()


def test_a_verified_review_of_every_entry_is_the_registers() -> None:
    verified, _ = come_to(signed("web", "mail"))
    assert verified is not None
    assert (verified.on, verified.since) == (on(10), make.NOON - timedelta(days=10))
    assert verified.told == f"by {AUDIT}, verified by signature (SHA256:k, r.json)"


@pytest.mark.parametrize(
    ("review", "known"),
    [
        (signed("web", "mail", refused="the key is none of audit@example.com"), provenance()),
        (signed("web", "mail", by="stranger@example.com"), provenance()),
        (signed("web", "mail"), provenance(unsigned="its signature is missing")),
    ],
    ids=["another key", "nobody's", "an unsigned list"],
)
def test_a_review_that_nobody_entitled_signed_is_self_declared(
    review: SignedReview, known: Provenance
) -> None:
    verified, declared = come_to(review, known=known)
    assert verified is None
    assert declared is not None
    assert (declared.on, "self-declared" in declared.told) == (on(10), True)


def test_nobody_reviews_what_he_or_she_asked_for_or_wrote() -> None:
    for known, requester in (
        (provenance(author="The Auditor"), "web-team@example.com"),
        (provenance(), "AUDIT@example.com"),
    ):
        own = make.baseline(replace(WEB, approval=make.approval(requester=requester)))
        verified, declared = come_to(signed("web"), baseline=own, known=known)
        assert verified is None
        assert declared is not None
        assert declared.on is None
        assert declared.told == "1 entry (web) was never reviewed by anybody who may"


def test_an_entitlement_to_some_zones_reviews_the_entries_towards_them() -> None:
    cde = Approvers(approvers=(Approver(id=AUDIT, zones=("cde",)),), file="approvers.yaml")
    known = replace(provenance(), approvers=cde)
    refused = refused_entries(signed("web", "mail"), BOTH, known, make.VANTAGES)
    assert list(refused) == ["web"]
    assert "entitled to cde" in refused["web"]


def test_what_a_review_left_out_counts_with_an_earlier_one_or_not_at_all() -> None:
    later = signed("web", days=10, left_out=("mail",))
    verified, _ = come_to(later)
    assert verified is not None
    assert (verified.on, verified.told) == (
        None,
        "1 entry (mail) was never reviewed by anybody who may",
    )
    verified, _ = come_to(later, signed("mail", by=SECOND, days=90, left_out=("web",)))
    assert verified is not None
    assert verified.on == on(90), "the register is as old as the entry looked at longest ago"
    assert verified.told.count("verified by signature") == 2


def test_an_entry_that_came_after_the_review_is_due_with_the_next_one() -> None:
    verified, _ = come_to(signed("web"))
    assert verified is not None
    assert (verified.on, verified.told.endswith("1 entry (mail) was approved since")) == (
        on(10),
        True,
    )
    waiting = make.baseline(WEB, replace(MAIL, status=Status.PROPOSED))
    verified, _ = come_to(signed("web"), baseline=waiting)
    assert verified is not None
    assert "since" not in verified.told


def test_a_changed_entry_was_reviewed_as_it_was_then() -> None:
    asked = replace(WEB, approval=make.approval(requester=AUDIT))
    verified, _ = come_to(signed("web=older"), baseline=make.baseline(asked))
    assert verified is not None
    assert verified.on == on(10), "who asks for a later content has not asked for that one"


def test_reviews_are_told_as_of_each_so_that_a_later_one_hides_none() -> None:
    found = register_reviews(
        (signed("web", "mail", days=1), signed("web", "mail", days=100)),
        BOTH,
        provenance(),
        make.VANTAGES,
    )
    assert [(each.on, each.verified) for each in found] == [
        *((on(100), True), (on(1), True), (on(100), False), (on(1), False))
    ]


def test_when_an_entry_was_last_reviewed_is_when_somebody_did_who_may() -> None:
    reviews = (signed("web", days=5, by="stranger@example.com"), signed("web", "mail", days=50))
    then = make.NOON - timedelta(days=50)
    held = last_reviewed(reviews, BOTH, provenance(), make.VANTAGES)
    assert held == {"web": then, "mail": then}


# ---------------------------------------------------------------- what is shown first


def usage(entry: BaselineEntry, matched: Matched, last: datetime | None = None) -> ApprovalUsage:
    return ApprovalUsage(
        entry=entry,
        end=make.NOON + timedelta(days=90),
        expired=False,
        notice_days=None,
        matched=matched,
        last_matched=last,
    )


def named(name: str, owner: str = "Web team", **changes: object) -> BaselineEntry:
    return replace(make.entry(), id=name, owner=owner, **changes)  # type: ignore[arg-type]


def test_unused_entries_come_first_then_ending_ones_then_the_rest_by_owner() -> None:
    never, stale, ending, mine, theirs = map(named, ("never", "stale", "ending", "b", "a"))
    theirs = replace(theirs, owner="Zebra team")
    used = make.NOON - timedelta(days=1)
    usages = (
        usage(theirs, Matched.SEEN, used),
        usage(mine, Matched.SEEN, used),
        replace(usage(ending, Matched.SEEN, used), notice_days=30),
        usage(stale, Matched.SEEN, make.NOON - timedelta(days=91)),
        usage(never, Matched.NEVER),
    )
    baseline = make.baseline(theirs, mine, ending, stale, never)
    rows = review_rows(baseline, usages, make.NOON, unused_days=90)
    assert [each.entry.id for each in rows] == ["never", "stale", "ending", "b", "a"]
    assert [each.attention for each in rows[:3]] == [
        *(Attention.UNUSED, Attention.UNUSED, Attention.ENDING)
    ]
    assert rows[1].told == "last seen open 2026-08-22"


def test_what_nobody_looked_for_is_not_called_unused() -> None:
    far, out = named("far"), named("out", direction=Direction.OUTBOUND)
    rows = review_rows(
        make.baseline(far, out, named("new")),
        (usage(far, Matched.UNMEASURED),),
        make.NOON,
        unused_days=1,
    )
    assert {each.entry.id: each.told for each in rows} == {
        "far": "no run measured it: whether anything uses it is not known",
        "new": "no run looked for it",
        "out": "outbound: no run looks for it",
    }
    assert {each.attention for each in rows} == {Attention.OTHER}


def test_a_proposed_entry_is_not_reviewed() -> None:
    rows = review_rows(
        make.baseline(named("wish", status=Status.PROPOSED)), (), make.NOON, unused_days=90
    )
    assert rows == ()
