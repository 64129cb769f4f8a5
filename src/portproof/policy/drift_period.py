"""The state at the end of a period against a later run, from state intervals.

An interval says when measurements agreed, so a change has no instant: it came between the last time
the old state was seen and the first time the new one was. Ports that were never open, and that
nobody asked about, have no intervals: of them a run of the period tells (`asked`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portproof.model.drift import Drift, Gap, GapReason, PortChange
from portproof.model.endpoint import Endpoint, endpoint_order
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord, RunStatus
from portproof.policy.drift import doubtful_ports, own_ports, reason_of, service_text
from portproof.policy.drift_likeness import by_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of time, both ends included."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A state interval: measurements from `first_seen` to `last_seen` agreed."""

    endpoint: Endpoint
    state: PortState
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Between which measurements a port changed; None where an interval does not tell."""

    last_before: datetime | None
    first_after: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodDrift:
    """What changed since the end of the period."""

    drift: Drift
    windows: Mapping[Endpoint, Window]
    """For each change."""
    between: tuple[Stretch, ...] = ()
    """States that were seen in between, and that the port has at neither end."""


def open_without_history(
    now: RunRecord, stretches: Sequence[Stretch], period: Period
) -> frozenset[Endpoint]:
    """Give the endpoints open in the run that no interval tells the period's end of."""
    known = {each.endpoint for each in stretches if each.first_seen <= period.until}
    return frozenset(_open(now)) - known


def period_drift(
    now: RunRecord,
    stretches: Sequence[Stretch],
    asked: Mapping[Endpoint, PortState],
    period: Period,
) -> PeriodDrift:
    """Hold the state at the period's end against a later run.

    `stretches` are those of the run's vantage that last into the period or beyond; `asked` holds
    what runs of the period saw of endpoints without an interval (`open_without_history`).
    """
    if now.status is not RunStatus.COMPLETE:
        reason = f"the later run is {now.status}: {now.status_reason or 'no reason given'}"
        return PeriodDrift(drift=Drift(refused=(reason,)), windows={})
    history = _History(stretches, asked, period)
    seen = _Seen(now)
    endpoints = sorted({*history.known, *_open(now)} - set(now.own_listeners), key=endpoint_order)
    told = [_told(each, history, seen) for each in endpoints]
    changes = tuple(each for each in told if isinstance(each, PortChange))
    gaps = tuple(each for each in told if isinstance(each, Gap))
    drift = Drift(changes=changes, gaps=gaps, compared=len(told) - len(gaps))
    return PeriodDrift(
        drift=drift,
        windows={each.endpoint: history.window(each.endpoint) for each in changes},
        between=tuple(history.between(seen)),
    )


def _open(run: RunRecord) -> Iterator[Endpoint]:
    for outcome in run.hosts:
        opened = outcome.states.get(PortState.OPEN, PortSet.empty()) - own_ports(outcome, run)
        for port in opened:
            yield Endpoint(outcome.host.address, outcome.transport, port)


class _Seen:
    """What the later run saw, by endpoint."""

    def __init__(self, run: RunRecord) -> None:
        self.run = run
        self._hosts = by_host(run)

    def host(self, endpoint: Endpoint) -> HostOutcome | None:
        return self._hosts.get((endpoint.address, endpoint.transport))

    def state(self, endpoint: Endpoint) -> PortState | GapReason:
        """Give the state, or why there is none."""
        outcome = self.host(endpoint)
        if outcome is None or endpoint.port not in outcome.host.ports(endpoint.transport):
            return GapReason.EARLIER_ONLY
        state = outcome.state_of(endpoint.port)
        if not isinstance(state, PortState):
            return GapReason.UNMEASURED_AFTER
        if endpoint.port in doubtful_ports(outcome, own_ports(outcome, self.run)):
            return GapReason.CROWD
        return state


class _History:
    """What is known of the time up to the period's end, and after it."""

    def __init__(
        self, stretches: Sequence[Stretch], asked: Mapping[Endpoint, PortState], period: Period
    ) -> None:
        self._asked = asked
        self._at_end: dict[Endpoint, Stretch] = {}
        self._later: dict[Endpoint, list[Stretch]] = {}
        for each in sorted(stretches, key=lambda one: one.first_seen):
            if each.first_seen <= period.until:
                self._at_end[each.endpoint] = each
            else:
                self._later.setdefault(each.endpoint, []).append(each)
        self.known = frozenset(self._at_end)

    def state(self, endpoint: Endpoint) -> PortState | None:
        """Give the state at the period's end; None when nobody measured it in the period."""
        held = self._at_end.get(endpoint)
        return held.state if held else self._asked.get(endpoint)

    def window(self, endpoint: Endpoint) -> Window:
        held, later = self._at_end.get(endpoint), self._later.get(endpoint)
        return Window(
            last_before=held.last_seen if held else None,
            first_after=later[-1].first_seen if later else None,
        )

    def between(self, seen: _Seen) -> Iterator[Stretch]:
        """Give what was seen after the period, and is so at neither end."""
        for endpoint in sorted(self._later, key=endpoint_order):
            ends = (self.state(endpoint), seen.state(endpoint))
            for each in self._later[endpoint]:
                if each.first_seen < seen.run.started and each.state not in ends:
                    yield each


def _told(endpoint: Endpoint, history: _History, seen: _Seen) -> PortChange | Gap | None:
    """Give the change of one endpoint, or why nothing is said of it; None: it did not change."""
    was, is_now = history.state(endpoint), seen.state(endpoint)
    if was is None:
        return _gap(endpoint, GapReason.BEFORE_PERIOD)
    if isinstance(is_now, GapReason):
        return _gap(endpoint, is_now)
    outcome = seen.host(endpoint)
    if was is is_now or outcome is None or PortState.OPEN not in (was, is_now):
        return None
    return PortChange(
        endpoint=endpoint,
        before=was,
        after=is_now,
        reason_after=reason_of(outcome, PortSet.of(endpoint.port)),
        service_after=service_text(outcome.observation(endpoint.port)),
    )


def _gap(endpoint: Endpoint, reason: GapReason) -> Gap:
    return Gap(
        address=endpoint.address,
        transport=endpoint.transport,
        ports=PortSet.of(endpoint.port),
        reason=reason,
    )
