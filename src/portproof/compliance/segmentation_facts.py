"""Facts about boundaries between zones: what a kept segmentation matrix shows, denies, or leaves open.

========================  =======================================================================
`segmentation_closed`     asserted where every cell of the policy is supported, its outside runs
                          had controls, and nothing seen since contradicts it
`segmentation_open`       asserted for each cell with a forbidden path that another run than the one
                          under report saw (its own are judgements); denied where every cell is supported
`egress_open`             asserted for each path from a protected zone to portproof's own sink;
                          denied where every cell from every protected zone is supported, and each
                          of these zones had a sink to reach
========================  =======================================================================

Every fact leads to the record in the log. All else is undecided, and says what is missing: silence
at one boundary says nothing about the others (law 1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from portproof.compliance.facts import Facts
from portproof.model.compliance import AssertedFact
from portproof.model.endpoint import bracketed
from portproof.model.finding import Finding, FindingStatus, Judgement, Verdict
from portproof.model.rule import FactDefinitions
from portproof.model.segmentation_record import KeptMatrix
from portproof.model.segmentation_result import Cell, CellState, Crossing, Matrix, Path

CLOSED: Final = "segmentation_closed"
OPEN: Final = "segmentation_open"
EGRESS: Final = "egress_open"
_FACTS: Final = (CLOSED, OPEN, EGRESS)
_POLICY: Final = "segmentation_policy"
_MOST_NAMED: Final = 5
_LONGEST_PORTS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundaries:
    """What is known of the boundaries beyond the run under report."""

    record: KeptMatrix | None = None
    """The kept matrix that the report may rest on; None: there is none near enough."""
    findings: Sequence[Finding] = ()
    """All findings of the store."""


def with_boundaries(
    facts: Facts, held: Boundaries, judgements: Collection[Judgement], *, run_id: str
) -> Facts:
    """Add to the facts of a run what is known of boundaries, as far as the vocabulary has it.

    `judgements` are those of the run. What is undecided already stays so. Without a segmentation
    policy nothing was looked for, and the facts stay as they are.
    """
    if _POLICY not in facts.available:
        return facts
    if held.record is None:
        why = "no segmentation record of this policy lies near the run"
        undecided = {fact: why for fact in _FACTS if facts.definitions.get(fact)}
        return replace(facts, undecided=undecided | dict(facts.undecided))
    met = facts.available | _met(held.record.matrix)
    open_points = {**dict(_undecided(held, judgements)), **facts.undecided}
    shown = _Shown(held.record, facts.definitions, met)
    decided = {each for each in (OPEN, EGRESS) if shown.may_tell(each)}
    told = (*shown.closed(open_points), *shown.crossings(run_id), *shown.egress())
    return replace(
        facts,
        asserted=(*facts.asserted, *told),
        available=met,
        undecided={fact: why for fact, why in open_points.items() if facts.definitions.get(fact)},
        decided=(facts.decided | decided) - open_points.keys(),
    )


def _met(matrix: Matrix) -> frozenset[str]:
    """Give the needs that the record meets: its runs, not the one under report, have to meet them."""
    met = {
        "completed_probe": any(each.tested_at for each in matrix.cells),
        "control_probe": not _without_controls(matrix),
        "egress_sink": bool(matrix.sinks),
    }
    return frozenset(need for need, there in met.items() if there)


def _without_controls(matrix: Matrix) -> tuple[Cell, ...]:
    """Give the cells none of whose outside runs had a control that showed what it must."""
    return tuple(
        cell
        for cell in matrix.cells
        if not any(run.controls_as_expected for run in cell.runs if not run.inside)
    )


def _undecided(held: Boundaries, judgements: Collection[Judgement]) -> Iterator[tuple[str, str]]:
    """Give what may not be claimed or denied, and why; the gravest reason comes last."""
    if held.record is None:
        return
    matrix, leaf = held.record.matrix, f"segmentation record of leaf {held.record.seq}"
    if without := _without_controls(matrix):
        yield CLOSED, f"no control was asked from {_sources(without)} ({leaf})"
    if left := [each for each in matrix.cells if each.state is not CellState.SUPPORTED]:
        why = f"{_cells(left, matrix)} ({leaf})"
        yield CLOSED, why
        yield OPEN, why
    elif not matrix.cells:
        yield from ((fact, f"the policy has no cell ({leaf})") for fact in (CLOSED, OPEN))
    if why := _no_egress(matrix):
        yield EGRESS, f"{why} ({leaf})"
    if why := _contradiction(held.findings, judgements):
        yield CLOSED, why


def _no_egress(matrix: Matrix) -> str:
    """Say what an answer about egress lacks; empty when nothing does."""
    protected = [each.name for each in matrix.policy.zones if each.protected]
    if not protected:
        return "the policy has no protected zone"
    for zone in protected:
        cells = [each for each in matrix.cells if each.rule.source == zone]
        if not any(each.sinks for each in cells):
            return f"no sink of ours listened for what leaves {zone}"
        if left := [each for each in cells if each.state is not CellState.SUPPORTED]:
            return _cells(left, matrix)
    return ""


def _contradiction(findings: Sequence[Finding], judgements: Collection[Judgement]) -> str:
    """Name a path that somebody saw, and nobody has settled; empty when there is none."""
    for judged in judgements:
        deviates = judged.verdict in (Verdict.DEVIATES, Verdict.WAIVED)
        if OPEN in judged.facts and deviates:
            return f"the run itself shows finding {judged.fingerprint}"
    for finding in findings:
        if OPEN in finding.judgement.facts and finding.status is not FindingStatus.CLOSED:
            return f"finding {finding.fingerprint} stands: judge a later run of that path"
    return ""


def _cells(left: Sequence[Cell], matrix: Matrix) -> str:
    """Say which cells are not supported: `cells not supported, 2 of 6: office to cde (…), …`."""
    named = [f"{_name(each)} ({each.state})" for each in left[:_MOST_NAMED]]
    more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
    return f"cells not supported, {len(left)} of {len(matrix.cells)}: {', '.join(named)}{more}"


def _sources(cells: Sequence[Cell]) -> str:
    return ", ".join(dict.fromkeys(each.rule.source for each in cells))


def _name(cell: Cell) -> str:
    return f"{cell.rule.source} to {cell.rule.target}"


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a record shows, as facts; those whose needs are not met, or that nobody defined, are not."""

    record: KeptMatrix
    definitions: FactDefinitions
    available: frozenset[str]

    def closed(self, open_points: Mapping[str, str]) -> Iterator[AssertedFact]:
        """Give `segmentation_closed`, if the record is whole and nothing stands against it."""
        matrix = self.record.matrix
        if CLOSED in open_points or not self.record.is_whole:
            return
        targets = {each for cell in matrix.cells for each in cell.targets}
        endpoints = sum(each.endpoints for each in matrix.cells)
        tester = matrix.policy.tester
        because = (
            f"each pair of zones ({len(matrix.cells)} in all) is supported: nothing crossed that the "
            f"policy forbids, {endpoints} endpoints were measured, each of {len(targets)} targets was proved "
            f"alive from inside its zone, and controls were as expected; tests up to "
            f"{_moment(matrix.tested_at)} by {tester.name} (qualification {tester.qualification}, "
            f"independent of {tester.independent_of}); {self._leaf}"
        )
        yield from self._fact(CLOSED, f"every pair of zones of {matrix.policy.file}", because)

    def crossings(self, run_id: str) -> Iterator[AssertedFact]:
        """Give `segmentation_open` for each cell with paths that the run's judgements do not tell."""
        for cell in self.record.matrix.cells:
            paths = [each for each in cell.paths if each.run_id != run_id or _only_told_here(each)]
            if paths:
                because = f"{_paths(paths)}; {self._leaf}"
                yield from self._fact(OPEN, _name(cell), because, paths)

    def egress(self) -> Iterator[AssertedFact]:
        """Give `egress_open` for each cell from a protected zone from which our sink was reached."""
        policy = self.record.matrix.policy
        protected = {each.name for each in policy.zones if each.protected}
        for cell in self.record.matrix.cells:
            paths = [each for each in cell.paths if each.own_sink]
            if paths and cell.rule.source in protected:
                because = f"our own sink was reached: {_paths(paths)}; {self._leaf}"
                yield from self._fact(EGRESS, _name(cell), because, paths)

    def may_tell(self, fact: str) -> bool:
        """Whether the vocabulary has the fact, and all that it needs is there."""
        definition = self.definitions.get(fact)
        return definition is not None and self.available.issuperset(definition.needs)

    @property
    def _leaf(self) -> str:
        return f"segmentation record of leaf {self.record.seq}"

    def _fact(
        self, fact: str, subject: str, because: str, paths: Sequence[Path] = ()
    ) -> Iterator[AssertedFact]:
        definition = self.definitions.get(fact)
        if definition is None or not self.may_tell(fact):
            return
        told = (digest for path in paths for digest in path.evidence)
        yield AssertedFact(
            fact=fact,
            polarity=definition.polarity,
            subject=subject,
            because=because,
            evidence=tuple(dict.fromkeys((self.record.digest, *told))),
        )


def _only_told_here(path: Path) -> bool:
    """Whether no run can judge the path by itself: only the sink's log tells that it arrived."""
    return path.how is Crossing.ARRIVED


def _paths(paths: Sequence[Path]) -> str:
    named = [
        f"{bracketed(each.address)}:{_ports(str(each.ports))}/{each.transport} {each.how}"
        for each in paths[:_MOST_NAMED]
    ]
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    number = sum(len(each.ports) for each in paths)
    noun = "endpoint" if number == 1 else "endpoints"
    return f"{number} {noun} on forbidden paths: {', '.join(named)}{more}"


def _ports(text: str) -> str:
    if text == "-":
        return "1-65535"
    if len(text) <= _LONGEST_PORTS:
        return text
    return f"{text[:_LONGEST_PORTS].rpartition(',')[0]},…"


def _moment(at: datetime | None) -> str:
    return "no time" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
