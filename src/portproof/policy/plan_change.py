"""What a changed baseline would do: to observed ports, to zones, and what its entries lack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from portproof.model.baseline import Baseline, BaselineEntry, Direction, Presence
from portproof.model.change_plan import ChangePlan, Effect, PortEffect
from portproof.model.drift import Gap, GapReason
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.model.vantage import Vantages
from portproof.policy.drift import service_text
from portproof.policy.holders import Holders
from portproof.policy.plan_terms import lacks, touched, weakenings
from portproof.policy.register import Register
from portproof.policy.scene import Sighting
from portproof.policy.sightings import sightings

_Pair = tuple[Sighting, Sighting]
"""One host over one transport beside the old entries, and beside the new ones."""


def plan_change(
    base: Baseline,
    new: Baseline,
    run: RunRecord | None,
    vantages: Vantages,
    *,
    on: date,
    holders: Holders | None = None,
) -> ChangePlan:
    """Hold two baselines against each other, and both against what a run observed.

    None for the run: nothing is said of observed ports. The caller sees to it that the run is
    complete. Approvals are held against the day `on`.
    """
    changed = touched(base, new)
    pairs = () if run is None else _pairs((base, new), run, vantages, on, holders)
    effects = tuple(each for pair in pairs for each in _effects(pair, new, on))
    kept = {each.id for each in new.approved}
    return ChangePlan(
        effects=effects,
        gaps=tuple(each for pair in pairs for each in _gaps(pair, on)),
        weakenings=tuple(weakenings(base, new)),
        lacks=tuple(lacks(new, changed)),
        removed=tuple(each for each in base.approved if each.id not in kept),
        unseen=tuple(_unseen(new, changed, pairs)) if run is not None else (),
    )


def _pairs(
    baselines: tuple[Baseline, Baseline],
    run: RunRecord,
    vantages: Vantages,
    on: date,
    holders: Holders | None,
) -> Sequence[_Pair]:
    registers = ((each, Register(each, holders)) for each in baselines)
    old, fresh = (sightings(run, held, each, vantages, on) for each, held in registers)
    return tuple(zip(old, fresh, strict=True))


# ---------------------------------------------------------------- observed ports


def _effects(pair: _Pair, new: Baseline, on: date) -> Iterator[PortEffect]:
    old, fresh = pair
    # Believed in by both: what is doubtful is a gap.
    opened = old.open & fresh.open
    for port in opened & (fresh.approved - old.approved):
        yield from _effect(Effect.BECOMES_APPROVED, fresh, port, new, on)
    for port in opened & (old.approved - fresh.approved):
        yield from _effect(Effect.BECOMES_UNAPPROVED, old, port, new, on)
    demanded = _required(fresh, on) - _required(old, on)
    for state in (PortState.CLOSED, PortState.FILTERED):
        for port in demanded & fresh.outcome.states.get(state, PortSet.empty()):
            yield from _effect(Effect.BECOMES_MISSING, fresh, port, new, on)


def _effect(
    effect: Effect, sighting: Sighting, port: int, new: Baseline, on: date
) -> Iterator[PortEffect]:
    entry, state = sighting.granting(port, on), sighting.outcome.state_of(port)
    if entry is None or not isinstance(state, PortState):
        return
    kept = next((each for each in new.approved if each.id == entry.id), None)
    yield PortEffect(
        effect=effect,
        endpoint=sighting.endpoint(port),
        state=state,
        service=service_text(sighting.outcome.observation(port)),
        entry=entry,
        kept=kept,
    )


def _required(sighting: Sighting, on: date) -> PortSet:
    held = PortSet.empty()
    for entry in sighting.entries:
        if entry.presence is Presence.REQUIRED and entry.in_force(on):
            held = held | entry.ports
    return held


def _gaps(pair: _Pair, on: date) -> Iterator[Gap]:
    """Give the ports judged otherwise whose state the run does not tell."""
    old, fresh = pair
    judged = (old.approved ^ fresh.approved) | (_required(fresh, on) - _required(old, on))
    asked = fresh.host.ports(fresh.transport)
    doubtful = (old.doubtful | fresh.doubtful) & judged
    for ports, reason in (
        (judged - asked, GapReason.NOT_ASKED),
        ((judged & asked) - _measured(fresh.outcome), GapReason.UNMEASURED_AFTER),
        (doubtful, GapReason.CROWD),
    ):
        if ports:
            address = fresh.host.address
            yield Gap(address=address, transport=fresh.transport, ports=ports, reason=reason)


def _measured(outcome: HostOutcome) -> PortSet:
    held = PortSet.empty()
    for ports in outcome.states.values():
        held = held | ports
    return held


def _unseen(
    new: Baseline, changed: frozenset[str], pairs: Sequence[_Pair]
) -> Iterator[BaselineEntry]:
    """Give the touched entries of which the run shows no host from one of their zones."""
    seen = {entry.id for _, fresh in pairs for entry in fresh.entries}
    for entry in new.approved:
        inbound = entry.direction is Direction.INBOUND
        if inbound and entry.id in changed and entry.id not in seen:
            yield entry
