"""Where far too many ports answer: of one host, or of a whole network.

Something in between may answer for the targets (a SYN proxy, a tarpit, a redirect): a *middlebox*.
Nobody can believe in the ports it shows, and nobody reads the second hundred of them, so they are
one finding. Three things tell a crowd from a busy host:

* of one host, more than a hundred unapproved ports were asked what they are and none said it, or
  more than a hundred gave one and the same answer;
* of one network, eight hosts or more, and nine in ten of those measured, are open on every port
  that was asked of them, without saying what they are. Hosts that are not there answer alike;
* of one host, more than a hundred were not asked, because the run (or our sockets) ended first:
  that is no sign of a middlebox, and only one sentence instead of hundreds.

What identified itself in a way of its own is judged port by port all the same: no middlebox invents
that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Final

from portproof.model.endpoint import Address, Network, Transport
from portproof.model.finding import HostPorts, Judgement, Subject
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome
from portproof.policy.services import identity

MANY_OPEN: Final = 100
"""More unapproved and unidentified open ports than this on one host are one judgement of
interference, not hundreds of exposures (docs/severity.md, step 8): something may be answering
for the host, and nobody reads the second hundred."""
_MANY_HOSTS: Final = 8
_NEARLY_ALL: Final = 0.9
_PREFIX: Final = {4: 24, 6: 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The open ports of one host, sorted by what they told of themselves."""

    opened: PortSet
    """All that are open, our own listeners apart."""
    alike: PortSet
    """Those that were asked and did not say what they are, or gave the answer of a hundred others.

    Not looked for, and empty, on a host with too few open ports for a crowd.
    """
    unasked: PortSet
    """Those that nobody asked; looked for like `alike`."""
    approved: PortSet
    measured: int
    """How many ports of the host were measured."""
    network: Network | None = None
    """The network that answers like one; None: this host speaks for itself."""

    @property
    def is_small(self) -> bool:
        """Whether the host has too few open ports for a crowd, whatever they told of themselves."""
        everywhere = len(self.opened) == self.measured > 0
        return not everywhere and len(self.opened - self.approved) <= MANY_OPEN

    @property
    def doubtful(self) -> PortSet:
        """The ports of which neither open nor closed is claimed; empty for a host like others."""
        if self.network is not None or self.is_interference:
            return self.alike | self.unasked
        return self.unasked if len(self.unasked - self.approved) > MANY_OPEN else PortSet.empty()

    @property
    def is_interference(self) -> bool:
        """Whether what was asked, here or all over the network, told nothing."""
        return self.network is not None or len(self.alike - self.approved) > MANY_OPEN

    @property
    def answers_everywhere(self) -> bool:
        """Whether every port that was measured is open, and most of them do not say what they are."""
        return len(self.opened) == self.measured > 0 and 2 * len(self.alike) > len(self.opened)


def crowd_of(outcome: HostOutcome, opened: PortSet, approved: PortSet) -> Crowd:
    """Sort the open ports of a host by what they told of themselves."""
    none = PortSet.empty()
    crowd = Crowd(
        opened=opened,
        alike=none,
        unasked=none,
        approved=approved,
        measured=sum(len(ports) for ports in outcome.states.values()),
    )
    if crowd.is_small:
        return crowd
    alike, unasked = _sorted(outcome, opened, approved)
    return replace(crowd, alike=alike, unasked=unasked)


def _sorted(outcome: HostOutcome, opened: PortSet, approved: PortSet) -> tuple[PortSet, PortSet]:
    """Give the open ports that are alike, and those that nobody asked."""
    told = {
        seen.endpoint.port: (name, seen.service.product if seen.service else "")
        for seen in outcome.observations
        if (name := identity(seen.service)) and seen.endpoint.port in opened
    }
    unapproved = Counter(answer for port, answer in told.items() if port not in approved)
    distinct = PortSet.from_iterable(
        port for port, answer in told.items() if unapproved[answer] <= MANY_OPEN
    )
    unasked = PortSet.from_iterable(
        seen.endpoint.port
        for seen in outcome.observations
        if not seen.asked and seen.endpoint.port in opened and seen.endpoint.port not in told
    )
    return opened - distinct - unasked, unasked


@dataclass(slots=True)
class _Neighbourhood:
    one: Address
    """One address of it."""
    measured: int = 0
    everywhere: int = 0
    ports: int = 0


@dataclass(slots=True)
class Neighbourhoods:
    """The hosts of each network and transport, counted by how they answer."""

    _counted: dict[tuple[int, int, Transport], _Neighbourhood] = field(default_factory=dict)
    """By IP version, number of the network, and transport."""

    def add(self, address: Address, transport: Transport, crowd: Crowd) -> None:
        """Count one host."""
        if not crowd.measured:
            return
        version = address.version
        number = int(address) >> (address.max_prefixlen - _PREFIX[version])
        counted = self._counted.get((version, number, transport))
        if counted is None:
            counted = self._counted[version, number, transport] = _Neighbourhood(address)
        counted.measured += 1
        if crowd.answers_everywhere:
            counted.everywhere += 1
            counted.ports += len(crowd.alike - crowd.approved)

    def answering(self) -> frozenset[tuple[Network, Transport]]:
        """Give the networks in which nearly all hosts answer everywhere."""
        return frozenset(
            (network_of(each.one), transport)
            for (_, _, transport), each in self._counted.items()
            if each.everywhere >= _MANY_HOSTS
            and each.everywhere >= _NEARLY_ALL * each.measured
            and each.ports > MANY_OPEN
        )


def network_of(address: Address) -> Network:
    """Give the network that neighbours share: an IPv4 /24, an IPv6 /64."""
    return ip_network((address, _PREFIX[address.version]), strict=False)


def network_named(subject: Subject) -> Network | None:
    """Give the network that a judgement is about; None for one on a host or an asset.

    Neither an asset's id nor a host's name has a slash in it.
    """
    return ip_network(subject.asset) if "/" in subject.asset and subject.zone else None


def extent_of(judged: Judgement) -> tuple[HostPorts, ...]:
    """Give what a judgement on whole hosts rests on.

    Where the record does not say which ports it doubted, all ports of its address are.
    """
    if judged.extent or not judged.subject.address:
        return judged.extent
    address = ip_address(judged.subject.address)
    return (HostPorts(address=address, ports=PortSet.all_ports()),)


def touches(judged: Judgement, other: Judgement) -> bool:
    """Whether two judgements on whole hosts have a host in common, over the same transport."""
    if judged.subject.transport is not other.subject.transport:
        return False
    return bool(
        {each.address for each in extent_of(judged)} & {each.address for each in extent_of(other)}
    )
