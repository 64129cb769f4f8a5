"""The ports that probes leave from: a few, reserved, and told to the people who watch.

They lie above Linux' default range for outgoing connections (32768 to 60999), and are bound for as
long as the helper runs, so that no connection of this machine can use one: an answer to a probe
would reset it. Nothing listens there; the kernel resets what a target opens, which frees the target
of a half-open connection.

Each sending of a probe has the next of them, so that an answer tells which sending it is for: its
round-trip time is then known even when it comes late.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import Final

import numpy as np
from numpy.typing import NDArray

COUNT: Final = 16
UNTOLD: Final = 1 << 8
IMPOSSIBLE: Final = 1 << 9
_FIRST: Final = 61_000
_END: Final = 65_000
EVER_USED: Final = range(_FIRST, _END)
"""Every port that a probe may leave from, for those who watch."""


class SourcePorts:
    """A run of reserved ports, until `close`."""

    def __init__(self, *, one_port: bool = False) -> None:
        """Reserve the first run that is free; with `one_port`, all sendings leave from its first.

        Raises:
            OSError: none is.
        """
        self._turns = 1 if one_port else COUNT
        for first in range(_FIRST, _END, COUNT):
            self._held = ExitStack()
            try:
                for port in range(first, first + COUNT):
                    self._reserve(port)
            except OSError as problem:
                self._held.close()
                if problem.errno != errno.EADDRINUSE:
                    raise
            else:
                self.ports = range(first, first + COUNT)
                return
        raise OSError(errno.EADDRINUSE, "no run of free source ports")

    def close(self) -> None:
        """Give them back."""
        self._held.close()

    def of_sendings(self, sent_before: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Give the port of a probe that was sent so many times before."""
        return (sent_before % self._turns).astype(np.uint16) + np.uint16(self.ports[0])

    def sendings_ago(
        self, ports: NDArray[np.uint16], attempts: NDArray[np.uint8]
    ) -> NDArray[np.int64]:
        """Say which sending an answer to that port is for: 0 the last of `attempts`, 1 that before.

        It is UNTOLD where all sendings share a port and there were several, and never below
        `attempts` where no sending can have had that port.
        """
        ago = (attempts.astype(np.int64) - 1 - (ports.astype(np.int64) - self.ports[0])) % COUNT
        if self._turns > 1:
            return np.asarray(np.where(ago < attempts, ago, IMPOSSIBLE))
        told = np.where(attempts == 1, 0, UNTOLD)
        return np.asarray(np.where(ports == self.ports[0], told, IMPOSSIBLE))

    def _reserve(self, port: int) -> None:
        held = self._held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        held.bind(("", port))
        try:
            six = self._held.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            six.bind(("::", port))
        except OSError as problem:
            if problem.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                raise
