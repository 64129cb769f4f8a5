"""What an engine has to know of each host, worked out when its turn comes and forgotten in time.

`hosts` may stand for sixteen million addresses that exist only as numbers: nothing is kept of them
but the latest.
"""

from __future__ import annotations

from collections.abc import Sequence
from socket import AF_INET, AF_INET6
from typing import Final, TypeAlias

from portproof.model.endpoint import Address
from portproof.scan.family import family_of
from portproof.scan.lines import LinePool, Stack
from portproof.scan.local_ports import ANYWHERE
from portproof.scan.routing import own_networks

ByLane: TypeAlias = tuple[Stack, Stack, Stack]
Peer: TypeAlias = tuple[str, ByLane]
"""The address as text, and the stacks of lines that probes to it leave by: `LocalPorts.lane_of`."""

_MOST: Final = 16_384


class Peers(dict[int, Peer]):
    """Peers by their index in `hosts`."""

    def __init__(self, hosts: Sequence[Address], lines: LinePool) -> None:
        """Begin without any; the kernel is asked once which networks are our own."""
        super().__init__()
        self._hosts = hosts
        self._stacks = {
            (int(family), own): _stacks(lines, family, lanes)
            for family in (AF_INET, AF_INET6)
            for own, lanes in ((True, (0, 1, 2)), (False, (ANYWHERE,) * 3))
        }
        # By IP version and length of the prefix, the prefixes: a few look-ups for an address.
        self._own: dict[tuple[int, int], set[int]] = {}
        for network in own_networks():
            shift = network.max_prefixlen - network.prefixlen
            prefixes = self._own.setdefault((network.version, shift), set())
            prefixes.add(int(network.network_address) >> shift)

    def __missing__(self, host: int) -> Peer:
        if len(self) >= _MOST:
            self.clear()
        address = self._hosts[host]
        stacks = self._stacks[int(family_of(address)), self._is_own(address)]
        peer = self[host] = (str(address), stacks)
        return peer

    def _is_own(self, address: Address) -> bool:
        """Whether some table calls it local: if another rule has it elsewhere, no harm is done."""
        number = int(address)
        return any(
            number >> shift in prefixes
            for (version, shift), prefixes in self._own.items()
            if version == address.version
        )


def _stacks(lines: LinePool, family: int, lanes: tuple[int, ...]) -> ByLane:
    one, two, three = (lines.stack(family, lane) for lane in lanes)
    return (one, two, three)
