"""The baseline's inbound entries, found by host and by port without going through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from portproof.model.baseline import Baseline, BaselineEntry, Direction
from portproof.model.endpoint import Address, Network, Transport
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost
from portproof.model.waiver import Waiver
from portproof.policy.holders import Holders
from portproof.policy.places import NetworkIndex

_MANY: Final = 50
"""Entries about a port on other hosts that are looked through: they differ little."""
_NOTHING: Final[Mapping[str, str]] = {}


class Register:
    """Entries by address, name and id through dictionaries, by network through their prefixes."""

    def __init__(self, baseline: Baseline, holders: Holders | None = None) -> None:
        """Index the entries; without `holders` nobody is known to have had any address."""
        self.holders: Final = holders if holders is not None else Holders()
        self._inbound = tuple(
            each for each in baseline.entries if each.direction is Direction.INBOUND
        )
        self._places: dict[Address | str, list[int]] = {}
        self._ids: dict[str, list[int]] = {}
        self._by_ports: dict[tuple[Transport, PortSet], list[int]] = {}
        networks: list[tuple[Network, int]] = []
        for position, entry in enumerate(self._inbound):
            self._by_ports.setdefault((entry.transport, entry.ports), []).append(position)
            for key in entry.ids:
                self._ids.setdefault(key, []).append(position)
            for name in entry.names:
                self._places.setdefault(name.lower(), []).append(position)
            for network in entry.networks:
                if network.num_addresses == 1:
                    self._places.setdefault(network.network_address, []).append(position)
                else:
                    networks.append((network, position))
        self._networks = NetworkIndex(networks)
        self._about: dict[tuple[int, ...], tuple[BaselineEntry, ...]] = {}
        self._by_port: dict[tuple[Transport, int], tuple[BaselineEntry, ...]] = {}

    def about(self, host: PlannedHost) -> tuple[BaselineEntry, ...]:
        """Give the entries that cover the host, of any transport and zone, in document order.

        Those that were meant for a former holder of its address are among them: see `passed_on`.
        Hosts that the same entries cover are given one and the same tuple.
        """
        address = host.address
        found = self._networks.around(address)
        if self._places:
            found += self._places.get(address, ())
        for name in host.names:
            found += self._places.get(name, ())
        if self._ids:
            for key in self.holders.ids(address):
                found += self._ids.get(key, ())
        as_found = tuple(found)
        about = self._about.get(as_found)
        if about is None:
            positions = tuple(sorted(set(found)))
            known = tuple(self._inbound[each] for each in positions)
            # However they were found, the same entries are one tuple.
            about = self._about[as_found] = self._about.setdefault(positions, known)
        return about

    def passed_on(self, host: PlannedHost, about: Iterable[BaselineEntry]) -> Mapping[str, str]:
        """Give the entries, by id, that do not hold for the host, and why.

        They name its address, and were approved when somebody else had it; nothing else of theirs
        covers it. Empty for nearly every host, after one look-up.
        """
        if not self.holders.has_history(host.address):
            return _NOTHING
        told = ((each.id, self._passed_on(host, each)) for each in about)
        return {entry: why for entry, why in told if why}

    def reaches_id(self, host: PlannedHost, entry: BaselineEntry) -> bool:
        """Whether the entry covers the host by an id that has its address."""
        return bool(entry.ids) and not set(entry.ids).isdisjoint(self.holders.ids(host.address))

    def of_port(self, transport: Transport, port: int) -> tuple[BaselineEntry, ...]:
        """Give the entries of any host that name the port, in document order; the first of many."""
        held = self._by_port.get((transport, port))
        if held is None:
            positions = (
                position
                for (over, ports), some in self._by_ports.items()
                if over is transport and port in ports
                for position in some
            )
            first = islice(sorted(positions), _MANY)
            held = tuple(self._inbound[each] for each in first)
            self._by_port[transport, port] = held
        return held

    def _passed_on(self, host: PlannedHost, entry: BaselineEntry) -> str:
        if self.reaches_id(host, entry) or not names_address(entry, host.address, host.names):
            return ""
        day = entry.approval.approved_on
        handed = self.holders.handed_on(host.address, day)
        if handed is None:
            return ""
        return f"approved {f'on {day}' if day else 'on no stated day'} for {handed}"


def names_address(listed: BaselineEntry | Waiver, address: Address, names: Iterable[str]) -> bool:
    """Whether what covers the host does so by its address alone: not by a name, network or range."""
    if any(name.lower() in listed.names for name in names):
        return False
    return not any(
        each.version == address.version and address in each
        for each in listed.networks
        if each.num_addresses > 1 or each in listed.ranged
    )
