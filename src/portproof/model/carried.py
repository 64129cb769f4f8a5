"""What one run hands to the next: checkpoints while it runs, and its outcomes when it was cut short.

`carry_over` decides what may be taken over. Only observations are: whatever was not measured is
asked again. Silence among them was released by witnesses of its own run (law 2), so it stands; an
open port stands unless a negative control of that run showed that something else may have answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from portproof.model.drawn import Continuation, Drawn
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import ControlKind, HostOutcome, RunRecord, Witness

_Key = TypeVar("_Key", PortState, Reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a sweep stands, kept twice a second or so for the case that its process is killed."""

    drawn: tuple[Drawn, ...]
    """With what may be drawn before the next checkpoint, so that the truth is never larger."""
    witnesses: tuple[Witness, ...]
    """Who spoke for the silence that was handed over before this checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The outcomes that a run takes over from the interrupted one that it continues."""

    run_id: str
    since: datetime
    """The beginning of the first run of the chain."""
    until: datetime
    """The end of the interrupted run."""
    hosts: tuple[HostOutcome, ...]
    """Observations only: nothing is unmeasured in here."""
    drawn: tuple[Drawn, ...]

    @property
    def continuation(self) -> Continuation:
        """What the record of the run that takes it over says of it."""
        return Continuation(run_id=self.run_id, since=self.since, until=self.until)

    def drawn_over(self, transport: Transport) -> Drawn | None:
        """Give how far the order over that transport was drawn; None when nobody noted it."""
        return next((each for each in self.drawn if each.transport is transport), None)


def carry_over(record: RunRecord) -> Carried:
    """Give what a continuation of the run takes over."""
    own = frozenset(record.own_listeners)
    believed = not _something_answered(record)
    hosts = (_kept(each, own, believed=believed) for each in record.hosts)
    before = record.continuation
    return Carried(
        run_id=record.plan.run_id,
        since=before.since if before else record.started,
        until=record.finished,
        hosts=tuple(each for each in hosts if any(each.states.values())),
        drawn=record.drawn,
    )


def _something_answered(record: RunRecord) -> bool:
    """Whether a negative control of the run showed what it must not."""
    negative = {each.id for each in record.plan.controls if each.kind is ControlKind.NEGATIVE}
    return any(not each.as_expected and each.control_id in negative for each in record.samples)


def _kept(outcome: HostOutcome, own: frozenset[Endpoint], *, believed: bool) -> HostOutcome:
    """Leave out what has to be asked again.

    That is: portproof's own listeners, which are gone; open ports that nobody may believe; and open
    UDP ports whose answer was not kept, because only the answer says what they are.
    """
    told = {each.endpoint.port for each in outcome.observations if each.evidence is not None}
    opened = outcome.states.get(PortState.OPEN, PortSet.empty())
    gone = PortSet.from_iterable(
        each.port
        for each in own
        if each.address == outcome.host.address and each.transport is outcome.transport
    )
    if not believed:
        gone |= opened
    elif outcome.transport is Transport.UDP:
        gone |= opened - PortSet.from_iterable(told)
    return HostOutcome(
        host=outcome.host,
        transport=outcome.transport,
        states=_less(outcome.states, gone),
        reasons=_less(outcome.reasons, gone),
        unmeasured={},
        observations=_standing(outcome, gone),
    )


def _standing(outcome: HostOutcome, gone: PortSet) -> tuple[Observation, ...]:
    return tuple(
        each
        for each in outcome.observations
        if each.endpoint.port not in gone
        and each.endpoint.port in outcome.states.get(each.state, PortSet.empty())
    )


def _less(sets: Mapping[_Key, PortSet], gone: PortSet) -> dict[_Key, PortSet]:
    return {key: ports - gone for key, ports in sets.items() if ports - gone}


def measured(outcomes: Iterable[HostOutcome], transport: Transport) -> int:
    """Count the endpoints of those outcomes that were measured over the transport."""
    return sum(
        len(ports)
        for each in outcomes
        if each.transport is transport
        for ports in each.states.values()
    )
