"""Segmentation: judge the stored runs of a window against the policy, and look back.

What the due-date clocks need comes from here too: per cell the last test that lacked nothing, and
what started it (`LastTest`). It is made anew from the runs each time, so that nothing but the runs
themselves has to be believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import islice
from typing import Final

from portproof.contracts import Store
from portproof.errors import SettingsError
from portproof.model.endpoint import Address
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.segmentation import CellRule, SinkLog
from portproof.model.segmentation_result import Cell, LastTest, Matrix
from portproof.policy.segmentation import SegmentationCase, judge_cell, judge_segmentation
from portproof.policy.segmentation_refusals import BY_ICMP
from portproof.policy.segmentation_seen import SegmentationEvidence, asks_in

DEFAULT_WINDOW: Final = timedelta(days=7)
"""Runs of one test: those from outside and those from inside lie at most so far apart."""
_LOOK_BACK: Final = 100
"""How many runs of a cell are gone through in search of its last complete test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which runs are judged together, and what else is known of them."""

    until: datetime
    window: timedelta = DEFAULT_WINDOW
    sinks: tuple[SinkLog, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One cell as it stood when a run finished."""

    run_id: str
    vantage: str
    inside: bool
    """Whether the run looked from inside the target zone."""
    status: RunStatus
    cell: Cell


def segmentation(store: Store, case: SegmentationCase, span: Span) -> Matrix:
    """Judge every cell on the stored runs that finished in the span.

    Raises:
        StoreError: a run cannot be read.
    """
    archive = _Archive(store, case, span.sinks)
    since = span.until - span.window
    evidence = archive.evidence(since=since, until=span.until)
    matrix = judge_segmentation(case, evidence, since=since, until=span.until)
    last = (_last_test(archive, case, cell, span) for cell in matrix.cells)
    return replace(matrix, last=tuple(last))


def segmentation_history(
    store: Store, case: SegmentationCase, source: str, target: str, span: Span
) -> Iterator[Moment]:
    """Give one cell as it stood after each run that concerns it, newest first.

    Each moment is judged by the policy of today, on the runs of the window before it.

    Raises:
        SettingsError: there is no such cell.
        StoreError: a run cannot be read.
    """
    zone = case.policy.zone(target)
    if zone is None or source not in case.sources or source == target:
        zones = ", ".join(each.name for each in case.policy.zones)
        raise SettingsError(
            f"the policy has no cell from {source} to {target}; it has those from "
            f"{', '.join(case.sources)} to {zones}"
        )
    archive = _Archive(store, case, span.sinks)
    return _moments(archive, case, case.policy.cell(source, target), span)


def icmp_senders(store: Store, run: RunRecord) -> dict[str, Address | None]:
    """Read who sent the ICMP errors of a run, by the digest of the raw record; None: it does not say.

    Raises:
        StoreError: a raw record is gone or damaged.
    """
    told = (
        seen.evidence
        for host in run.hosts
        if any(reason in host.reasons for reason in BY_ICMP)
        for seen in host.observations
        if seen.evidence is not None and seen.reason in BY_ICMP
    )
    return {digest: _sender(raw) for digest, raw in store.raws(told)}


def _sender(raw: bytes) -> Address | None:
    told = json.loads(raw).get("icmp_from")
    return ip_address(told) if told else None


def _last_test(archive: _Archive, case: SegmentationCase, cell: Cell, span: Span) -> LastTest:
    source, target = cell.rule.source, cell.rule.target
    for moment in islice(_moments(archive, case, cell.rule, span), _LOOK_BACK):
        if moment.cell.complete:
            # Later runs that told nothing may be in the window: the test is of the one that did.
            decided = next(
                each
                for each in moment.cell.runs
                if not each.inside and each.finished == moment.cell.tested_at
            )
            return LastTest(
                source=source,
                target=target,
                at=moment.cell.tested_at,
                started_by=decided.started_by,
                run_id=decided.run_id,
            )
    return LastTest(source=source, target=target, at=None)


def _moments(
    archive: _Archive, case: SegmentationCase, rule: CellRule, span: Span
) -> Iterator[Moment]:
    zones = (rule.source, rule.target)
    zone = case.policy.zone(rule.target)
    if zone is None:
        return
    for run in archive.runs(until=span.until, zones=zones):
        if not asks_in(run, zone):
            continue
        evidence = archive.evidence(
            since=run.finished - span.window, until=run.finished, zones=zones
        )
        yield Moment(
            run_id=run.plan.run_id,
            vantage=run.plan.vantage.id,
            inside=run.plan.vantage.zone == rule.target,
            status=run.status,
            cell=judge_cell(case, evidence, rule, zone),
        )


class _Archive:
    """The stored runs that the zones of a policy have a part in; each is read once."""

    def __init__(self, store: Store, case: SegmentationCase, sinks: Sequence[SinkLog]) -> None:
        self._store = store
        self._sinks = tuple(sinks)
        zones = {*case.sources, *(each.name for each in case.policy.zones)}
        self._listed = [
            each for each in store.runs() if each.zone in zones and each.finished is not None
        ]
        self._read: dict[str, RunRecord] = {}
        self._senders: dict[str, Address | None] = {}

    def runs(self, *, until: datetime, zones: Sequence[str]) -> Iterator[RunRecord]:
        """Give the runs from some zones that finished by then, newest first."""
        for each in self._listed:
            if each.zone in zones and each.finished is not None and each.finished <= until:
                yield self._run(each.id)

    def evidence(
        self, *, since: datetime, until: datetime, zones: Sequence[str] | None = None
    ) -> SegmentationEvidence:
        """Give the runs (from all zones, or some) that finished in a window, with their ICMP senders."""
        held = tuple(
            self._run(each.id)
            for each in self._listed
            if each.finished is not None
            and since <= each.finished <= until
            and (zones is None or each.zone in zones)
        )
        return SegmentationEvidence(runs=held, senders=self._senders, sinks=self._sinks)

    def _run(self, run_id: str) -> RunRecord:
        if run_id not in self._read:
            run = self._store.load_run(run_id)
            self._read[run_id] = run
            self._senders |= icmp_senders(self._store, run)
        return self._read[run_id]
