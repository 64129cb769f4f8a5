"""Two runs side by side: which ports changed, and of which nothing may be said.

Only what both runs measured in the same way is compared (`drift_likeness` says what each unlikeness
makes impossible). Everything else is a gap with its reason: what was not asked or not measured is
neither new nor gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from portproof.model.drift import Difference, Drift, Gap, GapReason, PortChange, StateShift
from portproof.model.endpoint import Endpoint, Transport, endpoint_order
from portproof.model.observation import Observation, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord, ScanPlan
from portproof.policy.crowds import MANY_OPEN, crowd_of
from portproof.policy.drift_likeness import (
    HostKey,
    by_host,
    differences,
    negative_control,
    patience,
    refusals,
)
from portproof.policy.services import identity

__all__ = [
    "Drift",
    "PortChange",
    "StateShift",
    "compare",
    "doubtful_ports",
    "own_ports",
    "reason_of",
    "service_text",
]

_OURS: Final = "portproof's own listener"
_UNASKED: Final = frozenset({GapReason.EARLIER_ONLY, GapReason.LATER_ONLY})


def compare(before: RunRecord, after: RunRecord, *, strict: bool = False) -> Drift:
    """Give what changed between two runs, in the order of addresses and ports.

    Refused are runs that can say nothing of each other: one is not complete, they looked from
    different vantages, or nothing was measured in both. `strict` refuses runs that are unlike in
    anything, or of which one left something unmeasured.

    A port that was portproof's own listener in both runs is left out. One that was its own in a
    single run shows nothing of others there: it is a change when someone else has it open in the
    other run, and a gap otherwise. A service counts as changed only where it identified itself
    in both runs, and both asked for it alike.
    """
    unlike = differences(before, after)
    refused = tuple(refusals(before, after))
    if refused:
        return Drift(refused=refused, differences=unlike)
    pairs = _Pairs(before, after)
    found = _Found()
    for key in pairs.shared:
        found.take(pairs.pair(key))
    gaps = (*_asked_once(pairs), *found.gaps)
    refused = tuple(_too_little(found, unlike, gaps, strict=strict))
    if refused:
        return Drift(refused=refused, differences=unlike, gaps=_in_order(gaps))
    return Drift(
        differences=unlike,
        changes=tuple(sorted(found.changes, key=lambda each: endpoint_order(each.endpoint))),
        shifts=tuple(found.shifts),
        gaps=_in_order(gaps),
        compared=found.compared,
    )


def _too_little(
    found: _Found, unlike: Sequence[Difference], gaps: Sequence[Gap], *, strict: bool
) -> Iterator[str]:
    if not found.compared and not found.changes and gaps:
        yield "no port was measured in both runs"
    if strict:
        if unlike:
            yield f"the runs are unlike in {', '.join(each.what for each in unlike)}"
        held = _UNASKED | {GapReason.OWN_LISTENER}
        count = sum(len(each.ports) for each in gaps if each.reason not in held)
        if count:
            yield f"both runs asked {count:,} endpoints that they did not measure alike"


def _in_order(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    def place(each: Gap) -> tuple[int, int, str, str]:
        return each.address.version, int(each.address), each.transport, each.reason

    return tuple(sorted(gaps, key=place))


# ---------------------------------------------------------------- pairs of hosts


class _Pairs:
    """The outcomes of two runs by host, in the order of the later run."""

    def __init__(self, before: RunRecord, after: RunRecord) -> None:
        self.before, self.after = before, after
        self.earlier, self.later = by_host(before), by_host(after)
        self.shared = [key for key in self.later if key in self.earlier]

    def pair(self, key: HostKey) -> _Pair:
        """Give the two outcomes of one host, less what was portproof's own in either run."""
        one, two = self.earlier[key], self.later[key]
        return _Pair(
            before=_Side(one, own_ports(one, self.before), self.before),
            after=_Side(two, own_ports(two, self.after), self.after),
        )


@dataclass(frozen=True, slots=True)
class _Side:
    """One host in one run."""

    outcome: HostOutcome
    own: PortSet
    """The planned ports that were portproof's own listeners."""
    run: RunRecord

    @property
    def plan(self) -> ScanPlan:
        return self.run.plan

    @property
    def transport(self) -> Transport:
        return self.outcome.transport

    @property
    def asked(self) -> PortSet:
        return self.outcome.host.ports(self.outcome.transport)

    @property
    def measured(self) -> PortSet:
        held = PortSet.empty()
        for ports in self.outcome.states.values():
            held = held | ports
        return held

    def doubtful(self) -> PortSet:
        return doubtful_ports(self.outcome, self.own)

    def silent(self) -> PortSet:
        return self.outcome.reasons.get(Reason.NO_RESPONSE, PortSet.empty())

    def reason(self, ports: PortSet) -> str:
        return reason_of(self.outcome, ports)


@dataclass(frozen=True, slots=True)
class _Pair:
    before: _Side
    after: _Side

    @property
    def of_others(self) -> PortSet:
        """The ports that both runs asked, and that were ours in neither."""
        return (self.before.asked & self.after.asked) - self.before.own - self.after.own

    def gap(self, ports: PortSet, reason: GapReason) -> Iterator[Gap]:
        if ports:
            host = self.after.outcome.host
            yield Gap(
                address=host.address, transport=self.after.transport, ports=ports, reason=reason
            )


# ---------------------------------------------------------------- what is not compared


def _asked_once(pairs: _Pairs) -> Iterator[Gap]:
    """Give what only one of the runs asked: a port not asked before is not new."""
    for mine, theirs, reason in (
        (pairs.earlier, pairs.later, GapReason.EARLIER_ONLY),
        (pairs.later, pairs.earlier, GapReason.LATER_ONLY),
    ):
        for key, outcome in mine.items():
            ports = outcome.host.ports(outcome.transport)
            if key in theirs:
                ports = ports - theirs[key].host.ports(outcome.transport)
            if ports:
                yield Gap(address=key[0], transport=key[1], ports=ports, reason=reason)


def _unmeasured(pair: _Pair) -> Iterator[Gap]:
    """Give what both runs asked and one of them, or both, did not measure."""
    lost_before = pair.of_others - pair.before.measured
    lost_after = pair.of_others - pair.after.measured
    yield from pair.gap(lost_before & lost_after, GapReason.UNMEASURED_BOTH)
    yield from pair.gap(lost_before - lost_after, GapReason.UNMEASURED_BEFORE)
    yield from pair.gap(lost_after - lost_before, GapReason.UNMEASURED_AFTER)


def _unsaid(pair: _Pair, was: PortState, is_now: PortState, ports: PortSet) -> Iterator[Gap]:
    """Give the ports whose change of state may be the runs' doing, each once."""
    for doubted, reason in (
        (_other_engine(pair, was, is_now), GapReason.ENGINE),
        (_hasty(pair), GapReason.PATIENCE),
        (_unchecked_open(pair, was, is_now), GapReason.NO_NEGATIVE),
        (_crowded(pair, was, is_now), GapReason.CROWD),
    ):
        held = ports if doubted is None else ports & doubted
        yield from pair.gap(held, reason)
        ports = ports - held


def _other_engine(pair: _Pair, was: PortState, is_now: PortState) -> PortSet | None:
    """Give the ports in doubt; None for all of them."""
    same = pair.before.plan.engine == pair.after.plan.engine
    doubted = not same and pair.after.transport is Transport.TCP
    return None if doubted and PortState.OPEN not in (was, is_now) else PortSet.empty()


def _hasty(pair: _Pair) -> PortSet:
    held = PortSet.empty()
    for side, other in ((pair.before, pair.after), (pair.after, pair.before)):
        if patience(side.plan, side.transport).less_than(patience(other.plan, side.transport)):
            held = held | (side.silent() - other.silent())
    return held


def _unchecked_open(pair: _Pair, was: PortState, is_now: PortState) -> PortSet | None:
    address = pair.after.outcome.host.address
    had, has = (negative_control(side.plan, address) for side in (pair.before, pair.after))
    doubted = (was is PortState.OPEN and has and not had) or (
        is_now is PortState.OPEN and had and not has
    )
    return None if doubted else PortSet.empty()


def _crowded(pair: _Pair, was: PortState, is_now: PortState) -> PortSet:
    if was is PortState.OPEN:
        return pair.before.doubtful()
    return pair.after.doubtful() if is_now is PortState.OPEN else PortSet.empty()


# ---------------------------------------------------------------- what changed


class _Found:
    """What the pairs of hosts came to."""

    def __init__(self) -> None:
        self.changes: list[PortChange] = []
        self.shifts: list[StateShift] = []
        self.gaps: list[Gap] = []
        self.compared = 0

    def take(self, pair: _Pair) -> None:
        """Hold one host of the earlier run against itself in the later one."""
        self.gaps += _unmeasured(pair)
        self._ours(pair)
        for was, held in pair.before.outcome.states.items():
            for is_now, holds in pair.after.outcome.states.items():
                self._take(pair, was, is_now, held & holds & pair.of_others)

    def _take(self, pair: _Pair, was: PortState, is_now: PortState, ports: PortSet) -> None:
        if was is is_now:
            self.compared += len(ports)
            if was is PortState.OPEN:
                self.changes += _services(pair, ports)
            return
        for gap in _unsaid(pair, was, is_now, ports):
            self.gaps.append(gap)
            ports = ports - gap.ports
        self.compared += len(ports)
        if PortState.OPEN in (was, is_now):
            self.changes += (_change(pair, was, is_now, port) for port in ports)
        elif ports:
            self.shifts.append(_shift(pair, was, is_now, ports))

    def _ours(self, pair: _Pair) -> None:
        """Take the ports that were ours in one run: a change where someone else has it open."""
        both = pair.before.asked & pair.after.asked
        once = (pair.before.own ^ pair.after.own) & both
        changes = list(_own_changes(pair, once))
        self.changes += changes
        told = PortSet.from_iterable(each.endpoint.port for each in changes)
        self.gaps += pair.gap(once - told, GapReason.OWN_LISTENER)


def _own_changes(pair: _Pair, ports: PortSet) -> Iterator[PortChange]:
    for port in ports:
        was, is_now = pair.before.outcome.state_of(port), pair.after.outcome.state_of(port)
        theirs = is_now if port in pair.before.own else was
        if not (isinstance(was, PortState) and isinstance(is_now, PortState)):
            continue
        if theirs is PortState.OPEN:
            change = _change(pair, was, is_now, port)
            yield (
                replace(change, own_before=True, service_before=_OURS)
                if port in pair.before.own
                else replace(change, own_after=True, service_after=_OURS)
            )


def _services(pair: _Pair, ports: PortSet) -> Iterator[PortChange]:
    """Give the open ports on which another service identified itself, where both asked alike."""
    one, other = pair.before, pair.after
    by_name = one.outcome.host.name != other.outcome.host.name
    if by_name or one.run.tool_version != other.run.tool_version:
        return
    silent = one.plan.silent_ports ^ other.plan.silent_ports
    for port in ports - silent:
        change = _change(pair, PortState.OPEN, PortState.OPEN, port)
        both = change.service_before and change.service_after
        if both and change.service_before != change.service_after:
            yield change


def _change(pair: _Pair, was: PortState, is_now: PortState, port: int) -> PortChange:
    outcome, only = pair.after.outcome, PortSet.of(port)
    return PortChange(
        endpoint=Endpoint(outcome.host.address, outcome.transport, port),
        before=was,
        after=is_now,
        reason_before=pair.before.reason(only),
        reason_after=pair.after.reason(only),
        service_before=service_text(pair.before.outcome.observation(port)),
        service_after=service_text(outcome.observation(port)),
    )


def doubtful_ports(outcome: HostOutcome, own: PortSet) -> PortSet:
    """Give the open ports that nobody can believe in: something may answer for the host (`crowds`).

    `own` are the ports of portproof's own listeners.
    """
    opened = outcome.states.get(PortState.OPEN, PortSet.empty()) - own
    if len(opened) <= MANY_OPEN:
        return PortSet.empty()
    return crowd_of(outcome, opened, PortSet.empty()).doubtful


def reason_of(outcome: HostOutcome, ports: PortSet) -> str:
    """Give the reasons behind the states of some ports, `reset, conn-refused`."""
    held = (reason.value for reason, of in outcome.reasons.items() if of & ports)
    return ", ".join(sorted(held))


def own_ports(outcome: HostOutcome, run: RunRecord) -> PortSet:
    """Give the planned ports of the host that were portproof's own listeners in that run."""
    ours = PortSet.from_iterable(
        each.port
        for each in run.own_listeners
        if each.address == outcome.host.address and each.transport is outcome.transport
    )
    return ours & outcome.host.ports(outcome.transport)


def service_text(seen: Observation | None) -> str:
    """Give name and product of the service that identified itself; empty when none did."""
    service = seen.service if seen else None
    name = identity(service)
    if service is None or name is None:
        return ""
    return f"{name} {service.product}".strip()


def _shift(pair: _Pair, was: PortState, is_now: PortState, ports: PortSet) -> StateShift:
    outcome = pair.after.outcome
    return StateShift(
        address=outcome.host.address,
        transport=outcome.transport,
        before=was,
        after=is_now,
        ports=ports,
        reason_before=pair.before.reason(ports),
        reason_after=pair.after.reason(ports),
    )
