"""Findings over several runs, kept in memory: what each run does to those of the runs before it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import factories as make
from policy.judging import judge
from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.endpoint import Address
from portproof.model.finding import (
    Actor,
    Evaluation,
    Finding,
    FindingEvent,
    FindingEventKind,
    IdentitySource,
    Severity,
    Verdict,
)
from portproof.model.scan import HostOutcome, RunRecord, RunStatus
from portproof.policy.lifecycle import finding_events, with_standing
from portproof.policy.lifecycle_projection import after

Findings = dict[str, Finding]


SIGHTINGS = (FindingEventKind.OPENED, FindingEventKind.SEEN, FindingEventKind.REOPENED)
NET_TEAM = Actor(name="net-team", source=IdentitySource.OS_USER)
DEVIATING = (Verdict.DEVIATES, Verdict.WAIVED)


def happened(
    findings: Findings,
    evaluation: Evaluation,
    run: RunRecord,
    baseline: Baseline,
    retired: Collection[Address] = (),
) -> tuple[FindingEvent, ...]:
    """Give the events, and let the findings have them."""
    known = list(findings.values())
    whole = with_standing(known, evaluation, run, baseline)
    events = finding_events(known, whole, run, retired)
    judged = {each.fingerprint: each for each in whole.judgements if each.verdict in DEVIATING}
    for event in events:
        findings[event.finding] = after(
            findings.get(event.finding), event, judged.get(event.finding)
        )
    return events


def dated(run: RunRecord, number: int) -> RunRecord:
    """Give the run as it would have been that many days later, under an id of its own."""
    days = timedelta(days=number)
    return replace(
        run,
        plan=replace(run.plan, run_id=f"run-{number}"),
        started=make.NOON + days - timedelta(minutes=5),
        finished=make.NOON + days,
    )


class History:
    """Findings over several runs, each a day after the one before; the first ends at noon."""

    def __init__(self) -> None:
        self.findings: Findings = {}
        self.number = -1
        self.because: list[str] = []

    def run(
        self, *hosts: HostOutcome, entries: tuple[BaselineEntry, ...] = (), **changes: Any
    ) -> list[str]:
        self.number += 1
        status = changes.pop("status", RunStatus.COMPLETE)
        vantage = changes.pop("vantage", make.VANTAGE)
        run = dated(make.run(*hosts, status=status, plan={"vantage": vantage}), self.number)
        return self.judge(run, *entries, **changes)

    def judge(self, run: RunRecord, *entries: BaselineEntry, **changes: Any) -> list[str]:
        baseline = changes.pop("baseline", None) or make.baseline(*entries)
        retired = changes.pop("retired", ())
        evaluation = judge(run, baseline=baseline, **changes)
        events = happened(self.findings, evaluation, run, baseline, retired)
        self.because = [each.because for each in events]
        return [each.kind.value for each in events]

    def of(self, rule: str) -> Finding:
        (found,) = (each for each in self.findings.values() if each.judgement.rule == rule)
        return found

    def act(self, kind: FindingEventKind, *, at: datetime | None = None, value: str = "") -> None:
        """Let a person do something to the only finding, an hour after the last run ended."""
        finding = self.only
        event = FindingEvent(
            finding=finding.fingerprint,
            kind=kind,
            at=at or make.NOON + timedelta(days=self.number, hours=1),
            run_id=finding.run_id,
            severity=finding.judgement.severity or Severity.INFO,
            because="said so",
            actor=NET_TEAM,
            value=value,
        )
        self.findings[finding.fingerprint] = after(finding, event, None)

    @property
    def only(self) -> Finding:
        (finding,) = self.findings.values()
        return finding
