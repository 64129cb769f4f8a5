"""The SYN engine: half-open probes from a helper process that alone may use raw sockets.

    order ─► blocks ─► SynHelper ═══ frames ═══ portproof.rawhelper ─► wire
                          │                          (one process, or two)
      emit ◄─ outcomes ◄──┘

The helper sends, matches answers, and repeats what stays silent (`portproof.rawhelper`); this side
says what to probe, block by block, and makes outcomes of what it hears. Two helpers take blocks in
turn from the same order, and each keeps its half of the rates. What a helper leaves behind when it
dies is Unmeasured; what was not given to it goes to the other one.

No socket of this machine takes part, so the limits on connections do not apply; what an open port
answers is reset by the kernel. Frames do not go through this machine's own output filter.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from errno import ECONNREFUSED
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import OutcomeBatch
from portproof.model.endpoint import Address
from portproof.model.observation import LocalFault
from portproof.model.rawwire import BLOCK_ROWS, End, Kind, Records, WireError, facts_of, told
from portproof.plan.flows import SILENT_S
from portproof.plan.order import Order
from portproof.scan.conditions import Conditions
from portproof.scan.flows import FlowBook
from portproof.scan.syn_helper import HelperProcesses, SynHelper
from portproof.scan.syn_outcomes import (
    Asked,
    batch_of_ends,
    batch_of_fault,
    batch_of_icmp,
    errors_of,
)
from portproof.scan.syn_paths import SynPaths
from portproof.scan.syn_retries import Retries
from portproof.scan.witness import ANSWERED

_LOOK_S: Final = 0.1
_LONGEST_POLL_S: Final = 0.05
_STOP_S: Final = 1.0
"""After the stop: how long a helper has to tell what has come."""
_AHEAD_S: Final = 0.25
"""So much of the rate is given to the helpers before its time."""
_SMALLEST_BLOCK: Final = 64
_CAP_NET_RAW: Final = 13  # linux/capability.h
_MS: Final = 1000
_LOST: Final = LocalFault.LOST_WORKER


def unavailable() -> str:
    """Say in one line why the engine cannot be had here; empty when it can."""
    if sys.platform != "linux":
        return f"the SYN engine needs Linux' packet sockets; this is {sys.platform}"
    held = {
        name: int(value, 16)
        for name, _, value in (
            line.partition(":\t") for line in Path("/proc/self/status").read_text().splitlines()
        )
        if name.startswith("Cap")
    }
    # What the helper will have: root's, or what is handed on to any child.
    handed_on = held["CapEff"] if os.geteuid() == 0 else held["CapAmb"]
    if handed_on >> _CAP_NET_RAW & 1:
        return ""
    return "the SYN engine needs CAP_NET_RAW: run as root, or with it in the ambient set"


class SynSweep:
    """One sweep over one plan's TCP endpoints; `run` it once."""

    def __init__(
        self,
        hosts: Sequence[Address],
        order: Order,
        emit: Callable[[OutcomeBatch], None],
        conditions: Conditions,
        *,
        processes: int = 1,
    ) -> None:
        self._hosts = hosts
        self._order = order
        self._emit = emit
        self._conditions = conditions
        rates = conditions.rates
        limits = (rates.global_pps, rates.per_host_pps, rates.per_subnet_pps or processes)
        # A limit that cannot be halved is kept by one process.
        self._shares = max(1, min(processes, *limits))
        self._helpers: list[SynHelper] = []
        self._next = 0
        self._drawn: deque[tuple[Kind, Records]] = deque()
        self._next_look = self._paid_at = conditions.clock()
        self._due = 0.0
        self._flows: FlowBook | None = None
        # The helpers stamp with the system's monotonic clock, whatever ours is.
        self._began_s = time.monotonic() - (conditions.clock() - conditions.began)
        self.source_ports: tuple[range, ...] = ()
        """The ports that probes leave from, once the helpers have reserved them."""
        self.problem = ""
        """Why helpers were lost, in one line; empty when none was."""
        self.done = 0
        """Endpoints with an outcome so far."""
        self.retransmitted = 0
        """Probes sent again to silent ports."""

    def run(self) -> bool:
        """Probe everything; False when the stop signal ended it early.

        Each endpoint that has an outcome has been emitted when this returns; those that have none
        (only after a stop) were not.
        """
        self.problem = unavailable()
        if self.problem:
            self._abandon_rest(LocalFault.NO_PERMISSION)
            return True
        processes = HelperProcesses(self._shares)
        try:
            self._helpers = processes.helpers
            self._paths = SynPaths(self._hosts)
            self._retries = Retries(self._conditions.timing, self._paths.networks)
            self._flows = self._flow_book()
            for helper in self._helpers:
                helper.plan(**self._plan())
            return self._sweep()
        finally:
            processes.close()

    def _plan(self) -> dict[str, Any]:
        rates, timing = self._conditions.rates, self._conditions.timing
        subnet = rates.per_subnet_pps
        return {
            "global_pps": rates.global_pps // self._shares,
            "per_host_pps": rates.per_host_pps // self._shares,
            "per_subnet_pps": None if subnet is None else subnet // self._shares,
            "timeout_s": timing.timeout_ms / _MS,
            "min_timeout_s": min(timing.min_timeout_ms, timing.timeout_ms) / _MS,
            "host_timeout_s": None
            if timing.host_timeout_ms is None
            else timing.host_timeout_ms / _MS,
            # A further source port would be a further entry in the tables that we are to spare.
            "one_port": self._flows is not None,
            "paths": [path.facts() for path in self._paths.paths],
            "neighbours": self._paths.neighbours(),
        }

    # ------------------------------------------------------------ the loop

    def _sweep(self) -> bool:
        while not self._complete():
            now = self._conditions.clock()
            if now >= self._next_look:
                self._next_look = now + _LOOK_S
                if self._conditions.stop():
                    self._halt()
                    return False
                self._conditions.tick()
            self._supply()
            self._listen(_LONGEST_POLL_S)
        return True

    def _complete(self) -> bool:
        """Whether all endpoints have an outcome; what no helper is left for gets its here."""
        live = [helper for helper in self._helpers if not helper.gone]
        if not live:
            self._abandon_rest(_LOST)
            return True
        return self._exhausted() and all(helper.idle for helper in live)

    def _exhausted(self) -> bool:
        return self._next >= len(self._order) and not self._drawn and not self._retries

    def _halt(self) -> None:
        """Stop sending; take in what the helpers have to tell."""
        for helper in self._helpers:
            helper.tell(Kind.STOP)
        deadline = time.monotonic() + _STOP_S
        while any(not each.finished and not each.gone for each in self._helpers):
            if time.monotonic() > deadline:
                break
            self._listen(_LONGEST_POLL_S)

    def _listen(self, seconds: float) -> None:
        """Wait for the helpers, and take in what they say."""
        live = [helper for helper in self._helpers if not helper.gone and not helper.finished]
        writing = [helper for helper in live if helper.holding]
        readable, writable, _ = select.select(live, writing, [], seconds)
        for helper in writable:
            helper.push()
        for helper in readable:
            try:
                for kind, payload in helper.frames():
                    self._heard(helper, kind, payload)
            except WireError as problem:
                helper.lose(str(problem))
            if helper.gone and not helper.finished:
                self._lost(helper)

    def _heard(self, helper: SynHelper, kind: Kind, payload: bytes) -> None:
        if kind in (Kind.ENDED, Kind.ENDED_ICMP):
            records = told(kind, payload)
            slots = records["slot"].astype(np.int64)
            helper.ended(slots)
            asked = Asked(helper.host[slots], helper.port[slots])
            if kind is Kind.ENDED:
                self._take_ends(asked, records)
            else:
                self._take_icmp(asked, records)
        elif kind is Kind.READY:
            first, last = facts_of(payload)["ports"]
            self.source_ports += (range(first, last + 1),)
        elif kind is Kind.DONE:
            helper.finished = True
        elif kind is Kind.FAILED:
            helper.lose(str(facts_of(payload).get("problem", "")))
        else:
            raise WireError(f"a raw helper does not say {kind.name}")

    # ------------------------------------------------------------ what is asked

    def _supply(self) -> None:
        """Give each helper what it has room for, in turn, not far ahead of the rate."""
        supplied = True
        while supplied:
            supplied = False
            for helper in self._helpers:
                if helper.has_room and (self._drawn or self._draw()):
                    helper.offer(*self._drawn.popleft())
                    supplied = True

    def _draw(self) -> bool:
        """Draw the next block of probes; False when nothing is to be asked just now."""
        while not self._drawn:
            again = self._retries.take(BLOCK_ROWS)
            if again is not None:
                asked, before = again
            elif (room := self._room_ahead()) > 0:
                hosts, ports = self._order.block(self._next, room)
                self._next += len(ports)
                asked, before = Asked(hosts, ports), np.zeros(len(ports), dtype=np.uint8)
            else:
                return False
            self._prepare(asked, before)
        return True

    def _room_ahead(self) -> int:
        """Give how many new probes to draw; 0 when the helpers have enough for the rate."""
        now = self._conditions.clock()
        pps = self._conditions.rates.global_pps * self._conditions.pace.share
        self._due += (now - self._paid_at) * pps
        self._paid_at = now
        size = min(BLOCK_ROWS, max(_SMALLEST_BLOCK, int(pps * _AHEAD_S)))
        if self._next >= self._due + 2 * self._shares * size:
            return 0
        room = min(len(self._order) - self._next, size)
        return room if self._flows is None else self._flows.take(now, room)

    def _flow_book(self) -> FlowBook | None:
        """Give the account of what we hold in the state tables on the way; None: nothing limits it.

        One budget for all routers together, which is stricter than one for each.
        """
        most = self._conditions.rates.max_flows
        if most is None or not any(path.routed for path in self._paths.paths):
            return None
        timing = self._conditions.timing
        # The last sending of a silent probe renews its entry.
        repeated_s = timing.most_attempts * timing.timeout_ms / _MS
        return FlowBook(most, hold_s=SILENT_S + repeated_s)

    def _prepare(self, asked: Asked, before: NDArray[np.uint8]) -> None:
        """Make records of probes; those without a way out end here."""
        for fault, rows in self._paths.unroutable(asked.host).items():
            self._emit_fault(Asked(asked.host[rows], asked.port[rows]), fault)
        until = self._retries.until(asked.host)
        for kind in (Kind.ASK_V4, Kind.ASK_V6):
            rows, records = self._paths.ask(kind, asked.host, asked.port)
            if len(rows):
                records["before"], records["until"] = before[rows], until[rows]
                self._drawn.append((kind, records))

    # ------------------------------------------------------------ what came

    def _take_ends(self, asked: Asked, records: Records) -> None:
        again = self._retries.wanted(asked.host, records)
        if again.any():
            self._retries.add(
                Asked(asked.host[again], asked.port[again]), records["attempts"][again]
            )
            asked = Asked(asked.host[~again], asked.port[~again])
            records = records[~again]
        noted = np.isin(asked.port, list(self._conditions.noted)) & (records["end"] == End.RESET)
        for row in np.flatnonzero(noted):
            self._conditions.refused(_probe(asked, row), ECONNREFUSED, None)
        self._deliver(batch_of_ends(asked, records, self._began_s))

    def _take_icmp(self, asked: Asked, records: Records) -> None:
        errors = errors_of(asked, records, lambda host: self._hosts[host])
        for row in np.flatnonzero(np.isin(asked.port, list(self._conditions.noted))):
            self._conditions.refused(_probe(asked, row), 0, errors[row])
        self._deliver(batch_of_icmp(asked, records, errors, self._began_s))

    def _deliver(self, batch: OutcomeBatch) -> None:
        if len(batch):
            self._retries.learn(batch)
            self._account(batch)
            self.done += len(batch)
            self.retransmitted += int(np.maximum(batch.attempts.astype(np.int64) - 1, 0).sum())
            self._emit(batch)

    def _account(self, batch: OutcomeBatch) -> None:
        """Book the entries in state tables that answers have cut short."""
        if self._flows is None:
            return
        now = self._conditions.clock()
        began = self._conditions.began
        for sent_s in (batch.sent_ms[ANSWERED[batch.reason]] / _MS).tolist():
            # What was drawn lately may have been booked earlier than it was sent, never later.
            self._flows.answered(now, began + sent_s)

    def _emit_fault(self, asked: Asked, fault: LocalFault) -> None:
        sent_ms = int((time.monotonic() - self._began_s) * _MS)
        batch = batch_of_fault(asked, fault, sent_ms)
        self.done += len(batch)
        self._emit(batch)

    # ------------------------------------------------------------ lost helpers

    def _lost(self, helper: SynHelper) -> None:
        """Give what a helper leaves behind as Unmeasured."""
        self.problem = self.problem or helper.problem or "the raw helper died"
        slots = helper.unfinished()
        for start in range(0, len(slots), BLOCK_ROWS):
            part = slots[start : start + BLOCK_ROWS]
            self._emit_fault(Asked(helper.host[part], helper.port[part]), _LOST)

    def _abandon_rest(self, fault: LocalFault) -> None:
        """Give what no helper is left for as Unmeasured."""
        while self._drawn:
            _, records = self._drawn.popleft()
            self._emit_fault(Asked(records["host"], records["port"]), fault)
        while self._helpers and (again := self._retries.take(BLOCK_ROWS)) is not None:
            self._emit_fault(again[0], fault)
        while self._next < len(self._order):
            hosts, ports = self._order.block(self._next, BLOCK_ROWS)
            self._next += len(ports)
            self._emit_fault(Asked(hosts, ports), fault)


def _probe(asked: Asked, row: int | np.intp) -> int:
    """Give an endpoint as the number that `Conditions.refused` knows."""
    return int(asked.host[row]) << 16 | int(asked.port[row])
