"""A worker: the connect engine over one part of a sweep, in a forked process of its own.

Why fork, and not a fresh interpreter: a fresh one needs a tenth of a second and more to import what
it needs, half of what the whole sweep of a host takes. What a fork inherits must not be touched,
above all not the parent's database connections, their locks, and its sockets. So a worker

* closes every inherited descriptor but standard input, output and error and its two pipes, before
  anything else, and has the garbage collector never look at inherited objects again: none of their
  finalisers runs, and none can close a descriptor that has become another's;
* runs nothing but the engine, and leaves by `os._exit`: no `finally`, no `atexit`, no flush of its
  parent's;
* ignores SIGINT and SIGTERM, which reach the whole process group: its parent decides, and the end
  of the parent shows at the control pipe, so that no worker outlives it.

Threads do not come along in a fork; a lock that one of them held stays locked. The engine takes none
that others take: it uses sockets, epoll, NumPy on small arrays, and its pipes.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import struct
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from portproof.model.batch import OutcomeBatch
from portproof.model.rates import Rates
from portproof.scan.backoff import PathPace
from portproof.scan.classify import IcmpError
from portproof.scan.conditions import Conditions, Monotonic
from portproof.scan.connect import ConnectSweep
from portproof.scan.shard_wire import Frame, Refusal, empty_batch

SHARE: Final = struct.Struct("=d")
"""What the parent says over the control pipe: the share of the rates that the path bears now."""

_FIRST_OWN: Final = 3
_ALIVE_S: Final = 1.0
_READ: Final = 4096

EngineOf = Callable[[Callable[[OutcomeBatch], None], Conditions], ConnectSweep]
"""Makes the engine, given who takes its outcomes and the worker's own conditions."""


@dataclass(frozen=True, slots=True)
class WorkerPipes:
    """The worker's ends of its pipes, as descriptors."""

    reports: int
    control: int


def work(pipes: WorkerPipes, engine_of: EngineOf, conditions: Conditions) -> NoReturn:
    """Carry the engine's sweep out and end the process; called in the fork, and never returns.

    `conditions` are the worker's own: its share of the rates and of the local ports.
    """
    status = 1
    try:
        _leave_behind(pipes)
        _Worker(pipes, conditions).carry_out(engine_of)
        status = 0
    except BrokenPipeError:
        status = 0  # the parent is gone: nobody is left to tell
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


def part_of_rates(rates: Rates, worker: int, workers: int) -> Rates:
    """Give one worker's part of the limits; all parts together are the limits."""

    def part(limit: int) -> int:
        return limit // workers + (worker < limit % workers)

    return Rates(
        global_pps=part(rates.global_pps),
        per_host_pps=part(rates.per_host_pps),
        max_connections=part(rates.max_connections),
        per_host_connections=part(rates.per_host_connections),
        per_subnet_pps=None if rates.per_subnet_pps is None else part(rates.per_subnet_pps),
        max_flows=None if rates.max_flows is None else part(rates.max_flows),
    )


class _Worker:
    """Tells what the engine finds, and hears when to stop and how fast the path lets it be."""

    def __init__(self, pipes: WorkerPipes, conditions: Conditions) -> None:
        self._pipes = pipes
        self._pace = PathPace()
        self._clock: Monotonic = conditions.clock
        self._told_at = conditions.clock()
        self._refusals: list[Refusal] = []
        self._stopped = False
        self._conditions = replace(
            conditions,
            stop=self._stop,
            tick=self._tick,
            pace=self._pace,
            refused=self._refused,
        )
        self._engine: ConnectSweep | None = None

    def carry_out(self, engine_of: EngineOf) -> None:
        self._engine = engine_of(self._tell, self._conditions)
        self._engine.run()
        self._tell(empty_batch(), last=True)

    def _stop(self) -> bool:
        """Hear the parent: its pace, or that it wants no more, or is no more (end of file)."""
        try:
            heard = os.read(self._pipes.control, _READ)
        except BlockingIOError:
            return self._stopped
        if len(heard) >= SHARE.size:
            (self._pace.share,) = SHARE.unpack(heard[-SHARE.size :])
        self._stopped = self._stopped or not heard
        return self._stopped

    def _tick(self) -> None:
        if self._clock() - self._told_at >= _ALIVE_S:
            self._tell(empty_batch())

    def _refused(self, probe: int, errno: int, icmp: IcmpError | None) -> None:
        self._refusals.append((probe, errno, icmp))

    def _tell(self, batch: OutcomeBatch, *, last: bool = False) -> None:
        frame = Frame(
            batch=batch,
            refusals=tuple(self._refusals),
            retransmitted=self._engine.retransmitted if self._engine else 0,
            last=last,
        )
        self._refusals.clear()
        left = memoryview(frame.packed())
        while left:
            left = left[os.write(self._pipes.reports, left) :]
        self._told_at = self._clock()


def _leave_behind(pipes: WorkerPipes) -> None:
    """Let go of everything that is the parent's."""
    gc.disable()
    gc.freeze()
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    begin = _FIRST_OWN
    for kept in sorted((pipes.reports, pipes.control)):
        os.closerange(begin, kept)
        begin = kept + 1
    os.closerange(begin, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.set_blocking(pipes.control, False)
    gc.enable()
