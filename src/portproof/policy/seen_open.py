"""What a run, or another scanner's list, showed open: the raw material of proposals.

Only what was seen open, and is believed, is proposed. Ports that answer like a hundred others of
their host, or hosts of a network that answers like one, may be a middlebox (`crowds`); what was not
measured may be open as well; and a silent UDP port proves nothing. All three are told, none is
proposed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, NamedTuple

from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, RunRecord, RunStatus
from portproof.model.source import SourcedTarget
from portproof.policy.crowds import MANY_OPEN, Crowd, Neighbourhoods, crowd_of, network_of
from portproof.policy.register import Register
from portproof.policy.services import identity
from portproof.policy.wording import counted, ports_text

_MOST_NAMED: Final = 10
"""Hosts that a sentence lists before it only counts them."""
_THEIR_WORD: Final = "as nmap says, imported"
_IMPORTED: Final = (
    "another scanner's list is imported, not witnessed by a control of ours: it does not tell what "
    "was not measured"
)


class Spoken(NamedTuple):
    """What a port said that it is, and how."""

    service: str
    how: str
    """`protocol answer`, `banner`; or whose word it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One host over one transport."""

    host: PlannedHost
    transport: Transport
    open: PortSet
    """Ports that are believed to be open, portproof's own listeners apart."""
    spoken: Mapping[int, Spoken] = field(default_factory=dict)
    """By port, of those that identified themselves."""
    doubtful: PortSet = field(default_factory=PortSet.empty)
    """Ports that answered where too many do."""
    pointed: str = ""
    """The name in the PTR record, which whoever holds the address chose; empty where unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All hosts of a run or a list."""

    seen: tuple[Seen, ...]
    notes: tuple[str, ...]
    """What is not proposed, and why; one sentence each."""


def seen_in_run(run: RunRecord, baseline: Baseline, on: date) -> Sight:
    """Give what a run saw open; a port approved on that day does not make a host doubtful."""
    register, neighbourhoods = Register(baseline), Neighbourhoods()
    held = []
    for outcome in run.hosts:
        approved = _approved(register.about(outcome.host), outcome, run, on)
        crowd = crowd_of(outcome, _opened(outcome, run), approved)
        neighbourhoods.add(outcome.host.address, outcome.transport, crowd)
        held.append((outcome, crowd))
    answering = neighbourhoods.answering()
    seen = []
    for outcome, alone in held:
        network = network_of(outcome.host.address)
        alike = (network, outcome.transport) in answering and alone.answers_everywhere
        seen.append(_seen(outcome, replace(alone, network=network) if alike else alone))
    return Sight(seen=tuple(seen), notes=(*_notes_of_run(run), *_doubts(seen)))


def seen_in_list(
    targets: Sequence[SourcedTarget],
    not_understood: Sequence[str],
    services: Mapping[Endpoint, str],
) -> Sight:
    """Give what another scanner lists as open: imported, not witnessed.

    `services` are those that it asked for and recognised, by endpoint.
    """
    seen = [each for target in targets for each in _listed(target, services)]
    skipped = (f"not understood: {each}" for each in not_understood)
    return Sight(seen=tuple(seen), notes=(_IMPORTED, *skipped, *_doubts(seen)))


def _approved(
    about: Iterable[BaselineEntry], outcome: HostOutcome, run: RunRecord, on: date
) -> PortSet:
    ports = PortSet.empty()
    for entry in about:
        here = entry.transport is outcome.transport and run.plan.vantage.zone in entry.zones
        if here and entry.in_force(on):
            ports = ports | entry.ports
    return ports


def _opened(outcome: HostOutcome, run: RunRecord) -> PortSet:
    ours = PortSet.from_iterable(
        each.port
        for each in run.own_listeners
        if each.address == outcome.host.address and each.transport is outcome.transport
    )
    return outcome.states.get(PortState.OPEN, PortSet.empty()) - ours


def _seen(outcome: HostOutcome, crowd: Crowd) -> Seen:
    doubtful = crowd.doubtful
    spoken = {
        each.endpoint.port: Spoken(name, each.service.identified_by)
        for each in outcome.observations
        if each.service is not None and (name := identity(each.service)) is not None
    }
    return Seen(
        host=outcome.host,
        transport=outcome.transport,
        open=crowd.opened - doubtful,
        spoken=spoken,
        doubtful=doubtful,
    )


def _listed(target: SourcedTarget, services: Mapping[Endpoint, str]) -> Iterator[Seen]:
    ports = target.ports
    if ports is None:
        return
    for address in target.addresses:
        host = PlannedHost(
            address=address,
            target=target.id,
            # Not `name`: an entry by a name would not cover a scan that lists the address.
            also_named=target.names,
            tcp=ports.tcp,
            udp=ports.udp,
        )
        for transport in Transport:
            opened = host.ports(transport)
            told = ((port, services.get(Endpoint(address, transport, port))) for port in opened)
            spoken = {port: Spoken(name, _THEIR_WORD) for port, name in told if name}
            untold = opened - PortSet.from_iterable(spoken)
            doubtful = untold if len(untold) > MANY_OPEN else PortSet.empty()
            if opened:
                yield Seen(
                    host=host,
                    transport=transport,
                    open=opened - doubtful,
                    spoken=spoken,
                    doubtful=doubtful,
                    pointed=target.attributes.get("ptr", "").split(" ")[0].lower(),
                )


# ---------------------------------------------------------------- what is not proposed


def _doubts(seen: Iterable[Seen]) -> Iterator[str]:
    for each in seen:
        if each.doubtful:
            number = counted(len(each.doubtful), f"{each.transport} port")
            yield (
                f"{each.host.address}: {number} ({ports_text(each.doubtful)}) told nothing of "
                "themselves and are too many to be believed: something may answer for this host, "
                "and none of them is proposed"
            )


def _notes_of_run(run: RunRecord) -> Iterator[str]:
    if run.status is not RunStatus.COMPLETE:
        why = run.status_reason or "no reason was given"
        yield f"run {run.plan.run_id} is {run.status}: {why}; more may be open than it saw"
    yield from _unmeasured(run)
    for each in run.coverage:
        if each.missing:
            number = counted(each.missing, f"{each.transport} endpoint")
            yield f"of {number} nothing is known (missing): what is open there is not proposed"
    silent = sum(
        len(each.states.get(PortState.OPEN_FILTERED, PortSet.empty())) for each in run.hosts
    )
    if silent:
        yield (
            f"{counted(silent, 'port')} may be open or filtered ({_answers(run)}): "
            "silence is no service, and none of them is proposed"
        )


def _answers(run: RunRecord) -> str:
    """Say whether some of the `open|filtered` ports did answer, though not in the protocol asked."""
    odd = any(
        each.reasons.get(Reason.UDP_RESPONSE, PortSet.empty())
        & each.states.get(PortState.OPEN_FILTERED, PortSet.empty())
        for each in run.hosts
    )
    return "no answer, or none of the protocol asked" if odd else "no answer"


def _unmeasured(run: RunRecord) -> Iterator[str]:
    """Say what was not measured, by cause: how many endpoints, and of which hosts."""
    totals: Counter[tuple[Transport, LocalFault]] = Counter()
    for each in run.coverage:
        totals.update(
            {(each.transport, fault): number for fault, number in each.unmeasured.items()}
        )
    for (transport, fault), number in sorted(totals.items()):
        hosts = [
            str(each.host.address)
            for each in run.hosts
            if each.transport is transport and each.unmeasured.get(fault)
        ]
        yield (
            f"{counted(number, f'{transport} endpoint')} not measured ({fault}){_of(hosts)}: "
            "what is open there is not proposed"
        )


def _of(hosts: Sequence[str]) -> str:
    if not hosts:
        return ""
    more = f" and {len(hosts) - _MOST_NAMED:,} more hosts" if len(hosts) > _MOST_NAMED else ""
    return f" of {', '.join(hosts[:_MOST_NAMED])}{more}"
