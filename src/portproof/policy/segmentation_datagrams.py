"""UDP silence at a boundary: whether something proves that nothing crossed.

Silence over UDP is what an open port, a filter and a lost answer look like alike. It is worth
something only where it is known what an answer would have been:

* a run from inside the zone got a valid answer from the same endpoint in the same window, or
* portproof's own sink listened there the whole time, wrote down nothing of this run, and is known
  to receive: a datagram of ours arrived at that endpoint from somewhere else (a silent sink may be a
  deaf one).

And the run itself must have been heard by somebody beyond this machine: a vantage whose uplink is
dead is silent everywhere (law 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from portproof.model.endpoint import Endpoint
from portproof.model.ports import PortSet
from portproof.model.scan import ControlKind, RunRecord
from portproof.model.segmentation import SinkLog
from portproof.policy.segmentation_seen import NO_PORTS, Inside, Piece, answered


class Silence(Enum):
    """What a silent UDP endpoint comes to."""

    WITNESSED = auto()
    """Nothing crossed, or no answer did: somebody vouches for what an answer would have been."""
    ARRIVED = auto()
    """The datagram crossed: the sink wrote it down, and the answer was lost on its way back."""
    UNPROVED = auto()


def silence_of(
    piece: Piece, silent: PortSet, sinks: Sequence[SinkLog], inside: Inside
) -> dict[Silence, PortSet]:
    """Sort silent UDP ports of a host by what is known of them; each kind only where it has ports."""
    sorted_by: dict[Silence, list[int]] = {}
    valid = inside.udp.get(piece.address, NO_PORTS)
    online = reached_somebody(piece.run)
    for port in silent:
        place = Endpoint(piece.address, piece.transport, port)
        kind = _by_sink(place, piece.run, sinks)
        if kind is Silence.UNPROVED and port in valid:
            kind = Silence.WITNESSED
        if kind is Silence.WITNESSED and not online:
            kind = Silence.UNPROVED
        sorted_by.setdefault(kind, []).append(port)
    return {kind: PortSet.from_iterable(ports) for kind, ports in sorted_by.items()}


def reached_somebody(run: RunRecord) -> bool:
    """Whether anybody beyond the vantage's own machine answered the run."""
    canaries = {
        each.id for each in run.plan.controls if each.kind is ControlKind.POSITIVE and not each.own
    }
    heard = any(each.as_expected and each.control_id in canaries for each in run.samples)
    ours = {each.address for each in run.own_listeners}
    return heard or any(answered(each) for each in run.hosts if each.host.address not in ours)


def _by_sink(place: Endpoint, run: RunRecord, sinks: Sequence[SinkLog]) -> Silence:
    arrived = [each for sink in sinks for each in sink.arrivals if each.endpoint == place]
    if any(each.run_id == run.plan.run_id for each in arrived):
        return Silence.ARRIVED
    for sink in sinks:
        heard = any(each.endpoint == place and each.run_id for each in sink.arrivals)
        if heard and sink.covers(place, run.started, run.finished):
            return Silence.WITNESSED
    return Silence.UNPROVED
