"""Facts about findings: which of them stood longer than was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from portproof.compliance.facts import Facts
from portproof.model.compliance import AssertedFact
from portproof.model.deadlines import Overdue

OVERDUE: Final = "finding_overdue"
DECIDED_DAYS: Final = "sla"
"""The need (`facts.yaml`) that is met where the organisation decided by when findings are mended. No
law fixes these days: the defaults that reports print are nobody's decision."""
_RUN_CONCLUDED: Final = "completed_probe"


def with_overdue(facts: Facts, overdue: Sequence[Overdue]) -> Facts:
    """Give the facts with what was overdue at the instant of a run's evaluation, or that nothing was.

    Only where somebody decided deadlines: else nothing can be overdue, and it is not denied either.
    Nor does a run deny it that did not conclude: it moves no finding.
    """
    if facts.definitions.get(OVERDUE) is None:
        return facts
    told = tuple(_asserted(each, facts) for each in overdue)
    known = replace(
        facts, asserted=(*facts.asserted, *told), available=facts.available | {DECIDED_DAYS}
    )
    if _RUN_CONCLUDED in facts.available:
        return replace(known, decided=facts.decided | {OVERDUE})
    return replace(known, undecided={**facts.undecided, OVERDUE: "the run did not conclude"})


def _asserted(overdue: Overdue, facts: Facts) -> AssertedFact:
    finding = overdue.finding
    judged = finding.judgement
    seen = f"{finding.first_seen:%Y-%m-%dT%H:%M:%SZ}"
    return AssertedFact(
        fact=OVERDUE,
        polarity=facts.polarity(OVERDUE),
        subject=str(judged.endpoint or judged.subject.asset),
        because=f"{judged.title}: first seen {seen}, due {overdue.due.isoformat()}",
        finding=finding.fingerprint,
    )
