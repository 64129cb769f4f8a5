"""`missing-service`: something that must answer from this zone does not.

Judged per host and port. What was not measured, not asked, or not in the run at all is UNKNOWN and
required: a service nobody looked at is not there until somebody has seen it. That the approval of
an entry has lapsed ends what it grants, not what it demands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from portproof.model.baseline import BaselineEntry, Tier
from portproof.model.endpoint import Network
from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.ports import PortSet
from portproof.policy.scene import Scene, Sighting, observations, required_here
from portproof.policy.severity import fixed
from portproof.policy.wording import ports_text, state_words

RULE: Final = "missing-service"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement per required port of each host, and per host that was not in the run."""
    required = tuple(required_here(scene))
    if not required:
        return
    wanted = {each.id for each in required}
    looked_at: dict[str, list[Sighting]] = {}
    for sighting in scene.sightings:
        for entry in sighting.entries:
            if entry.id in wanted:
                looked_at.setdefault(entry.id, []).append(sighting)
    for entry in required:
        covered = looked_at.get(entry.id, [])
        for sighting in covered:
            yield from _on_host(scene, sighting, entry)
        yield from _absent(scene, entry, covered)


def _on_host(scene: Scene, sighting: Sighting, entry: BaselineEntry) -> Iterator[Judgement]:
    if entry.ports <= sighting.answering:
        return
    seen = observations(sighting.outcome)
    passed_on = sighting.passed_on.get(entry.id)
    for port, found in _states(sighting, entry.ports):
        # Whatever answers there now, it is not the host that the service was required of.
        state = f"the entry was {passed_on}" if passed_on else found
        blank = scene.blank(RULE, sighting, port, seen.get(port))
        place = f"{sighting.transport.upper()} {port} on {sighting.host.address}"
        judged = replace(
            blank,
            required=True,
            entry_id=entry.id,
            owner=blank.owner or entry.owner,
            location=entry.location,
            title=f"Required service answers: {_service(entry)} on port {port}/{sighting.transport}",
            because=f"{place} was open; entry {entry.id} requires it.",
        )
        observed = seen.get(port)
        reason = observed.reason if observed else None
        told = _by_state(judged, state, (place, reason), entry)
        lapsed = "" if told.verdict is Verdict.CONFORMS else _lapsed(entry, scene.today)
        yield replace(told, because=f"{told.because}{lapsed}")


def _states(
    sighting: Sighting, ports: PortSet
) -> Iterator[tuple[int, PortState | LocalFault | str]]:
    """Give each required port with its state, its fault, or in words why it has neither."""
    outcome = sighting.outcome
    left = ports - sighting.answering
    for state, held in outcome.states.items():
        for port in held & left:
            yield port, _shown(sighting, port, state)
        left = left - held
    for fault, held in outcome.unmeasured.items():
        for port in held & left:
            yield port, fault
        left = left - held
    planned = sighting.host.ports(sighting.transport)
    for port in left:
        yield port, "its outcome is missing" if port in planned else "it was not asked in this run"


def _shown(sighting: Sighting, port: int, state: PortState) -> PortState | str:
    """Give the state of a port, or in words why it says nothing of what is required there."""
    if port in sighting.doubtful:
        return "too many ports of the host answer"
    if state is PortState.OPEN and port not in sighting.open:
        return "portproof itself listened there"
    return state


def _by_state(
    judged: Judgement,
    state: PortState | LocalFault | str,
    shown: tuple[str, Reason | None],
    entry: BaselineEntry,
) -> Judgement:
    place, reason = shown
    if isinstance(state, LocalFault):
        return _unknown(judged, f"{place} was not measured ({state})")
    if not isinstance(state, PortState):
        return _unknown(judged, f"{place} cannot be judged: {state}")
    match state:
        case PortState.OPEN:
            return judged
        case PortState.OPEN_FILTERED:
            return _unknown(judged, f"{place} {state_words(state, reason)}")
        case PortState.CLOSED | PortState.FILTERED:
            return _missing(judged, f"{place} {state_words(state)}", entry)


def _missing(judged: Judgement, what: str, entry: BaselineEntry) -> Judgement:
    trace = fixed(Severity.MEDIUM, "missing service", "a required service does not answer")
    if entry.tier is Tier.ONE:
        trace += fixed(Severity.HIGH, "tier", f"entry {entry.id} is of tier 1")
    breaks = f" Without it: {entry.breaks}" if entry.breaks else ""
    return replace(
        judged,
        verdict=Verdict.DEVIATES,
        title=judged.title.replace("Required service answers", "Required service missing"),
        because=f"{what}; entry {entry.id} requires {_service(entry)} there.{breaks}",
        facts=("missing_service",),
        severity=trace[-1].severity,
        trace=trace,
        action=_action(entry),
    )


def _lapsed(entry: BaselineEntry, on: date) -> str:
    until = entry.approval.review_by
    if until is None or on <= until:
        return ""
    return f" Its approval ended with its review date {until.isoformat()}; the demand stands."


def _action(entry: BaselineEntry) -> str:
    runbook = f" Runbook: {entry.runbook}" if entry.runbook else ""
    return f"Restore the service, or stop requiring it in entry {entry.id}.{runbook}"


def _unknown(judged: Judgement, what: str) -> Judgement:
    return replace(
        judged,
        verdict=Verdict.UNKNOWN,
        title=judged.title.replace("Required service answers", "Required service not judged"),
        because=f"{what}; entry {judged.entry_id} requires it.",
        action="Measure it again once the cause is removed.",
    )


def _absent(scene: Scene, entry: BaselineEntry, covered: Sequence[Sighting]) -> Iterator[Judgement]:
    """Judge the hosts of a required entry that the run did not look at over its transport."""
    resolutions = {each.name.lower(): each for each in scene.run.plan.resolutions}
    for name in entry.names:
        if any(_goes_by(each, name) for each in covered):
            continue
        resolved = resolutions.get(name)
        asked_otherwise = any(_goes_by(each, name) for each in scene.sightings)
        why = _not_over(entry) if asked_otherwise else _NOT_IN_RUN
        if resolved is not None and not resolved.addresses:
            why = f"it did not resolve ({resolved.detail or 'no address'})"
        yield _host_unknown(scene, entry, name, f"{name}: {why}")
    for key in entry.ids:
        if not any(key in scene.register.holders.ids(each.host.address) for each in covered):
            yield _host_unknown(scene, entry, key, f"{key}: {_NO_ADDRESS}")
    addresses = {each.host.address for each in covered}
    for network in entry.networks:
        missing = network.num_addresses - sum(
            address.version == network.version and address in network for address in addresses
        )
        if missing:
            text = _print(network)
            what = f"{missing} of the addresses of {text}" if network.num_addresses > 1 else text
            only = network.num_addresses == 1
            asked_otherwise = only and any(
                each.host.address == network.network_address for each in scene.sightings
            )
            why = _not_over(entry) if asked_otherwise else _NOT_IN_RUN
            yield _host_unknown(scene, entry, text, f"{what}: {why}")


def _goes_by(sighting: Sighting, name: str) -> bool:
    """Whether the host was listed by that name, or belongs to the asset that has it."""
    if name in sighting.host.names:
        return True
    return sighting.asset is not None and name in sighting.asset.names


_NOT_IN_RUN: Final = "not among what this run asked"
_NO_ADDRESS: Final = "no source lists it with an address that this run asked"


def _not_over(entry: BaselineEntry) -> str:
    """Say that a host was asked, but not over the transport of the entry."""
    return f"not asked over {entry.transport.upper()} in this run"


def _host_unknown(scene: Scene, entry: BaselineEntry, host: str, why: str) -> Judgement:
    where = f"{ports_text(entry.ports)}/{entry.transport}"
    single = len(entry.ports) == 1
    return Judgement(
        rule=RULE,
        verdict=Verdict.UNKNOWN,
        subject=Subject(
            asset=host,
            zone=scene.zone,
            transport=entry.transport,
            port=entry.ports.nth(0) if single else None,
        ),
        title=f"Required service not judged: {_service(entry)} on port {where} of {host}",
        because=f"{why}; entry {entry.id} requires it.",
        action="Add the host to the targets with these ports, or make its name resolve.",
        entry_id=entry.id,
        owner=entry.owner,
        required=True,
        location=entry.location,
    )


def _print(network: Network) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _service(entry: BaselineEntry) -> str:
    return entry.service or entry.id
