"""What a run saw against what is approved: open and unapproved, approved and absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from portproof.model.baseline import Baseline, BaselineEntry, Direction
from portproof.model.drift import Gap, GapReason
from portproof.model.endpoint import Endpoint
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.vantage import Vantages
from portproof.policy.drift import reason_of, service_text
from portproof.policy.holders import Holders
from portproof.policy.register import Register
from portproof.policy.scene import Sighting, observations
from portproof.policy.sightings import sightings
from portproof.policy.wording import ports_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One port that is not as approved."""

    endpoint: Endpoint
    state: PortState
    reason: str
    service: str
    entry: BaselineEntry | None
    """Of an absent one the entry that approves it; of an unapproved one the entry that covers it
    and is not in force; None where no entry covers it."""
    passed_on: str = ""
    """Why that entry holds for a former owner of the address; empty where it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedDrift:
    """How a run departs from the approved state."""

    refused: tuple[str, ...] = ()
    unapproved: tuple[Departure, ...] = ()
    absent: tuple[Departure, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """Approved or open ports of which nothing is said."""
    unseen: tuple[BaselineEntry, ...] = ()
    """Entries for the run's zone none of whose hosts the run asked."""
    compared: int = 0
    """Ports that are open or approved, and of which something is said."""


def approved_drift(
    run: RunRecord,
    baseline: Baseline,
    vantages: Vantages,
    *,
    on: date,
    holders: Holders | None = None,
) -> ApprovedDrift:
    """Hold a run against the entries in force on a day, seen from the run's zone.

    `holders` is who had which address when the run began; None: there is no inventory.

    Silence over UDP (`open|filtered`) is neither absent nor there. Only a complete run says
    anything (law 2).
    """
    if run.status is not RunStatus.COMPLETE:
        return ApprovedDrift(refused=(f"the run is {run.status}: {run.status_reason}",))
    held = sightings(run, Register(baseline, holders), baseline, vantages, on)
    unapproved = tuple(each for sighting in held for each in _unapproved(sighting, on))
    absent = tuple(each for sighting in held for each in _absent(sighting, on))
    gaps = tuple(each for sighting in held for each in _gaps(sighting))
    there = sum(len(each.open & each.approved) for each in held)
    return ApprovedDrift(
        unapproved=unapproved,
        absent=absent,
        gaps=gaps,
        unseen=tuple(_unseen(run, baseline, held, on)),
        compared=there + len(unapproved) + len(absent),
    )


def _unapproved(sighting: Sighting, on: date) -> Iterator[Departure]:
    for port in sighting.open - sighting.approved:
        void = [
            each
            for each in sighting.entries
            if port in each.ports and not sighting.grants(each, on)
        ]
        yield _departure(sighting, port, PortState.OPEN, void[0] if void else None)


def _absent(sighting: Sighting, on: date) -> Iterator[Departure]:
    for state in (PortState.CLOSED, PortState.FILTERED):
        ports = sighting.outcome.states.get(state, PortSet.empty())
        for port in ports & sighting.approved:
            yield _departure(sighting, port, state, sighting.granting(port, on))


def _departure(
    sighting: Sighting, port: int, state: PortState, entry: BaselineEntry | None
) -> Departure:
    seen = observations(sighting.outcome).get(port)
    return Departure(
        endpoint=sighting.endpoint(port),
        state=state,
        reason=reason_of(sighting.outcome, PortSet.of(port)),
        service=service_text(seen),
        entry=entry,
        passed_on=sighting.passed_on.get(entry.id, "") if entry else "",
    )


def _gaps(sighting: Sighting) -> Iterator[Gap]:
    outcome, asked = sighting.outcome, sighting.host.ports(sighting.transport)
    silent = outcome.states.get(PortState.OPEN_FILTERED, PortSet.empty())
    measured = PortSet.empty()
    for ports in outcome.states.values():
        measured = measured | ports
    for ports, reason in (
        (sighting.approved - asked, GapReason.NOT_ASKED),
        ((sighting.approved & asked) - measured, GapReason.UNMEASURED_AFTER),
        (sighting.approved & silent, GapReason.NO_ANSWER),
        (sighting.doubtful, GapReason.CROWD),
    ):
        if ports:
            yield Gap(
                address=sighting.host.address,
                transport=sighting.transport,
                ports=ports,
                reason=reason,
            )


def _unseen(
    run: RunRecord, baseline: Baseline, held: tuple[Sighting, ...], on: date
) -> Iterator[BaselineEntry]:
    seen = {entry.id for sighting in held for entry in sighting.entries}
    zone = run.plan.vantage.zone
    for entry in baseline.approved:
        ours = entry.direction is Direction.INBOUND and zone in entry.zones and entry.in_force(on)
        if ours and entry.id not in seen:
            yield entry


def entry_words(departure: Departure, on: date) -> str:
    """Say what the baseline says of the port: the entry, and why it does not hold; empty: nothing."""
    entry = departure.entry
    if entry is None:
        return ""
    told = f"entry {entry.id}, {entry.location.file}:{entry.location.line}"
    if departure.passed_on:
        return f"{told}, {departure.passed_on}"
    if entry.in_force(on):
        return told
    end = entry.approval.review_by
    void = f"ended {end}" if end is not None and end < on else "is not in force yet"
    return f"{told}, {void} (ports {ports_text(entry.ports)})"
