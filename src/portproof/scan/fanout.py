"""Much work at once, but only so much at one host: shared by identification and the UDP sweep.

Work is grouped (by host). As many workers run as there may be pieces of work under way; each takes
a turn token of some group, one piece of that group's work, and puts the token back at the end of
the row. A group has as many tokens as it may have work under way, so hosts are served in turn and
none gets more than its share; no task is created per piece.
"""

from __future__ import annotations

import asyncio
import resource
import selectors
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Final, TypeVar

from portproof.scan.classify import TRANSIENT_ERRNOS

_STOP_ASKED_EVERY_S: Final = 0.1
_DESCRIPTORS_KEPT_FREE: Final = 64
"""For the store, logs, the event loop itself and whoever else is in this process."""

Piece = TypeVar("Piece")


async def fan_out(
    pieces: Iterable[tuple[Hashable, Piece]],
    work: Callable[[Piece], Awaitable[None]],
    *,
    at_once: int,
    per_group: int,
    stop: Callable[[], bool],
) -> None:
    """Do `work` for each (group, piece), at most `at_once` together and `per_group` of a group.

    Returns when all is done, or soon after `stop()` says so: work under way is then cancelled,
    and the rest is never begun. An exception in `work` ends the whole with it.
    """
    groups: dict[Hashable, deque[Piece]] = {}
    for group, piece in pieces:
        groups.setdefault(group, deque()).append(piece)
    tokens = deque(row for row in groups.values() for _ in range(min(max(1, per_group), len(row))))
    width = max(1, min(at_once, len(tokens), _descriptors_free()))
    try:
        async with asyncio.TaskGroup() as crew:
            workers = [crew.create_task(_worker(tokens, work)) for _ in range(width)]
            crew.create_task(_watch(workers, stop))
    except BaseExceptionGroup as failed:
        # The first failure cancelled all other work: it is the cause, and what callers expect.
        raise failed.exceptions[0] from None


def run_fan_out(
    pieces: Iterable[tuple[Hashable, Piece]],
    work: Callable[[Piece], Awaitable[None]],
    *,
    at_once: int,
    per_group: int,
    stop: Callable[[], bool],
) -> bool:
    """Run `fan_out` in an event loop of its own; must be called outside of any other.

    Gives False, with nothing begun, when there are too few descriptors left for an event loop.
    """
    if not _loop_fits():
        return False
    asyncio.run(fan_out(pieces, work, at_once=at_once, per_group=per_group, stop=stop))
    return True


def _loop_fits() -> bool:
    """Try what an event loop opens: one that fails half-way complains on stderr when collected."""
    try:
        with selectors.DefaultSelector():
            for end in socket.socketpair():
                end.close()
    except OSError as fault:
        if fault.errno in TRANSIENT_ERRNOS:
            return False
        raise
    return True


async def _worker(tokens: deque[deque[Piece]], work: Callable[[Piece], Awaitable[None]]) -> None:
    # No token left: all of them are in other workers' hands, who go on with those groups.
    while tokens:
        row = tokens.popleft()
        if row:
            await work(row.popleft())
        if row:
            tokens.append(row)


async def _watch(workers: list[asyncio.Task[None]], stop: Callable[[], bool]) -> None:
    pending: Iterable[asyncio.Task[None]] = workers
    while pending and not stop():
        _, pending = await asyncio.wait(pending, timeout=_STOP_ASKED_EVERY_S)
    for worker in pending:
        worker.cancel()


def _descriptors_free() -> int:
    """Give how many sockets may be open at once without reaching RLIMIT_NOFILE."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1 << 20
    return max(1, soft - _DESCRIPTORS_KEPT_FREE)
