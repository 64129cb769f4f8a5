"""A firewall rule while it is being read: each condition narrows it, what is not understood blurs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.ports import PortSet
from portproof.model.reconcile import Action, IntentRule

LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
NEW_CONNECTION: Final = frozenset({"new", "untracked"})
"""States of connection tracking that a first packet may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a packet must be for the rule to match; None is no condition."""

    transports: frozenset[Transport] = frozenset(Transport)
    ports: PortSet = field(default_factory=PortSet.all_ports)
    sources: tuple[Network, ...] | None = None
    destinations: tuple[Network, ...] | None = None
    versions: tuple[int, ...] = (4, 6)
    exact: bool = True
    never: bool = False
    """No first packet of a connection from elsewhere can match."""

    def over(self, transports: Iterable[Transport]) -> Draft:
        """Narrow it to some transports."""
        held = self.transports & frozenset(transports)
        return replace(self, transports=held, never=self.never or not held)

    def to_ports(self, ports: PortSet) -> Draft:
        """Narrow it to some ports."""
        held = self.ports & ports
        return replace(self, ports=held, never=self.never or not held)

    def from_networks(self, networks: Sequence[Network]) -> Draft:
        """Narrow its source; a second condition on it is more than is understood."""
        if self.sources is not None:
            return self.blurred()
        return replace(self, sources=tuple(networks))

    def at_networks(self, networks: Sequence[Network]) -> Draft:
        """Narrow its destination; a second condition on it is more than is understood."""
        if self.destinations is not None:
            return self.blurred()
        return replace(self, destinations=tuple(networks))

    def of_version(self, version: int) -> Draft:
        """Narrow it to IPv4 or IPv6."""
        held = tuple(each for each in self.versions if each == version)
        return replace(self, versions=held, never=self.never or not held)

    def blurred(self) -> Draft:
        """Say that it has a condition that is not understood: it may match."""
        return replace(self, exact=False)

    def impossible(self) -> Draft:
        """Say that no first packet from elsewhere matches."""
        return replace(self, never=True)

    def in_state(self, states: Iterable[str]) -> Draft:
        """Narrow it to states of connection tracking: only a new connection matters here."""
        named = {each.strip().lower() for each in states}
        return self if named & NEW_CONNECTION else self.impossible()

    def through(self, interface: str) -> Draft:
        """Narrow it to the interface a packet comes in by: which one that is, nobody says."""
        return self.at_networks(LOOPBACK) if interface == "lo" else self.blurred()

    def rule(self, action: Action, text: str, location: SourceLocation) -> IntentRule:
        """Give the rule."""
        return IntentRule(
            action=action,
            text=text,
            location=location,
            transports=self.transports,
            ports=self.ports,
            sources=self.sources,
            destinations=self.destinations,
            versions=self.versions,
            exact=self.exact,
        )


def networks_between(first: str, last: str) -> tuple[Network, ...]:
    """Give the networks of an address range, both ends included.

    Raises:
        ValueError: they are no addresses of one family, in order.
    """
    one, other = ip_address(first), ip_address(last)
    if isinstance(one, IPv4Address) and isinstance(other, IPv4Address):
        return tuple(summarize_address_range(one, other))
    if isinstance(one, IPv6Address) and isinstance(other, IPv6Address):
        return tuple(summarize_address_range(one, other))
    raise ValueError(f"{first} and {last} are of two families")
