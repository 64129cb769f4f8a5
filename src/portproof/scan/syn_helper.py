"""The raw helper as its parent sees it: processes, a stream of frames to each, what it is busy with."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.rawwire import (
    BLOCK_BITS,
    BLOCKS,
    SLOTS,
    FrameReader,
    Kind,
    Records,
    WireError,
    ask,
    say,
)

_RECEIVE: Final = 1 << 18
_GRACE_S: Final = 1.0
_COMMAND: Final = ("-P", "-m", "portproof.rawhelper")
"""-P keeps the working directory out of where Python looks for code: this process may be root."""

Slots = NDArray[np.int64]


class HelperProcesses:
    """The processes behind the streams, until `close`."""

    def __init__(self, count: int) -> None:
        """Start them.

        Raises:
            OSError: there is no descriptor or no process to be had.
        """
        pairs = [socket.socketpair() for _ in range(count)]
        theirs = [their for _, their in pairs]
        try:
            # The first one forks the others, once its libraries are loaded.
            further = [each.fileno() for each in theirs[1:]]
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, *_COMMAND, *map(str, further)],
                stdin=theirs[0].fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=further,
                process_group=0,
                # One thread each: a second one would only be there to be started.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        except OSError:
            for ours, _ in pairs:
                ours.close()
            raise
        finally:
            for each in theirs:
                each.close()
        self.helpers = [SynHelper(ours) for ours, _ in pairs]

    def close(self) -> None:
        """End them: each ends by itself when its stream does, else by force."""
        for helper in self.helpers:
            helper.sock.close()
        try:
            self.process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class SynHelper:
    """One stream, and the process behind it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(0.0)
        self._reader = FrameReader()
        self._held = bytearray()
        self._free = list(range(BLOCKS - 1, -1, -1))
        self._left = [0] * BLOCKS
        self.host = np.zeros(SLOTS, dtype=np.uint32)
        self.port = np.zeros(SLOTS, dtype=np.uint16)
        self._waiting = np.zeros(SLOTS, dtype=np.bool_)
        self.finished = False
        """It said DONE."""
        self.gone = False
        """Its stream has ended, or what it said is not to be understood."""
        self.problem = ""
        """Why it is gone, in its own words, where it had some."""

    def fileno(self) -> int:
        """Give the descriptor to wait on."""
        return self.sock.fileno()

    @property
    def holding(self) -> bool:
        """Whether something waits for the helper to take it."""
        return bool(self._held)

    @property
    def has_room(self) -> bool:
        """Whether it can take a block."""
        return bool(self._free) and not self.gone and not self.finished

    @property
    def idle(self) -> bool:
        """Whether every probe that it was asked for has ended."""
        return len(self._free) == BLOCKS

    def plan(self, **facts: Any) -> None:
        """Say what it works under."""
        self._say(say(Kind.PLAN, **facts))

    def tell(self, kind: Kind) -> None:
        """Say what needs no further words: STOP."""
        self._say(say(kind))

    def offer(self, kind: Kind, records: Records) -> None:
        """Ask for a block of probes; there is room for it."""
        block = self._free.pop()
        start = block << BLOCK_BITS
        rows = slice(start, start + len(records))
        self.host[rows], self.port[rows] = records["host"], records["port"]
        self._waiting[rows] = True
        self._left[block] = len(records)
        self._say(ask(kind, block, records))

    def frames(self) -> Iterator[tuple[Kind, bytes]]:
        """Give what it has said, up to a quarter of a megabyte; `gone` tells whether it still lives.

        More is left for the next time: a busy helper must not keep its parent from its other duties.
        """
        try:
            received = self.sock.recv(_RECEIVE)
        except BlockingIOError:
            return
        except ConnectionError:
            received = b""
        if not received:
            self.gone = True
            return
        try:
            yield from self._reader.feed(received)
        except WireError as problem:
            self.lose(str(problem))

    def ended(self, slots: Slots) -> None:
        """Take note of probes whose outcome it told.

        Raises:
            WireError: it was not asked for one of them, or has told it before.
        """
        if len(slots) and (int(slots.max()) >= SLOTS or not self._waiting[slots].all()):
            raise WireError("the raw helper told of a probe that it was not asked for")
        # Before anything is believed of this frame: what it does not tell soundly stays unfinished.
        if len(np.unique(slots)) < len(slots):
            raise WireError("the raw helper told of a probe twice")
        self._waiting[slots] = False
        for block, count in enumerate(np.bincount(slots >> BLOCK_BITS).tolist()):
            if count:
                self._left[block] -= count
                if not self._left[block]:
                    self._free.append(block)

    def unfinished(self) -> Slots:
        """Give the probes without an outcome."""
        return np.flatnonzero(self._waiting)

    def lose(self, problem: str) -> None:
        """Have no more to do with it."""
        self.gone = True
        self.problem = self.problem or problem

    def push(self) -> None:
        """Send what is held back, as far as it is taken."""
        while self._held and not self.gone:
            try:
                sent = self.sock.send(self._held)
            except BlockingIOError:
                return
            except ConnectionError:
                return  # what it said before is still to be read; then the stream ends
            del self._held[:sent]

    def _say(self, frame: bytes) -> None:
        self._held += frame
        self.push()
