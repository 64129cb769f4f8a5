"""The connect engine in several processes, each with its part of the probes, seen as one engine.

    parent: tick, stop, emit ◄──── frames of outcomes ──── worker 0: probes 0 … n/2 - 1
        └───────── pace, end ─────► control pipes ───────► worker 1: probes n/2 … n - 1

Each worker (`scan.shard_worker`) has its range of the permutation, its part of every limit, so that
their sum is never above what one process may do in any second, and its own local ports, so that no
two of them can meet (`scan.local_ports`). What a worker had not told when it died is Unmeasured
(LOST_WORKER), and the others go on.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault
from portproof.model.rates import Rates
from portproof.plan.order import Order, Part
from portproof.scan.conditions import Conditions
from portproof.scan.connect import ConnectSweep
from portproof.scan.rows import CODES, batch_of
from portproof.scan.shard_ledger import Unreported
from portproof.scan.shard_wire import Frame, frames_in
from portproof.scan.shard_worker import SHARE, WorkerPipes, part_of_rates, work

_LOOK_S: Final = 0.1
_GRACE_S: Final = 0.8
"""After a stop: how long a worker may take to tell what it has measured."""
_MOST_MISSED: Final = 300
"""Looks, ten a second, without a word from a worker, which speaks once a second, until it counts as lost."""
_READ: Final = 1 << 20
_PIPE: Final = 1 << 20
"""Bytes that a worker may tell ahead: a dozen batches, so that it need not wait for its parent."""
_FEW: Final = 20_000
"""Probes that one process has sent before a second one would have begun to pay."""
_ONE_IS_ENOUGH_PPS: Final = 50_000
"""A rate that one process keeps by itself, with the machine half idle."""


def processes_for(probes: int, rates: Rates) -> int:
    """Give how many processes a sweep of so many probes is worth: one or two."""
    cores = len(os.sched_getaffinity(0))
    worth = probes > _FEW and rates.global_pps > _ONE_IS_ENOUGH_PPS
    return 2 if cores > 1 and worth else 1


@dataclass(slots=True)
class _Shard:
    """A worker as its parent sees it."""

    pid: int
    reports: int
    control: int
    unreported: Unreported
    received: bytearray = field(default_factory=bytearray)
    retransmitted: int = 0
    finished: bool = False
    missed: int = 0


class ShardedConnectSweep:
    """`ConnectSweep` in `processes` processes; `run` it once.

    With one process, or where the limits are too small to be divided, it is that engine itself.
    """

    def __init__(
        self,
        hosts: Sequence[Address],
        order: Order,
        emit: Callable[[OutcomeBatch], None],
        conditions: Conditions,
        *,
        processes: int,
    ) -> None:
        self._hosts = hosts
        self._order = order
        self._emit = emit
        self._conditions = conditions
        self._processes = max(1, min(processes, len(order), *_limits(conditions.rates)))
        self._alone: ConnectSweep | None = None
        if self._processes == 1:
            self._alone = ConnectSweep(hosts, order, emit, conditions)
        self._shards: dict[int, _Shard] = {}
        """By the descriptor of its reports, while it is at work."""
        self._done = 0
        self._retransmitted = 0
        self._share = 1.0
        self._stopping = False

    @property
    def done(self) -> int:
        """Endpoints with an outcome so far."""
        return self._done if self._alone is None else self._alone.done

    @property
    def retransmitted(self) -> int:
        """Probes sent again to silent ports."""
        if self._alone is not None:
            return self._alone.retransmitted
        return self._retransmitted + sum(each.retransmitted for each in self._shards.values())

    def run(self) -> bool:
        """Probe everything; False when the stop signal ended it early.

        Each endpoint that has an outcome has been emitted when this returns, and no worker is left.

        Raises:
            OSError: the system gives no pipe or no process.
        """
        if self._alone is not None:
            return self._alone.run()
        try:
            for worker in range(self._processes):
                self._start(worker)
            return self._attend()
        finally:
            for shard in self._shards.values():
                os.kill(shard.pid, signal.SIGKILL)
                _bury(shard)
            self._shards.clear()

    # ------------------------------------------------------------ workers begin and end

    def _start(self, worker: int) -> None:
        size, workers = len(self._order), self._processes
        part = Part(self._order, [range(size * worker // workers, size * (worker + 1) // workers)])
        own = replace(
            self._conditions,
            rates=part_of_rates(self._conditions.rates, worker, workers),
            share=(worker, workers),
        )
        reports, told = os.pipe()
        heard, control = os.pipe()
        with suppress(OSError):  # a user may have only so much in pipes: then it is a smaller one
            fcntl.fcntl(told, fcntl.F_SETPIPE_SZ, _PIPE)
        # Until the worker ignores them, a signal meant for us would end it.
        waiting = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            pid = os.fork()
            if pid == 0:
                work(
                    WorkerPipes(told, heard),
                    lambda emit, conditions: ConnectSweep(self._hosts, part, emit, conditions),
                    own,
                )
        except OSError:
            os.close(reports)
            os.close(control)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, waiting)
            os.close(told)
            os.close(heard)
        self._shards[reports] = _Shard(pid, reports, control, Unreported(part))

    def _end(self, shard: _Shard) -> None:
        """Take leave of a worker that has closed its pipe; what it owes is Unmeasured."""
        del self._shards[shard.reports]
        self._retransmitted += shard.retransmitted
        _bury(shard)
        if shard.finished or self._stopping:
            return  # after a stop, what has no outcome was not asked, or is not known
        sent = self._conditions.clock()
        code = CODES[LocalFault.LOST_WORKER]
        for probes in shard.unreported.rest():
            # How often each was sent, the worker has not told; once is the cautious claim.
            rows = [(probe, code, NO_RTT, 1, sent) for probe in probes.tolist()]
            if rows:
                self._done += len(rows)
                self._emit(batch_of(rows, Transport.TCP, began=self._conditions.began))

    # ------------------------------------------------------------ while they work

    def _attend(self) -> bool:
        clock = self._conditions.clock
        next_look = clock()
        with selectors.DefaultSelector() as selector:
            for reports in self._shards:
                selector.register(reports, selectors.EVENT_READ)
            while self._shards:
                if clock() >= next_look:
                    next_look = clock() + _LOOK_S
                    if self._conditions.stop():
                        self._stop(selector)
                        return False
                    self._look()
                self._hear(selector, max(0.0, next_look - clock()))
        return True

    def _look(self) -> None:
        self._conditions.tick()
        pace, self._share = self._share, self._conditions.pace.share
        for shard in self._shards.values():
            shard.missed += 1
            if shard.missed > _MOST_MISSED:
                os.kill(shard.pid, signal.SIGKILL)
            if pace != self._share:
                _say(shard, SHARE.pack(self._share))

    def _hear(self, selector: selectors.BaseSelector, timeout_s: float) -> None:
        """Take what the workers tell; at the end of its pipe, a worker has ended."""
        for key, _ in selector.select(timeout_s):
            shard = self._shards[key.fd]
            told = os.read(shard.reports, _READ)
            if not told:
                selector.unregister(shard.reports)
                self._end(shard)
                continue
            shard.received += told
            for frame in frames_in(shard.received):
                self._take(shard, frame)

    def _take(self, shard: _Shard, frame: Frame) -> None:
        shard.missed = 0
        shard.retransmitted = frame.retransmitted
        shard.finished = frame.last
        for probe, errno, icmp in frame.refusals:
            self._conditions.refused(probe, errno, icmp)
        if len(frame.batch):
            shard.unreported.took(frame.batch)
            self._done += len(frame.batch)
            self._emit(frame.batch)

    def _stop(self, selector: selectors.BaseSelector) -> None:
        """Have the workers stop, and take what they have measured, as long as there is time."""
        self._stopping = True
        for shard in self._shards.values():
            os.close(shard.control)
            shard.control = -1
        clock = self._conditions.clock
        until = clock() + _GRACE_S
        while self._shards and (left_s := until - clock()) > 0:
            self._hear(selector, left_s)


def _limits(rates: Rates) -> tuple[int, ...]:
    limits = (
        rates.global_pps,
        rates.per_host_pps,
        rates.max_connections,
        rates.per_host_connections,
        rates.per_subnet_pps,
        rates.max_flows,
    )
    return tuple(each for each in limits if each is not None)


def _say(shard: _Shard, word: bytes) -> None:
    try:
        os.write(shard.control, word)
    except BrokenPipeError:
        shard.missed = _MOST_MISSED  # it is ending; its reports will show it


def _bury(shard: _Shard) -> None:
    """Close what is ours of it, and wait for its process, which is ending."""
    for descriptor in (shard.reports, shard.control):
        if descriptor >= 0:
            os.close(descriptor)
    with suppress(ChildProcessError):  # where SIGCHLD is ignored, the kernel has buried it
        os.waitpid(shard.pid, 0)
