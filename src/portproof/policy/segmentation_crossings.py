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

from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.finding import SeverityStep
from portproof.model.observation import Observation, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.segmentation import CellRule, TargetZone
from portproof.model.segmentation_result import Crossing, Gap, GapKind, Path
from portproof.model.vantage import Vantages
from portproof.policy.crowds import MANY_OPEN
from portproof.policy.scene import observations
from portproof.policy.segmentation_datagrams import Silence, reached_somebody, silence_of
from portproof.policy.segmentation_seen import NO_PORTS, Inside, Piece, SegmentationEvidence
from portproof.policy.segmentation_severity import crossing_severity, path_severity
from portproof.policy.services import RuleBook, identity

_BY_ICMP: Final = (
    Reason.PORT_UNREACH,
    Reason.NET_UNREACH,
    Reason.HOST_UNREACH,
    Reason.PROTO_UNREACH,
    Reason.NET_PROHIBITED,
    Reason.HOST_PROHIBITED,
    Reason.ADMIN_PROHIBITED,
    Reason.OTHER_UNREACH,
)


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
    if piece.transport is Transport.TCP:
        yield from _resets(piece, boundary, denied)
    yield from _refusals(piece, boundary, denied)
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


def _resets(piece: Piece, boundary: Boundary, denied: PortSet) -> Iterator[Path | Gap]:
    resets = piece.with_reason(Reason.RESET, denied)
    doubtful = resets & boundary.rule.boundary_resets
    if resets - doubtful:
        trace = crossing_severity(boundary.rule.source)
        yield _path(piece, resets - doubtful, Crossing.RESET, trace)
    if doubtful:
        yield _gap(piece, GapKind.BOUNDARY_RESET, doubtful, "as the policy says of these ports")
    if untold := piece.with_reason(Reason.CONN_REFUSED, denied):
        detail = "refused; this vantage cannot tell a reset from an ICMP error"
        yield _gap(piece, GapKind.SENDER_UNKNOWN, untold, detail)


def _refusals(piece: Piece, boundary: Boundary, denied: PortSet) -> Iterator[Path | Gap]:
    """Sort what ICMP errors came for by who sent them."""
    refused = NO_PORTS
    for reason in _BY_ICMP:
        refused = refused | piece.with_reason(reason, denied)
    if not refused:
        return
    from_target: list[int] = []
    known: list[int] = []
    digests: list[str] = []
    for seen in piece.outcome.observations:
        sender = _sender(boundary.evidence, seen.evidence)
        if seen.endpoint.port in refused and sender is not None and seen.evidence is not None:
            known.append(seen.endpoint.port)
            if sender == piece.address:
                from_target.append(seen.endpoint.port)
                digests.append(seen.evidence)
    if from_target:
        ports = PortSet.from_iterable(from_target)
        trace = crossing_severity(boundary.rule.source)
        path = _path(piece, ports, Crossing.UNREACHABLE, trace)
        yield replace(path, evidence=tuple(dict.fromkeys(digests)))
    if untold := refused - PortSet.from_iterable(known):
        detail = "an ICMP error came, and its sender was not kept"
        yield _gap(piece, GapKind.SENDER_UNKNOWN, untold, detail)


def _sender(evidence: SegmentationEvidence, digest: str | None) -> Address | None:
    return None if digest is None else evidence.senders.get(digest)


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
