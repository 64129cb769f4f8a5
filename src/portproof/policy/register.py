"""The baseline's inbound entries, found by host and by port without going through all of them."""

from __future__ import annotations

from collections.abc import Iterable

from portproof.model.baseline import Baseline, BaselineEntry, Direction
from portproof.model.endpoint import Address, Network, Transport
from portproof.model.scan import PlannedHost


class Register:
    """Most entries list single addresses and names, and are found by a dictionary.

    Only networks are held against each host.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._inbound = tuple(
            each for each in baseline.entries if each.direction is Direction.INBOUND
        )
        self._places: dict[Address | str, list[int]] = {}
        self._networks: list[tuple[Network, int]] = []
        for position, entry in enumerate(self._inbound):
            for name in entry.names:
                self._places.setdefault(name.lower(), []).append(position)
            for network in entry.networks:
                if network.num_addresses == 1:
                    self._places.setdefault(network.network_address, []).append(position)
                else:
                    self._networks.append((network, position))
        self._by_port: dict[tuple[Transport, int], tuple[BaselineEntry, ...]] = {}

    def about(self, host: PlannedHost) -> tuple[BaselineEntry, ...]:
        """Give the entries that cover the host, of any transport and zone, in document order."""
        address = host.address
        found = {*self._places.get(address, ())}
        for name in host.names:
            found.update(self._places.get(name, ()))
        found.update(
            position
            for network, position in self._networks
            if network.version == address.version and address in network
        )
        return tuple(self._inbound[position] for position in sorted(found))

    def of_port(self, transport: Transport, port: int) -> Iterable[BaselineEntry]:
        """Give the entries of any host that name the port, in document order."""
        held = self._by_port.get((transport, port))
        if held is None:
            held = tuple(
                each for each in self._inbound if each.transport is transport and port in each.ports
            )
            self._by_port[transport, port] = held
        return held
