"""State intervals: from when to when measurements showed an endpoint in one state.

The store grows with change, not with checks. An endpoint has intervals once it was open, or once
somebody asked about it (required by the baseline: the run kept an observation of it); from then
on each measurement either stretches its latest interval or begins the next. The closed and
filtered majority has none: each run's outcome holds it as port sets.

Nothing is inferred. An endpoint that a run did not measure keeps its interval as it is; so does one
that a continued run carried over, unless it is younger than the interval (its own run died before
it could tell); and an interval says when measurements agreed, not that nothing happened between two of them. portproof's
own listeners change their ports from run to run, and have no intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from portproof.model.batch import TRANSPORTS
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.evidence import IntervalInfo
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.store import journal
from portproof.store.codec import instant_text
from portproof.store.rows import insert_rows
from portproof.store.tables import METADATA

INTERVAL: Final[Table] = METADATA.tables["state_interval"]

_Key: TypeAlias = tuple[str, str, int]
"""Address, transport and port, as stored."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One endpoint in one state; `place` is its host's in the plan, `at` empty while not known."""

    endpoint: Endpoint
    state: PortState
    place: int
    at: str = ""

    @property
    def key(self) -> _Key:
        return (str(self.endpoint.address), self.endpoint.transport.value, self.endpoint.port)


def record_intervals(session: Session, record: RunRecord) -> None:
    """Stretch or begin the intervals of what a run measured; needs the run's journal still there."""
    latest = _latest(session, record.plan.vantage.id)
    seen = list(_seen(record, latest))
    seen = [each for each in seen if each.at] + list(_timed(session, record, seen))
    if record.continuation is not None:
        seen = [each for each in seen if _is_news(each, latest.get(each.key))]
    begun, stretched = [], []
    for each in seen:
        before = latest.get(each.key)
        if before is not None and before.state == each.state.value:
            last = max(before.last_seen, each.at)
            stretched.append({"of": before.id, "last_seen": last, "runs": before.runs + 1})
        else:
            begun.append(each)
    _end(session, [latest[each.key].id for each in begun if each.key in latest])
    _begin(session, record.plan.vantage.id, begun)
    _stretch(session, stretched)


def _is_news(seen: _Seen, before: Any) -> bool:
    """Whether it was seen after its latest interval; there may be none (None) yet."""
    return before is None or seen.at > before.last_seen


def read_intervals(
    session: Session, endpoints: Sequence[Endpoint], *, vantage: str
) -> list[IntervalInfo]:
    """Give the intervals of some endpoints, oldest first."""
    wanted = {(str(each.address), each.transport.value): each.address for each in endpoints}
    names = {_key_of(each): str(each) for each in endpoints}
    found = []
    for address, transport in wanted:
        of_host = (
            (INTERVAL.c.vantage == vantage)
            & (INTERVAL.c.address == address)
            & (INTERVAL.c.transport == transport)
        )
        rows = session.execute(select(INTERVAL).where(of_host)).all()
        found += [row for row in rows if (row.address, row.transport, row.port) in names]
    found.sort(key=lambda row: (row.first_seen, row.id))
    return [_told(names[row.address, row.transport, row.port], row) for row in found]


def read_since(session: Session, since: datetime, *, vantage: str) -> list[IntervalInfo]:
    """Give every interval of a vantage that was still seen at that instant or later, oldest first."""
    lasting = (INTERVAL.c.vantage == vantage) & (INTERVAL.c.last_seen >= instant_text(since))
    query = select(INTERVAL).where(lasting).order_by(INTERVAL.c.first_seen, INTERVAL.c.id)
    return [
        _told(str(Endpoint(ip_address(row.address), Transport(row.transport), row.port)), row)
        for row in session.execute(query)
    ]


def _told(endpoint: str, row: Any) -> IntervalInfo:
    return IntervalInfo(
        endpoint=endpoint,
        state=row.state,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        runs=row.runs,
    )


def _key_of(endpoint: Endpoint) -> _Key:
    return (str(endpoint.address), endpoint.transport.value, endpoint.port)


def _latest(session: Session, vantage: str) -> dict[_Key, Any]:
    of_vantage = (INTERVAL.c.vantage == vantage) & INTERVAL.c.latest
    rows = session.execute(select(INTERVAL).where(of_vantage))
    return {(row.address, row.transport, row.port): row for row in rows}


# ---------------------------------------------------------------- what the run saw


def _seen(record: RunRecord, latest: Iterable[_Key]) -> Iterator[_Seen]:
    """Give the endpoints of the run that have, or get, intervals: those it measured, once each."""
    known: dict[tuple[str, str], list[int]] = {}
    for address, transport, port in latest:
        known.setdefault((address, transport), []).append(port)
    own = frozenset(record.own_listeners)
    places = {host: place for place, host in enumerate(record.plan.hosts)}
    done: set[Endpoint] = set()
    for outcome in record.hosts:
        ports = known.get((str(outcome.host.address), outcome.transport.value), ())
        for each in _seen_on(outcome, places[outcome.host], PortSet.from_iterable(ports)):
            if each.endpoint not in own and each.endpoint not in done:
                done.add(each.endpoint)
                yield each


def _seen_on(outcome: HostOutcome, place: int, known: PortSet) -> Iterator[_Seen]:
    observed = PortSet.from_iterable(each.endpoint.port for each in outcome.observations)
    for each in outcome.observations:
        if each.endpoint.port in outcome.states.get(each.state, PortSet.empty()):
            yield _Seen(each.endpoint, each.state, place, instant_text(each.at))
    for state, ports in outcome.states.items():
        wanted = ports if state is PortState.OPEN else ports & known
        for port in wanted - observed:
            yield _Seen(Endpoint(outcome.host.address, outcome.transport, port), state, place)


def _timed(session: Session, record: RunRecord, seen: Sequence[_Seen]) -> Iterator[_Seen]:
    """Look up in the journal when the endpoints without an instant were asked.

    One that no batch holds has no instant, and so no place in a timeline: it is left out.
    """
    untimed = {
        _code(each.place, each.endpoint.transport, each.endpoint.port): each
        for each in seen
        if not each.at
    }
    if not untimed:
        return
    wanted = np.fromiter(untimed, np.uint64)
    for batch in journal.batches(session, record.plan.run_id):
        host = np.left_shift(batch.host, 24, dtype=np.uint64)
        transport = np.left_shift(batch.transport, 16, dtype=np.uint64)
        codes = np.bitwise_or(np.bitwise_or(host, transport), batch.port, dtype=np.uint64)
        yield from _found(codes, batch.sent_ms, wanted, untimed=untimed, record=record)


def _found(
    codes: NDArray[np.uint64],
    sent_ms: NDArray[np.uint32],
    wanted: NDArray[np.uint64],
    *,
    untimed: dict[int, _Seen],
    record: RunRecord,
) -> Iterator[_Seen]:
    for row in np.flatnonzero(np.isin(codes, wanted)):
        each = untimed[int(codes[row])]
        at = record.started + timedelta(milliseconds=int(sent_ms[row]))
        yield _Seen(each.endpoint, each.state, each.place, instant_text(at))


def _code(place: int, transport: Transport, port: int) -> int:
    return place << 24 | TRANSPORTS.index(transport) << 16 | port


# ---------------------------------------------------------------- writing


def _end(session: Session, ids: Sequence[int]) -> None:
    if ids:
        ended = update(INTERVAL).where(INTERVAL.c.id == bindparam("of")).values(latest=False)
        session.connection().execute(ended, [{"of": each} for each in ids])


def _begin(session: Session, vantage: str, begun: Sequence[_Seen]) -> None:
    if not begun:
        return
    rows = [
        {
            "vantage": vantage,
            "address": str(each.endpoint.address),
            "transport": each.endpoint.transport.value,
            "port": each.endpoint.port,
            "state": each.state.value,
            "first_seen": each.at,
            "last_seen": each.at,
            "runs": 1,
            "latest": True,
        }
        for each in begun
    ]
    insert_rows(session, insert(INTERVAL), rows)


def _stretch(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        changed = (
            update(INTERVAL)
            .where(INTERVAL.c.id == bindparam("of"))
            .values(last_seen=bindparam("last_seen"), runs=bindparam("runs"))
        )
        session.connection().execute(changed, rows)
