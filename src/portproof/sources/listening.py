"""Sockets that listen on one machine, as the machine itself says: what `ss` and osquery share.

What listens on loopback only is no target of a scan from elsewhere, and is left out. A socket bound
to one address tells an address of the machine; one bound to all of them tells none, so the document
says the machine's addresses.
"""

from __future__ import annotations

from pathlib import Path

from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.reconcile import Listener
from portproof.model.source import FileOptions
from portproof.sources.gathering import Found, Gathering


class Machine:
    """The sockets of one machine, one after the other."""

    def __init__(self) -> None:
        self._addresses: set[str] = set()
        self._ports: dict[Transport, set[int]] = {each: set() for each in Transport}

    def listens(self, held: Listener) -> None:
        """Take one socket."""
        address = held.address
        if address is not None and address.is_loopback:
            return
        self._ports[held.transport].add(held.port)
        if address is not None and not (address.is_link_local or address.is_multicast):
            self._addresses.add(str(address))

    def target(self, gathering: Gathering, options: FileOptions, path: Path, by: str) -> None:
        """Add the machine as one target: by its id in the document, else by the file's name."""
        tcp, udp = (
            PortSet.from_iterable(self._ports[each]) for each in (Transport.TCP, Transport.UDP)
        )
        gathering.add(
            Found(
                id=options.host_id or path.stem,
                kind="machine",
                hosts=[*map(str, options.host), *self._addresses],
                ports=PortSpec(tcp, udp),
                attributes={"listed by": by},
            )
        )
