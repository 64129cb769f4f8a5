"""One host over one transport, held against a cell: what crossed, and what cannot be told.

=======================  ====================================================================
seen, and not allowed    means
=======================  ====================================================================
open                     a path; of a host, more than `crowds.MANY_OPEN` without a name are one
reset (TCP)              a path: the packet reached the target. A device may reset in its name;
                         ports on which the boundary is known to do so are told in the policy
                         (`boundary_resets`), and prove nothing either way
refused, no error queue  cannot be told: a reset or an ICMP error
ICMP unreachable         by who sent it: the target is a path, anybody else is the boundary at
                         work, and where nobody kept the sender it cannot be told
TCP silence              the boundary at work, if the target is alive
UDP silence              see `segmentation_datagrams`
=======================  ====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from portproof.model.endpoint import Endpoint
from portproof.model.finding import SeverityStep
from portproof.model.observation import Observation, PortState
from portproof.model.ports import PortSet
from portproof.model.segmentation import CellRule, TargetZone
from portproof.model.segmentation_result import Crossing, Gap, GapKind, Path
from portproof.model.vantage import Vantages
from portproof.policy.crowds import MANY_OPEN
from portproof.policy.scene import observations
from portproof.policy.segmentation_datagrams import Silence, reached_somebody, silence_of
from portproof.policy.segmentation_refusals import refused_in
from portproof.policy.segmentation_seen import (
    NO_PORTS,
    Inside,
    Piece,
    SegmentationEvidence,
    measured_of,
)
from portproof.policy.segmentation_severity import crossing_severity, path_severity
from portproof.policy.services import RuleBook, identity

_UNTOLD: Final = "refused; this vantage cannot tell a reset from an ICMP error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """What all pieces of a cell are held against."""

    rule: CellRule
    zone: TargetZone
    evidence: SegmentationEvidence
    inside: Inside
    rules: RuleBook
    vantages: Vantages


def crossings(piece: Piece, boundary: Boundary, among: PortSet) -> Iterator[Path | Gap]:
    """Give the paths among some ports of the piece, and the gaps in what is known of them."""
    denied = among - boundary.rule.allows(piece.address, piece.transport) - piece.own
    yield from _opened(piece, boundary, denied)
    yield from _refused(piece, boundary, denied)
    silent = piece.with_state(PortState.OPEN_FILTERED, denied)
    if silent:
        yield from _datagrams(piece, boundary, silent)


def _opened(piece: Piece, boundary: Boundary, denied: PortSet) -> Iterator[Path]:
    """Give a path for each open port; a crowd that did not say what it is makes one together."""
    opened = piece.with_state(PortState.OPEN, denied)
    seen = observations(piece.outcome)
    known = [port for port in opened if port in seen and identity(seen[port].service)]
    rest = opened - PortSet.from_iterable(known)
    if len(rest) > MANY_OPEN:
        yield _path(piece, rest, Crossing.OPEN, crossing_severity(boundary.rule.source))
        rest = NO_PORTS
    for port in sorted((*known, *rest)):
        yield _open_path(piece, boundary, port, seen.get(port))


def _open_path(piece: Piece, boundary: Boundary, port: int, seen: Observation | None) -> Path:
    service = seen.service if seen else None
    trace = path_severity(
        boundary.rule.source,
        boundary.zone,
        (piece.transport, port, service),
        rules=boundary.rules,
        vantages=boundary.vantages,
    )
    place = Endpoint(piece.address, piece.transport, port)
    return replace(
        _path(piece, PortSet.of(port), Crossing.OPEN, trace),
        service=identity(service) or "",
        own_sink=any(place in each.endpoints for each in boundary.evidence.sinks),
        evidence=(seen.evidence,) if seen and seen.evidence else (),
    )


def _refused(piece: Piece, boundary: Boundary, denied: PortSet) -> Iterator[Path | Gap]:
    """Sort refusals by who sent them: the target's are paths, those of nobody known are gaps."""
    told = refused_in(
        piece.outcome,
        measured_of(piece.outcome) - denied,
        boundary.rule.boundary_resets,
        boundary.evidence.senders,
    )
    trace = crossing_severity(boundary.rule.source)
    if told.resets:
        yield _path(piece, told.resets, Crossing.RESET, trace)
    if told.unreachable:
        path = _path(piece, told.unreachable, Crossing.UNREACHABLE, trace)
        yield replace(path, evidence=told.evidence)
    for kind, ports, detail in (
        (GapKind.BOUNDARY_RESET, told.boundary_resets, "as the policy says of these ports"),
        (GapKind.SENDER_UNKNOWN, told.untold, _UNTOLD),
        (GapKind.SENDER_UNKNOWN, told.unsent, "an ICMP error came, and its sender was not kept"),
    ):
        if ports:
            yield _gap(piece, kind, ports, detail)


def _datagrams(piece: Piece, boundary: Boundary, silent: PortSet) -> Iterator[Path | Gap]:
    told = silence_of(piece, silent, boundary.evidence.sinks, boundary.inside)
    for kind, ports in told.items():
        match kind:
            case Silence.ARRIVED:
                trace = crossing_severity(boundary.rule.source)
                yield replace(_path(piece, ports, Crossing.ARRIVED, trace), own_sink=True)
            case Silence.UNPROVED:
                why = "" if reached_somebody(piece.run) else "nobody answered that run at all"
                yield _gap(piece, GapKind.UDP_UNPROVED, ports, why)
            case Silence.WITNESSED:
                pass


def _path(piece: Piece, ports: PortSet, how: Crossing, trace: tuple[SeverityStep, ...]) -> Path:
    return Path(
        address=piece.address,
        transport=piece.transport,
        ports=ports,
        how=how,
        run_id=piece.run.plan.run_id,
        vantage=piece.run.plan.vantage.id,
        at=piece.run.finished,
        severity=trace[-1].severity,
        trace=trace,
    )


def _gap(piece: Piece, kind: GapKind, ports: PortSet, detail: str) -> Gap:
    return Gap(
        kind=kind, address=piece.address, transport=piece.transport, ports=ports, detail=detail
    )
