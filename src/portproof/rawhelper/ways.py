"""Paths made ready: an outlet for each, and the number of the next hop for each probe."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from portproof.model.rawwire import WireError
from portproof.rawhelper.frames import FrameBatch
from portproof.rawhelper.links import Link, link_of
from portproof.rawhelper.neighbours import Neighbours
from portproof.rawhelper.outlet import Outlet, Senders, link_name
from portproof.rawhelper.plan import HelperPlan, Path
from portproof.rawhelper.source_ports import SourcePorts
from portproof.rawhelper.table import V6, ProbeTable, Slots
from portproof.rawhelper.template import template_of


class Ways:
    """The paths of a plan; `send` takes rows of the table to the wire."""

    def __init__(
        self, plan: HelperPlan, senders: Senders, neighbours: Neighbours, reserved: SourcePorts
    ) -> None:
        """Make each path ready.

        Raises:
            OSError: an interface of the plan is gone.
        """
        self._paths = plan.paths
        self._neighbours = neighbours
        self._reserved = reserved
        self._links = [link_of(path.interface) for path in plan.paths]
        self._outlets = [
            outlet_of(path, link, senders)
            for path, link in zip(plan.paths, self._links, strict=True)
        ]
        for known in plan.neighbours:
            neighbours.learn(known.interface, known.address, known.link_address)
        self._hops = [
            None if path.next_hop is None else neighbours.hop_of(link, path.source, path.next_hop)
            for path, link in zip(plan.paths, self._links, strict=True)
        ]

    def assign(self, table: ProbeTable, slots: Slots, version: int) -> None:
        """Give each of a block's rows the number of its next hop.

        Raises:
            WireError: a row names a path that there is not, or one of the other IP version.
        """
        paths = table.path[slots]
        for path in np.unique(paths).tolist():
            if path >= len(self._paths) or self._paths[path].version != version:
                raise WireError(f"there is no path {path} for IPv{version}")
            rows = slots[paths == path]
            hop = self._hops[path]
            if hop is not None:
                table.hop[rows] = hop
            else:
                self._assign_targets(table, rows, path)

    def _assign_targets(self, table: ProbeTable, rows: Slots, path: int) -> None:
        """Give each row its own target as next hop."""
        link, source = self._links[path], self._paths[path].source
        if self._paths[path].version == V6:
            distinct, which = np.unique(table.v6[rows], axis=0, return_inverse=True)
            packed = [each.astype(">u8").tobytes() for each in distinct]
        else:
            numbers, which = np.unique(table.v4[rows], return_inverse=True)
            packed = [each.to_bytes(4, "big") for each in numbers.tolist()]
        hops = [self._neighbours.hop_of(link, source, each) for each in packed]
        table.hop[rows] = np.array(hops, dtype=np.uint32)[which.reshape(-1)]

    def send(
        self, table: ProbeTable, slots: Slots, turn: int, stopped: Callable[[], bool]
    ) -> dict[int, int]:
        """Send rows, at most a batch, and note when; gives the errno of each slot that did not leave."""
        paths = table.path[slots]
        first = int(paths[0])
        if (paths == first).all():
            return self._send_by(first, table, slots, turn, stopped)
        failed: dict[int, int] = {}
        for path in np.unique(paths).tolist():
            failed |= self._send_by(path, table, slots[paths == path], turn, stopped)
        return failed

    def _send_by(
        self, path: int, table: ProbeTable, slots: Slots, turn: int, stopped: Callable[[], bool]
    ) -> dict[int, int]:
        outlet = self._outlets[path]
        frames = outlet.frames
        frames.fill_link(self._neighbours.addresses[table.hop[slots]])
        ports, sequence = table.port[slots], table.cookie[slots]
        sources = self._reserved.of_sendings(table.attempts[slots])
        if self._paths[path].version == V6:
            frames.fill_v6(table.v6[slots], ports, sources, sequence)
        else:
            frames.fill_v4(table.v4[slots], ports, sources, sequence)
        outlet.address(frames.targets(len(slots)))
        failed = outlet.send(len(slots), stopped)
        left_s = outlet.left_s[: len(slots)]
        if failed:
            sent = np.ones(len(slots), dtype=np.bool_)
            sent[list(failed)] = False
            table.sent(slots[sent], turn, left_s[sent])
        else:
            table.sent(slots, turn, left_s)
        return {int(slots[row]): error for row, error in failed.items()}


def outlet_of(path: Path, link: Link, senders: Senders) -> Outlet:
    """Build the template of a path, and what sends copies of it."""
    if path.local:
        frames = FrameBatch(template_of(path.version, path.source, None))
        return Outlet(senders.raw[path.version], frames, None)
    frames = FrameBatch(template_of(path.version, path.source, link.address))
    # An Ethernet header names the protocol itself.
    name = link_name(path.version, path.interface) if link.address is None else b""
    return Outlet(senders.packet[path.interface], frames, name)
