"""How the tests of this folder judge: the world of the factories, at noon."""

from __future__ import annotations

from typing import Any

import factories as make
from portproof.model.baseline import BaselineEntry
from portproof.model.endpoint import Address
from portproof.model.finding import Evaluation, Judgement
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.checks import CHECKS
from portproof.policy.evaluate import Criteria, evaluate, scene_of
from portproof.policy.subjects import by_subject
from portproof.policy.waivers import apply_waivers


def criteria_of(*entries: BaselineEntry, **changes: Any) -> Criteria:
    """Give the documents of the factories, with the entries; `changes` replace documents."""
    documents: dict[str, Any] = {
        "baseline": make.baseline(*entries),
        "waivers": make.waivers(),
        "rules": make.SERVICE_RULES,
        "vantages": make.VANTAGES,
    }
    return Criteria(**documents | changes)


def judge(run: RunRecord, *entries: BaselineEntry, **changes: Any) -> Evaluation:
    """Judge a run against the entries; `changes` replace the other documents or the instant."""
    at = changes.pop("at", make.NOON)
    return evaluate(run, criteria_of(*entries, **changes), at=at)


def judge_in_full(run: RunRecord, *entries: BaselineEntry, **changes: Any) -> tuple[Judgement, ...]:
    """Judge as `judge`, with a judgement for each rule and port that conforms, too."""
    at = changes.pop("at", make.NOON)
    criteria = criteria_of(*entries, **changes)
    scene = scene_of(run, criteria, at)
    told = (each for check in CHECKS for each in check(scene))
    names: dict[Address, set[str]] = {}
    for host in run.plan.hosts:
        names.setdefault(host.address, set()).update(host.names)
    held = {address: frozenset(each) for address, each in names.items()}
    return by_subject(apply_waivers(told, criteria.waivers, held, at, criteria.holders))


def judged(
    rule: str, host: HostOutcome, *entries: BaselineEntry, **changes: Any
) -> tuple[Judgement, ...]:
    """Give the judgements of one rule on a run of one host, also those that conform."""
    told = judge_in_full(make.run(host), *entries, **changes)
    return tuple(each for each in told if each.rule == rule)


def only(rule: str, host: HostOutcome, *entries: BaselineEntry, **changes: Any) -> Judgement:
    """Give the only judgement of one rule on a run of one host."""
    (found,) = judged(rule, host, *entries, **changes)
    return found
