"""The segmentation matrix: what runs of several vantages say of the boundaries between zones.

PCI DSS v4.0.1 §11.4.5 and §11.4.6, SOC 2 CC6.1. This is evidence about segmentation controls; it is
no penetration test, and a page that shows it says so.

::

    Segmentation ┐   per source zone and target zone
    RunRecords   ├─► segmentation_seen (latest word of each vantage, inside witnesses)
    SinkLogs     ┘       └─► segmentation_crossings (paths, gaps) ─► Cell ─► Matrix

The hardest decision: silence proves a boundary only if there is something behind it. A dead host is
as silent as a filtered one, so each target must be seen alive from inside its own zone in the same
window, or the cell is *insufficient evidence* and names the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from portproof.model.endpoint import Address, Transport
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost, RunRecord
from portproof.model.segmentation import CellRule, Segmentation, TargetZone, contains
from portproof.model.segmentation_result import (
    Cell,
    CellState,
    Gap,
    GapKind,
    Matrix,
    Path,
    RunTold,
    SinkUsed,
)
from portproof.model.vantage import Vantages
from portproof.policy.segmentation_crossings import Boundary, crossings
from portproof.policy.segmentation_seen import (
    NO_PORTS,
    Inside,
    Piece,
    SegmentationEvidence,
    asks_in,
    pieces,
    seen_inside,
    with_sinks,
)
from portproof.policy.services import RuleBook

_NOTHING_MORE: Final = re.compile(r"(/32|/128)?(\]?:.*)?\]?")
"""What may follow an address that was listed by itself: nothing, its own length, ports."""
STARTED_BY: Final = "; started by "
"""Between the scope of a segmentation run and what started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationCase:
    """What a matrix is judged by: the policy, and the documents around it."""

    policy: Segmentation
    vantages: Vantages
    rules: RuleBook

    @property
    def sources(self) -> tuple[str, ...]:
        """The zones that are tested from: those of vantages, and those that a cell names."""
        stand_in = [each.zone for each in self.vantages.vantages]
        named = [each.source for each in self.policy.cells]
        return tuple(dict.fromkeys((*stand_in, *named)))


def judge_segmentation(
    case: SegmentationCase, evidence: SegmentationEvidence, *, since: datetime, until: datetime
) -> Matrix:
    """Judge every cell on the runs that finished in the window, both ends included."""
    held = tuple(each for each in evidence.runs if since <= each.finished <= until)
    within = SegmentationEvidence(runs=held, senders=evidence.senders, sinks=evidence.sinks)
    return Matrix(
        policy=case.policy,
        since=since,
        until=until,
        sources=case.sources,
        targets=tuple(each.name for each in case.policy.zones),
        cells=tuple(
            judge_cell(case, within, case.policy.cell(source, zone.name), zone)
            for source in case.sources
            for zone in case.policy.zones
            if source != zone.name
        ),
        sinks=tuple(SinkUsed(each.file, each.digest) for each in evidence.sinks),
    )


def judge_cell(
    case: SegmentationCase, evidence: SegmentationEvidence, rule: CellRule, zone: TargetZone
) -> Cell:
    """Judge one cell on all runs given."""
    runs = _from_zone(evidence.runs, rule.source, zone)
    inside = with_sinks(seen_inside(evidence.runs, zone), runs, evidence.sinks)
    boundary = Boundary(
        rule=rule,
        zone=zone,
        evidence=evidence,
        inside=inside,
        rules=case.rules,
        vantages=case.vantages,
    )
    laid = tuple(pieces(runs, zone))
    told = [each for piece in laid for each in crossings(piece, boundary, piece.ports)]
    paths = tuple(each for each in told if isinstance(each, Path))
    targets, unused = _targets(runs, zone, inside)
    gaps = (
        *_of_the_whole(runs, laid, targets),
        *_of_targets(rule, laid, targets, inside),
        *(each for each in told if isinstance(each, Gap)),
    )
    measured = {each: _measured(laid, each) for each in Transport}
    tested = [each.finished for each in runs if each.conclusive]
    return Cell(
        rule=rule,
        state=_state(runs, paths, gaps),
        targets=targets,
        alive=tuple(each for each in targets if each in inside.alive),
        unused=unused,
        tcp=measured[Transport.TCP],
        udp=measured[Transport.UDP],
        endpoints=sum(len(each.ports) for each in laid),
        allowed_seen=_allowed_seen(laid, rule),
        paths=paths,
        earlier=_earlier(laid, boundary, paths),
        gaps=gaps if runs else (),
        runs=_told(evidence.runs, rule, zone),
        tested_at=max(tested, default=None),
        sinks=tuple(each for each in targets if each in inside.heard),
    )


def started_by(run: RunRecord) -> str:
    """Give what the run says it was started by; empty where it says nothing."""
    return run.plan.scope.partition(STARTED_BY)[2]


def _state(runs: Sequence[RunRecord], paths: Sequence[Path], gaps: Sequence[Gap]) -> CellState:
    if not runs:
        return CellState.NOT_EVALUATED
    if paths:
        return CellState.EXCEPTIONS
    return CellState.INSUFFICIENT if gaps else CellState.SUPPORTED


def _from_zone(runs: Sequence[RunRecord], source: str, zone: TargetZone) -> tuple[RunRecord, ...]:
    return tuple(each for each in runs if each.plan.vantage.zone == source and asks_in(each, zone))


# ---------------------------------------------------------------- targets


def _targets(
    runs: Sequence[RunRecord], zone: TargetZone, inside: Inside
) -> tuple[tuple[Address, ...], int]:
    """Give what had to be asked, and how many addresses of swept networks nobody has.

    Listed targets are all targets. Else it is what the runs asked; of a network that was swept as a
    whole, an address at which no neighbour answered from inside is taken for an unused one.
    """
    if zone.targets:
        listed = (address for each in zone.targets for address in each)
        return tuple(sorted(dict.fromkeys(listed), key=_order)), 0
    asked = {
        host.address: host
        for run in runs
        for host in run.plan.hosts
        if contains(zone.networks, host.address)
    }
    kept = [each for each in asked.values() if each.address not in inside.absent or _alone(each)]
    # Whoever answers inside and was never asked from here is a target that was left out.
    every = {each.address for each in kept} | inside.alive
    return tuple(sorted(every, key=_order)), len(asked) - len(kept)


def _alone(host: PlannedHost) -> bool:
    """Whether the address was listed by itself, or stands for a name: somebody expects it there."""
    rest = host.target.lstrip("[").removeprefix(str(host.address))
    return host.name is not None or _NOTHING_MORE.fullmatch(rest) is not None


def _order(address: Address) -> tuple[int, int]:
    return address.version, int(address)


# ---------------------------------------------------------------- gaps


def _of_the_whole(
    runs: Sequence[RunRecord], laid: Sequence[Piece], targets: Sequence[Address]
) -> Iterator[Gap]:
    if runs and not any(each.conclusive for each in runs):
        last = max(runs, key=lambda each: each.finished)
        why = last.status_reason or last.status.value
        yield Gap(kind=GapKind.INCONCLUSIVE, detail=f"run {last.plan.run_id}: {why}")
    elif runs and not (targets and laid):
        yield Gap(kind=GapKind.NO_TARGET)


def _of_targets(
    rule: CellRule, laid: Sequence[Piece], targets: Sequence[Address], inside: Inside
) -> Iterator[Gap]:
    """Name what of each target was not asked or not measured, and which are not proved alive."""
    if not laid:
        return
    of_host: dict[tuple[Address, Transport], list[Piece]] = {}
    for piece in laid:
        of_host.setdefault((piece.address, piece.transport), []).append(piece)
    for address in targets:
        if address not in inside.alive:
            yield Gap(kind=GapKind.NOT_ALIVE, address=address)
        for transport in Transport:
            held = of_host.get((address, transport), [])
            yield from _of_ports(rule.ports(transport), held, address, transport)
    if left := rule.udp - _measured(laid, Transport.UDP):
        yield Gap(kind=GapKind.NOT_ASKED, transport=Transport.UDP, ports=left)


def _of_ports(
    wanted: PortSet, held: Sequence[Piece], address: Address, transport: Transport
) -> Iterator[Gap]:
    asked, measured = NO_PORTS, NO_PORTS
    for piece in held:
        asked = asked | piece.outcome.host.ports(transport)
        measured = measured | piece.ports
    if transport is Transport.UDP:
        # One sink shows a port of the boundary; nobody has a sink on each target.
        wanted = wanted & asked
    if left := wanted - asked:
        yield Gap(kind=GapKind.NOT_ASKED, address=address, transport=transport, ports=left)
    if left := (wanted & asked) - measured:
        yield Gap(
            kind=GapKind.NOT_MEASURED,
            address=address,
            transport=transport,
            ports=left,
            detail=_faults(held, left),
        )


def _faults(held: Sequence[Piece], among: PortSet) -> str:
    """Name why some ports were not measured: `proxy-cannot-tell`."""
    told = (
        fault.value
        for piece in held
        for fault, ports in piece.outcome.unmeasured.items()
        if ports & among
    )
    return ", ".join(sorted(set(told)))


# ---------------------------------------------------------------- what is told


def _measured(laid: Sequence[Piece], transport: Transport) -> PortSet:
    held = NO_PORTS
    for piece in laid:
        if piece.transport is transport:
            held = held | piece.ports
    return held


def _allowed_seen(laid: Sequence[Piece], rule: CellRule) -> int:
    opened = (
        piece.outcome.states.get(PortState.OPEN, NO_PORTS)
        & piece.ports
        & rule.allows(piece.address, piece.transport)
        for piece in laid
    )
    return sum(len(each) for each in opened)


def _earlier(laid: Sequence[Piece], boundary: Boundary, paths: Sequence[Path]) -> tuple[Path, ...]:
    """Give the paths that only a superseded measurement of the window saw: each port once."""
    still: dict[tuple[Address, Transport], PortSet] = {}
    for each in paths:
        key = (each.address, each.transport)
        still[key] = still.get(key, NO_PORTS) | each.ports
    gone = []
    for piece in laid:
        key = (piece.address, piece.transport)
        fresh = piece.stale - still.get(key, NO_PORTS)
        seen = [each for each in crossings(piece, boundary, fresh) if isinstance(each, Path)]
        for each in seen:
            still[key] = still.get(key, NO_PORTS) | each.ports
        gone += seen
    return tuple(gone)


def _told(runs: Sequence[RunRecord], rule: CellRule, zone: TargetZone) -> tuple[RunTold, ...]:
    ours = [
        each
        for each in runs
        if each.plan.vantage.zone in (rule.source, zone.name) and asks_in(each, zone)
    ]
    return tuple(
        _run_told(each, inside=each.plan.vantage.zone == zone.name)
        for each in sorted(ours, key=lambda one: one.finished)
    )


def _run_told(run: RunRecord, *, inside: bool) -> RunTold:
    vantage = run.plan.vantage
    gaps = [each.longest_gap_ms for each in run.witnesses]
    return RunTold(
        run_id=run.plan.run_id,
        vantage=vantage.id,
        zone=vantage.zone,
        operator=vantage.operator,
        started=run.started,
        finished=run.finished,
        status=run.status,
        status_reason=run.status_reason,
        engine=run.plan.engine,
        tool_version=run.tool_version,
        started_by=started_by(run),
        controls=len(run.samples),
        controls_as_expected=sum(each.as_expected for each in run.samples),
        longest_gap_ms=max(gaps, default=None),
        inside=inside,
        through=str(run.plan.through) if run.plan.through else "",
    )
