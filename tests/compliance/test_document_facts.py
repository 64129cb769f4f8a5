"""Facts about the baseline as a document."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from portproof.compliance.document_facts import document_facts, months_later
from portproof.model.baseline import Baseline
from portproof.model.review import RegisterReview
from portproof.model.rule import Polarity

DEFINED = make.fact_definitions(
    make.fact("baseline_reviewed", "baseline", polarity=Polarity.SUPPORT),
    make.fact("baseline_review_overdue", "baseline"),
    make.fact("exception_expiring", "baseline", polarity=Polarity.CONTEXT),
)


def asserted(baseline: Baseline, on: date = make.TODAY) -> list[str]:
    at = datetime(on.year, on.month, on.day, tzinfo=UTC)
    return [each.fact for each in document_facts(baseline, at, DEFINED)]


def test_a_review_holds_for_six_months_and_not_a_day_longer() -> None:
    reviewed = make.baseline(reviewed_on=date(2026, 5, 21))
    assert asserted(reviewed, date(2026, 11, 21)) == ["baseline_reviewed"]
    assert asserted(reviewed, date(2026, 11, 22)) == ["baseline_review_overdue"]


@pytest.mark.parametrize("reviewed_on", [None, date(2027, 1, 1)], ids=["never", "in the future"])
def test_a_baseline_without_a_past_review_is_overdue(reviewed_on: date | None) -> None:
    assert asserted(make.baseline(reviewed_on=reviewed_on)) == ["baseline_review_overdue"]


@pytest.mark.parametrize("reviewer", ["", "WEB-TEAM@example.com "], ids=["nobody", "its editor"])
def test_a_review_by_nobody_or_by_its_editor_supports_nothing(reviewer: str) -> None:
    assert asserted(make.baseline(make.entry(), reviewed_by=reviewer)) == []


def test_a_recorded_review_says_that_nobody_checked_who_signed_it() -> None:
    (fact,) = document_facts(make.baseline(), make.NOON, DEFINED)
    assert "self-declared" in fact.because


def test_an_approval_that_ends_within_thirty_days_is_context() -> None:
    soon = make.entry(approval=make.approval(review_by=date(2026, 12, 21)))
    later = make.entry(approval=make.approval(review_by=date(2026, 12, 22)))
    gone = make.entry(approval=make.approval(review_by=date(2026, 11, 20)))
    assert asserted(make.baseline(soon, later, gone)) == ["baseline_reviewed", "exception_expiring"]


def test_a_short_month_ends_with_its_last_day() -> None:
    assert months_later(date(2026, 8, 31), 6) == date(2027, 2, 28)
    assert months_later(date(2026, 12, 1), 1) == date(2027, 1, 1)


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.integers(1, 24))
def test_months_later_is_later_and_never_more_than_a_day_of_the_month_away(
    day: date, months: int
) -> None:
    later = months_later(day, months)
    assert later > day
    assert (later.year - day.year) * 12 + later.month - day.month == months


# ---------------------------------------------------------------- signed reviews


def come_to(on: date | None, *, verified: bool, days: int = 1) -> RegisterReview:
    since = make.NOON - timedelta(days=days)
    return RegisterReview(since=since, on=on, verified=verified, told=f"told {verified}")


def because(*reviews: RegisterReview, **changes: object) -> tuple[str, str]:
    held = make.baseline(reviews=reviews, **changes)
    (fact,) = document_facts(held, make.NOON, DEFINED)
    return fact.fact, fact.because


def test_a_verified_review_comes_before_what_the_document_says() -> None:
    verified = come_to(date(2026, 6, 1), verified=True)
    declared = come_to(date(2026, 11, 1), verified=False)
    told = ("baseline_reviewed", "reviewed 2026-06-01 told True")
    assert because(declared, verified) == told
    assert because(declared, verified, reviewed_on=None) == told


def test_where_the_verified_one_is_overdue_a_self_declared_one_is_told_as_such() -> None:
    old = come_to(date(2026, 1, 1), verified=True, days=300)
    declared = come_to(date(2026, 11, 1), verified=False)
    assert because(old, declared) == ("baseline_reviewed", "reviewed 2026-11-01 told False")
    fact, said = because(old)
    assert (fact, "as the document says (self-declared)" in said) == ("baseline_reviewed", True)
    assert because(old, reviewed_on=None) == (
        "baseline_review_overdue",
        "last reviewed 2026-01-01, due 2026-07-01",
    )


def test_a_review_that_leaves_entries_out_covers_no_register() -> None:
    torn = come_to(None, verified=True)
    assert because(torn, reviewed_on=None) == ("baseline_review_overdue", "told True")


def test_a_review_counts_from_its_instant_on_and_hides_no_earlier_one() -> None:
    earlier = come_to(date(2026, 9, 1), verified=True, days=80)
    later = come_to(date(2026, 11, 22), verified=True, days=-1)
    assert because(earlier, later)[1] == "reviewed 2026-09-01 told True"
    assert because(later, reviewed_on=None)[0] == "baseline_review_overdue"
