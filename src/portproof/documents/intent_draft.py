"""A firewall rule while it is being read: each condition narrows it, what is not understood blurs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.ports import PortSet
from portproof.model.reconcile import Action, IntentRule

LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
STATES: Final = frozenset({"new", "established", "related", "invalid", "untracked"})
"""States of connection tracking."""
NEW_CONNECTION: Final = frozenset({"new", "untracked"})
"""Those that a first packet may have; untracked is only what a rule has taken out of tracking."""
_MOST_EXCLUDED: Final = 64
"""Networks whose complement is worked out; of more, the condition is not understood."""
_EVERYWHERE: Final = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Which packets the rules are read for: those to the host itself, or those a firewall forwards."""

    forward: bool = False
    """Whether the firewall stands between the vantage and the hosts."""
    enters: str = ""
    """The interface by which packets of the vantage come in; empty: nobody says."""
    leaves: str = ""
    """The interface by which they go on to the hosts; empty: nobody says."""
    tracked: bool = True
    """Whether every connection is tracked: no rule takes any out of it."""


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
        """Narrow its source to networks."""
        held = tuple(networks) if self.sources is None else in_both(self.sources, networks)
        return replace(self, sources=held)

    def at_networks(self, networks: Sequence[Network]) -> Draft:
        """Narrow its destination to networks."""
        before = self.destinations
        held = tuple(networks) if before is None else in_both(before, networks)
        return replace(self, destinations=held)

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

    def in_state(
        self, states: Iterable[str], *, negated: bool = False, tracked: bool = True
    ) -> Draft:
        """Narrow it to states of connection tracking: only a new connection matters here."""
        named = frozenset(each.strip().lower() for each in states)
        met = (STATES - named if negated else named) & NEW_CONNECTION
        if met == NEW_CONNECTION or (tracked and "new" in met):
            return self
        return self.impossible() if tracked or not met else self.blurred()

    def through(self, names: Sequence[str], known: str, *, negated: bool = False) -> Draft:
        """Narrow it to interfaces by name, `eth*` and `eth+` for all that begin so.

        `known` is the one that packets take, empty where nobody says. From elsewhere none comes
        by loopback.
        """
        if not known:
            if set(names) != {"lo"}:
                return self.blurred()
            return self if negated else self.at_networks(LOOPBACK)
        met = any(_named(known, each) for each in names)
        return self if met is not negated else self.impossible()

    def rule(
        self,
        action: Action,
        text: str,
        location: SourceLocation,
        *,
        then: tuple[IntentRule, ...] = (),
    ) -> IntentRule:
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
            then=then,
        )


def _named(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern[-1:] in ("*", "+") else name == pattern


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


def in_both(some: Sequence[Network], others: Sequence[Network]) -> tuple[Network, ...]:
    """Give the networks that hold every address that lies in one of either."""
    met = (_common(one, other) for one in some for other in others)
    return tuple(each for each in met if each is not None)


def _common(one: Network, other: Network) -> Network | None:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one if one.subnet_of(other) else other if other.subnet_of(one) else None
    if isinstance(one, IPv6Network) and isinstance(other, IPv6Network):
        return one if one.subnet_of(other) else other if other.subnet_of(one) else None
    return None


def all_but(networks: Sequence[Network], version: int) -> tuple[Network, ...]:
    """Give the networks of a family that hold every address but those.

    Raises:
        ValueError: they are too many to work it out.
    """
    if len(networks) > _MOST_EXCLUDED:
        raise ValueError(f"{len(networks)} networks are more than are taken away")
    held: list[Network] = [_EVERYWHERE[version]]
    for taken in networks:
        held = [left for each in held for left in _without(each, taken)]
    return tuple(held)


def _without(network: Network, taken: Network) -> Iterable[Network]:
    if isinstance(network, IPv4Network) and isinstance(taken, IPv4Network):
        if network.subnet_of(taken):
            return ()
        return network.address_exclude(taken) if taken.subnet_of(network) else (network,)
    if isinstance(network, IPv6Network) and isinstance(taken, IPv6Network):
        if network.subnet_of(taken):
            return ()
        return network.address_exclude(taken) if taken.subnet_of(network) else (network,)
    return (network,)
