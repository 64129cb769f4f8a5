"""The helper's end of the conversation with its parent: a stream socket that never blocks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final

from portproof.model.rawwire import FrameReader, Kind

_RECEIVE: Final = 1 << 18
_MOST_HELD: Final = 4 << 20


class Channel:
    """Frames in and out; what the parent does not take yet is held back here."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0.0)
        self.sock = sock
        self._reader = FrameReader()
        self._held = bytearray()
        self.closed = False
        """The parent is gone, or has said that it hears no more."""

    @property
    def holding(self) -> bool:
        """Whether something waits for the parent to take it."""
        return bool(self._held)

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should be asked of the network."""
        return len(self._held) > _MOST_HELD

    def frames(self) -> Iterator[tuple[Kind, bytes]]:
        """Give the frames that have come.

        Raises:
            WireError: the parent sent what is no frame.
        """
        # What a caller that stopped half-way has left.
        yield from self._reader.feed(b"")
        while not self.closed:
            try:
                received = self.sock.recv(_RECEIVE)
            except BlockingIOError:
                return
            except ConnectionError:
                received = b""
            if not received:
                self.closed = True
                return
            yield from self._reader.feed(received)

    def send(self, frame: bytes) -> None:
        """Send a frame, now or once the parent takes it."""
        self._held += frame
        self.push()

    def push(self) -> None:
        """Send what is held back, as far as the parent takes it."""
        while self._held and not self.closed:
            try:
                sent = self.sock.send(self._held)
            except BlockingIOError:
                return
            except ConnectionError:
                self.closed = True
                return
            del self._held[:sent]
