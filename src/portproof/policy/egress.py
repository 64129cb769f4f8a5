"""An egress check: what the vantage saw of a sink, beside what the sink saw of the vantage.

=================  ===================  ==========================================================
the vantage saw    the sink saw         means
=================  ===================  ==========================================================
open               an arrival           it crossed, and the answer came back
open               nothing              something on the way answered in the sink's name
open               no log of that time  it crossed, as far as the vantage can tell
anything else      an arrival           it crossed; the answer did not come back
anything else      nothing              nothing crossed
closed, filtered   no log of that time  nothing came back; whether it crossed is not known
not measured       nothing, or no log   not known
=================  ===================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import RunRecord
from portproof.model.segmentation import SinkLog
from portproof.policy.exit_code import CLEAN, DEVIATES, INCONCLUSIVE


class Crossed(StrEnum):
    """What became of what was sent to one endpoint of the sink."""

    BOTH_WAYS = "crossed"
    ONE_WAY = "crossed, and no answer came back"
    INTERCEPTED = "answered on the way, not by the sink"
    SEEN_OPEN = "crossed, as far as the vantage can tell"
    NOTHING = "nothing crossed"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressRow:
    """One endpoint of the sink, seen from both ends."""

    endpoint: Endpoint
    vantage_saw: PortState | LocalFault | None
    """None: the run has no outcome of it."""
    sink_saw: int | None
    """Arrivals during the run; None where no log covers it."""
    crossed: Crossed


def compare_egress(run: RunRecord, sinks: Sequence[SinkLog]) -> tuple[EgressRow, ...]:
    """Hold the outcomes of a run against the logs of sinks, endpoint by endpoint."""
    rows = []
    for host in run.hosts:
        for port in host.host.ports(host.transport):
            place = Endpoint(host.host.address, host.transport, port)
            seen, arrived = host.state_of(port), _arrived(place, run, sinks)
            rows.append(
                EgressRow(
                    endpoint=place,
                    vantage_saw=seen,
                    sink_saw=arrived,
                    crossed=_crossed(seen, arrived),
                )
            )
    return tuple(rows)


def egress_exit_code(run: RunRecord, rows: Sequence[EgressRow]) -> int:
    """Give 0 (nothing crossed), 1 (something did), or 3, which wins over 1: something is not known."""
    kinds = {each.crossed for each in rows}
    if not run.conclusive or Crossed.UNKNOWN in kinds or not kinds:
        return INCONCLUSIVE
    return CLEAN if kinds == {Crossed.NOTHING} else DEVIATES


def _arrived(place: Endpoint, run: RunRecord, sinks: Sequence[SinkLog]) -> int | None:
    """Count what arrived there in the run: datagrams by the run they name, connections by time."""
    count, known = 0, False
    for sink in sinks:
        known = known or sink.covers(place, run.started, run.finished)
        count += sum(
            _of_run(each.run_id, run)
            if place.transport is Transport.UDP
            else run.started <= each.at <= run.finished
            for each in sink.arrivals
            if each.endpoint == place
        )
    return count if known or count else None


def _of_run(run_id: str, run: RunRecord) -> bool:
    return run_id == run.plan.run_id


def _crossed(seen: PortState | LocalFault | None, arrived: int | None) -> Crossed:
    if seen is PortState.OPEN:
        if arrived is None:
            return Crossed.SEEN_OPEN
        return Crossed.BOTH_WAYS if arrived else Crossed.INTERCEPTED
    if arrived:
        return Crossed.ONE_WAY
    measured = isinstance(seen, PortState)
    return Crossed.NOTHING if measured and arrived == 0 else Crossed.UNKNOWN
