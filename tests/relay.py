"""A path that loses packets: a process between two network namespaces, and its loss is seeded.

    client ─ tun ─┐                        ┌─ tun ─ server
    10.77.0.1     └──── relay process ─────┘        10.78.0.0/16 behind it: all of it is here
                  loses some, may delay some

Each namespace has a TUN device whose other end the relay holds: what one writes, the other reads,
unless it is lost on the way. The servers are real ones, in the kernel of the server's namespace,
which takes every address of `TARGETS` for its own.

Whether a packet is lost depends on nothing but the seed, its direction, the server's address and
port, and the how-manieth packet of that endpoint it is in that direction. So what is lost does not
depend on the order in which endpoints are asked, nor on the machine's load; and scans of different
addresses, also at the same time, meet different losses.

Run as a process: python relay.py '{"devices": [[PID, "path"], [PID, "path"]], "seed": 1,
"loss": [0.3, 0.3], "delay_ms": 0}'. It enters the network namespaces of the two processes one after
the other, makes the device there, prints `ready`, and relays until it is ended.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

CLIENT: Final = "10.77.0.1"
TARGETS: Final = "10.78.0.0/16"
"""Every address inside is the server's."""

_CLONE_NEWNET: Final = 0x40000000
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MTU: Final = 65_535
_WITH_PORTS: Final = (6, 17)
_WORD: Final = (1 << 64) - 1


def lay_path(
    lab: Any, *, seed: int, loss: tuple[float, float], delay_ms: int = 0
) -> subprocess.Popen[bytes]:
    """Lay a lossy path from the laboratory's client to `TARGETS` at its server.

    `loss` is the share of packets lost towards the server, and back from it.
    """
    asked = {
        "devices": [[lab.client.holder_pid, "path"], [lab.server.holder_pid, "path"]],
        "seed": seed,
        "loss": loss,
        "delay_ms": delay_ms,
    }
    command = [sys.executable, __file__, json.dumps(asked)]
    relay: subprocess.Popen[bytes] = lab.popen(lab.client, command, stdout=subprocess.PIPE)
    if relay.stdout is None or relay.stdout.readline() != b"ready\n":
        raise RuntimeError("the relay did not start")
    for namespace in (lab.client, lab.server):
        lab.run(namespace, ["ip", "link", "set", "path", "up", "txqueuelen", "10000"])
    lab.run(lab.client, ["ip", "address", "add", f"{CLIENT}/32", "dev", "path"])
    lab.run(lab.client, ["ip", "route", "add", TARGETS, "dev", "path", "src", CLIENT])
    lab.run(lab.server, ["ip", "route", "add", "local", TARGETS, "dev", "lo"])
    lab.run(lab.server, ["ip", "route", "add", f"{CLIENT}/32", "dev", "path"])
    return relay


def is_lost(
    seed: int, direction: int, endpoint: tuple[int, int], ordinal: int, loss: float
) -> bool:
    """Say whether the `ordinal`-th packet to (0) or from (1) an endpoint is lost."""
    address, port = endpoint
    key = seed << 80 | direction << 72 | address << 40 | port << 24 | ordinal
    word = mixed(mixed(key & _WORD) ^ (key >> 64))
    return word < loss * (1 << 64)


def mixed(word: int) -> int:
    """Mix 64 bits well (splitmix64's finalizer, Steele, Lea and Flood 2014)."""
    word = (word + 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def endpoint_of(packet: bytes, direction: int) -> tuple[int, int]:
    """Give the server's address and port of an IPv4 packet towards (0) or from (1) it."""
    header = (packet[0] & 15) * 4
    at = 12 if direction else 16
    address = int.from_bytes(packet[at : at + 4])
    if packet[9] not in _WITH_PORTS:
        return address, 0
    at = header if direction else header + 2
    return address, int.from_bytes(packet[at : at + 2])


@dataclass(slots=True)
class Relay:
    """Carries packets between two devices; `run` never returns."""

    devices: tuple[int, int]
    seed: int
    loss: tuple[float, float]
    delay_s: float
    _seen: Counter[tuple[int, tuple[int, int]]] = field(default_factory=Counter)
    _under_way: list[tuple[float, int, int, bytes]] = field(default_factory=list)
    _number: int = 0

    def run(self) -> None:
        poller = select.poll()
        for device in self.devices:
            poller.register(device, select.POLLIN)
        while True:
            for device, _ in poller.poll(self._wait_ms()):
                self._take(self.devices.index(device))
            self._deliver(time.monotonic())

    def _take(self, direction: int) -> None:
        """Take what waits at one end; a few hundred at a time, so that the other end has its turn."""
        for _ in range(256):
            try:
                packet = os.read(self.devices[direction], _MTU)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4 or self._loses(packet, direction):
                continue
            if not self.delay_s:
                os.write(self.devices[1 - direction], packet)
                continue
            self._number += 1
            due = time.monotonic() + self.delay_s
            heapq.heappush(self._under_way, (due, self._number, direction, packet))

    def _loses(self, packet: bytes, direction: int) -> bool:
        endpoint = endpoint_of(packet, direction)
        ordinal = self._seen[direction, endpoint]
        self._seen[direction, endpoint] += 1
        return is_lost(self.seed, direction, endpoint, ordinal, self.loss[direction])

    def _deliver(self, now: float) -> None:
        while self._under_way and self._under_way[0][0] <= now:
            _, _, direction, packet = heapq.heappop(self._under_way)
            os.write(self.devices[1 - direction], packet)

    def _wait_ms(self) -> float | None:
        if not self._under_way:
            return None
        return max(0.0, (self._under_way[0][0] - time.monotonic()) * 1000)


def open_device(holder_pid: int, name: str) -> int:
    """Make a TUN device in the network namespace of a process; this process is in there afterwards."""
    with Path(f"/proc/{holder_pid}/ns/net").open() as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot enter the namespace")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def main() -> None:
    asked = json.loads(sys.argv[1])
    # A relay that has to wait for a busy processor delays packets, and late is lost.
    with suppress(PermissionError):
        os.nice(-15)
    first, second = (open_device(pid, name) for pid, name in asked["devices"])
    relay = Relay(
        devices=(first, second),
        seed=asked["seed"],
        loss=tuple(asked["loss"]),
        delay_s=asked["delay_ms"] / 1000,
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    relay.run()


if __name__ == "__main__":
    main()
