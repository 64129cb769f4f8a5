"""How the tests of this folder judge: the world of the factories, at noon."""

from __future__ import annotations

from typing import Any

import factories as make
from portproof.model.baseline import BaselineEntry
from portproof.model.finding import Evaluation, Judgement
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.evaluate import Criteria, evaluate


def judge(run: RunRecord, *entries: BaselineEntry, **changes: Any) -> Evaluation:
    """Judge a run against the entries; `changes` replace the other documents or the instant."""
    documents: dict[str, Any] = {
        "baseline": make.baseline(*entries),
        "waivers": make.waivers(),
        "rules": make.SERVICE_RULES,
        "vantages": make.VANTAGES,
    }
    at = changes.pop("at", make.NOON)
    return evaluate(run, Criteria(**documents | changes), at=at)


def judged(
    rule: str, host: HostOutcome, *entries: BaselineEntry, **changes: Any
) -> tuple[Judgement, ...]:
    """Give the judgements of one rule on a run of one host."""
    evaluation = judge(make.run(host), *entries, **changes)
    return tuple(each for each in evaluation.judgements if each.rule == rule)


def only(rule: str, host: HostOutcome, *entries: BaselineEntry, **changes: Any) -> Judgement:
    """Give the only judgement of one rule on a run of one host."""
    (found,) = judged(rule, host, *entries, **changes)
    return found
