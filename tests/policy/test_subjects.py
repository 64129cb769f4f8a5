"""What several addresses of one asset show is told together, and nothing hides behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from portproof.model.finding import Judgement, Severity, Verdict
from portproof.policy.subjects import by_subject, endpoints_of

FIRST = make.judgement(endpoint=make.endpoint("10.0.0.5:80/tcp"), because="First.", facts=("a",))
SECOND = replace(
    FIRST, endpoint=make.endpoint("10.0.0.6:80/tcp"), because="Second.", facts=("b", "a")
)


def with_verdict(judged: Judgement, verdict: Verdict) -> Judgement:
    wrong = verdict in (Verdict.DEVIATES, Verdict.WAIVED)
    return replace(judged, verdict=verdict, severity=Severity.MEDIUM if wrong else None)


def test_two_addresses_become_one_judgement_with_both() -> None:
    (told,) = by_subject([SECOND, FIRST])
    assert endpoints_of(told) == (FIRST.endpoint, SECOND.endpoint)
    assert told.because == "First. Second."
    assert set(told.facts) == {"a", "b"}


def test_the_worse_severity_speaks_for_both() -> None:
    (told,) = by_subject([FIRST, replace(SECOND, severity=Severity.HIGH)])
    assert told.severity is Severity.HIGH
    assert endpoints_of(told) == (SECOND.endpoint, FIRST.endpoint)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (Verdict.DEVIATES, Verdict.WAIVED, [Verdict.DEVIATES]),
        (Verdict.DEVIATES, Verdict.UNKNOWN, [Verdict.DEVIATES, Verdict.UNKNOWN]),
        (Verdict.DEVIATES, Verdict.CONFORMS, [Verdict.DEVIATES]),
        (Verdict.WAIVED, Verdict.UNKNOWN, [Verdict.WAIVED, Verdict.UNKNOWN]),
        (Verdict.WAIVED, Verdict.CONFORMS, [Verdict.WAIVED]),
        (Verdict.UNKNOWN, Verdict.CONFORMS, [Verdict.UNKNOWN]),
        (Verdict.CONFORMS, Verdict.CONFORMS, [Verdict.CONFORMS]),
    ],
)
def test_no_verdict_hides_behind_a_better_one(
    one: Verdict, other: Verdict, told: list[Verdict]
) -> None:
    both = [with_verdict(FIRST, one), with_verdict(SECOND, other)]
    assert [each.verdict for each in by_subject(both)] == told
    assert [each.verdict for each in by_subject(both[::-1])] == told


def test_what_is_required_on_one_address_is_required() -> None:
    unknown = [with_verdict(each, Verdict.UNKNOWN) for each in (FIRST, SECOND)]
    (told,) = by_subject([unknown[0], replace(unknown[1], required=True)])
    assert told.required


@given(st.permutations([FIRST, SECOND, make.judgement(), make.judgement("missing-service")]))
def test_the_order_of_judging_does_not_matter(judgements: list[Judgement]) -> None:
    assert {each.fingerprint for each in by_subject(judgements)} == {
        each.fingerprint for each in judgements
    }
    assert [each.title for each in by_subject(judgements)] == [
        each.title for each in by_subject(judgements[::-1])
    ]
