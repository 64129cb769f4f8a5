"""Sockets that listen on one machine, as the machine itself says: what `ss` and osquery share.

What listens on loopback only is no target of a scan from elsewhere, and is left out. A socket bound
to one address tells an address of the machine; one bound to all of them tells none, so the document
says the machine's addresses.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.source import FileOptions
from portproof.sources.gathering import Found, Gathering


class Machine:
    """The sockets of one machine, one after the other."""

    def __init__(self) -> None:
        self._addresses: set[str] = set()
        self._ports: dict[str, set[int]] = {"tcp": set(), "udp": set()}

    def listens(self, transport: str, address: str, port: int) -> bool:
        """Take one socket; false when it is none that could be read."""
        if transport not in self._ports:
            return False
        if address in ("*", ""):
            self._ports[transport].add(port)
            return True
        try:
            bound = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if bound.is_loopback:
            return True
        self._ports[transport].add(port)
        if not (bound.is_unspecified or bound.is_link_local or bound.is_multicast):
            self._addresses.add(str(bound))
        return True

    def target(self, gathering: Gathering, options: FileOptions, path: Path, by: str) -> None:
        """Add the machine as one target: by its id in the document, else by the file's name."""
        tcp, udp = (PortSet.from_iterable(self._ports[each]) for each in ("tcp", "udp"))
        gathering.add(
            Found(
                id=options.host_id or path.stem,
                kind="machine",
                hosts=[*map(str, options.host), *self._addresses],
                ports=PortSpec(tcp, udp),
                attributes={"listed by": by},
            )
        )
