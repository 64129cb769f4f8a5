"""Outcomes are held back until it is known whether they count.

    engine ─► take ─► answers ............................... released at once
                  ├─► silence ......... until a witness before and after it is known (law 2)
                  └─► open, where a negative control watches ... until that control was asked again

What cannot be witnessed any more becomes Unmeasured(CONTROL_FAILED), silence of a neighbour that
does not answer ARP or ND Unmeasured(NO_NEIGHBOUR). Silence on a path that loses so much that an
answer may have been missed, by the loss as it is known by then, is put aside, to be asked again at
the end (`scan.again`); what is left of it is Unmeasured(LOSSY_PATH). Only then an outcome is
released, once, to the listener and the fold. What waits is bounded: what is older than the largest
permitted gap plus the time an answer may take is decided, once the controls asked in that gap have
shown something; what is put aside is kept as port sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap

from portproof.model.batch import STATES, TRANSPORTS, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.ports import PortSet
from portproof.model.scan import ControlKind, Coverage, PlannedHost, RunStatus, Timing
from portproof.scan.loss import MOST_DOUBT, LossBook, askings_for, packet_loss
from portproof.scan.routing import route_to, silent_neighbours
from portproof.scan.rows import as_fault, joined
from portproof.scan.witness import ANSWERED, SILENT, WitnessBook

_OPEN: Final = STATES.index(PortState.OPEN)
_TCP: Final = TRANSPORTS.index(Transport.TCP)
_MOST_TOLD: Final = 3
"""How many networks a status sentence names."""
_MILLION: Final = 1_000_000
_LATE_MS: Final = 2_000
"""How much later than its time-out an answer may come to be known."""


class Judgement:
    """Holds outcomes back, judges them by the witness book, and releases them."""

    def __init__(
        self,
        hosts: Sequence[PlannedHost],
        book: WitnessBook,
        timing: Timing,
        release: Callable[[OutcomeBatch], None],
    ) -> None:
        self._hosts = hosts
        self._book = book
        longest_ms = timing.timeout_ms * (1 + timing.max_retries)
        self._oldest_ms = timing.max_witness_gap_ms + longest_ms + _LATE_MS
        self._max_gap_ms = timing.max_witness_gap_ms
        self._most_attempts = timing.most_attempts
        self._release = release
        self.loss = LossBook()
        """What answers tell of the loss on each path; the controls of the run add theirs."""
        self._silent: list[OutcomeBatch] = []
        self._open: list[OutcomeBatch] = []
        self._short: dict[int, BitMap] = {}
        self._taken_short = False
        self._heard = np.zeros(len(hosts), dtype=bool)
        self._neighbourless = np.zeros(len(hosts), dtype=bool)

    def take(self, batch: OutcomeBatch) -> None:
        """Take outcomes from an engine."""
        self._book.answered(batch)
        self._learn_loss(batch.where(batch.transport == _TCP))
        self._heard[batch.host[ANSWERED[batch.reason]]] = True
        silent = SILENT[batch.reason]
        watched = (batch.state == _OPEN) & self._book.has_negative(batch.host)
        for rows, waiting in ((silent, self._silent), (watched, self._open)):
            if rows.any():
                waiting.append(batch.where(rows))
        self._let_go(batch.where(~silent & ~watched))

    def settle(self, now_ms: int, horizon_ms: int) -> None:
        """Release what is decided by now; controls are settled up to `horizon_ms`."""
        self._settle_open(now_ms, horizon_ms)
        if not self._silent:
            return
        silent = joined(self._silent)
        self._note_neighbours(silent)
        witnessed = self._book.witnessed(silent, horizon_ms)
        known_until_ms = min(now_ms - self._oldest_ms, horizon_ms - self._max_gap_ms)
        decided = witnessed | (silent.sent_ms.astype(np.int64) < known_until_ms)
        self._silent = [] if decided.all() else [silent.where(~decided)]
        self._decide(silent.where(decided), witnessed[decided], LocalFault.CONTROL_FAILED)

    def close(self, now_ms: int, *, interrupted: bool) -> None:
        """Release all that is left.

        Silence that has no witness yet is INTERRUPTED where the run was: nobody could be asked.
        """
        self._settle_open(now_ms, None)
        if self._silent:
            silent = joined(self._silent)
            self._silent = []
            self._note_neighbours(silent)
            fault = LocalFault.INTERRUPTED if interrupted else LocalFault.CONTROL_FAILED
            self._decide(silent, self._book.witnessed(silent, now_ms), fault)

    def take_short(self) -> dict[int, PortSet]:
        """Hand over what was put aside, by host, once: its outcomes are to come again.

        From now on nothing is put aside any more.
        """
        self._taken_short = True
        taken = {host: PortSet(FrozenBitMap(ports)) for host, ports in sorted(self._short.items())}
        self._short.clear()
        return taken

    def attempts_wanted(self, hosts: Iterable[int]) -> int:
        """Give how often silent ports of these hosts are to be asked, by what is known by now."""
        indices = np.fromiter(hosts, dtype=np.uint32)
        worst = max(self.loss.of(path).cautious for path, _ in self._book.paths_among(indices))
        return min(askings_for(worst), self._most_attempts)

    def loss_ppm(self) -> int | None:
        """Give how many of a million packets are lost each way, over all; None: nothing answered."""
        if not self.loss.answers:
            return None
        return round(packet_loss(self.loss.of_all().likeliest) * _MILLION)

    def _settle_open(self, now_ms: int, horizon_ms: int | None) -> None:
        """Release open ports once a negative control was asked after them (None: all).

        One that cannot be asked holds nothing up for ever; `status_of` says what that means.
        """
        if not self._open:
            return
        found = joined(self._open)
        ready = np.ones(len(found), dtype=bool)
        if horizon_ms is not None:
            ready = self._book.negative_asked_since(found, horizon_ms)
            ready |= found.sent_ms.astype(np.int64) < now_ms - self._oldest_ms
        self._open = [] if ready.all() else [found.where(~ready)]
        ready_rows = found.where(ready)
        eager = self._book.too_eager(ready_rows.host)
        self._let_go(ready_rows.where(~eager))
        self._let_go(as_fault(ready_rows.where(eager), LocalFault.CONTROL_FAILED))

    def _decide(
        self, silent: OutcomeBatch, witnessed: NDArray[np.bool_], fault: LocalFault
    ) -> None:
        alone = self._neighbourless[silent.host] & ~self._heard[silent.host]
        self._let_go(as_fault(silent.where(alone), LocalFault.NO_NEIGHBOUR))
        judged, witnessed = silent.where(~alone), witnessed[~alone]
        if not self._taken_short:
            short = witnessed & self._doubtful(judged) & (judged.attempts < self._most_attempts)
            self._put_aside(judged.where(short))
            judged, witnessed = judged.where(~short), witnessed[~short]
        if fault is LocalFault.INTERRUPTED:
            judged_only = judged.where(witnessed)
            self._book.settled(judged_only, np.ones(len(judged_only), dtype=bool))
        else:
            self._book.settled(judged, witnessed)
        self._let_go(as_fault(judged.where(~witnessed), fault))
        real = judged.where(witnessed)
        doubtful = self._doubtful(real)
        self._let_go(real.where(~doubtful))
        self._let_go(as_fault(real.where(doubtful), LocalFault.LOSSY_PATH))

    def _put_aside(self, short: OutcomeBatch) -> None:
        for host in np.unique(short.host).tolist():
            ports = short.port[short.host == host].astype(np.uint32)
            self._short.setdefault(host, BitMap()).update(ports)

    def _learn_loss(self, batch: OutcomeBatch) -> None:
        self.loss.given(batch.attempts)
        answers = batch.where(ANSWERED[batch.reason])
        for path, on_it in self._book.paths_among(answers.host):
            attempts = answers.attempts[on_it]
            self.loss.targets_answered(path, len(attempts), int(attempts.sum()))

    def _doubtful(self, silent: OutcomeBatch) -> NDArray[np.bool_]:
        """Say for each row whether it was asked too seldom for what its path loses.

        UDP is left out: its silence is open|filtered, which claims nothing.
        """
        missed = np.zeros(len(silent))
        for path, on_it in self._book.paths_among(silent.host):
            missed[on_it] = self.loss.of(path).cautious ** silent.attempts[on_it]
        result: NDArray[np.bool_] = (silent.transport == _TCP) & (missed >= MOST_DOUBT)
        return result

    def _note_neighbours(self, silent: OutcomeBatch) -> None:
        """Note the hosts, not heard of so far, whose neighbour entry shows no answer to ARP or ND."""
        unheard = [host for host in np.unique(silent.host).tolist() if not self._heard[host]]
        gone = silent_neighbours() if unheard else frozenset()
        for host in unheard if gone else ():
            route = route_to(self._hosts[host].address)
            if route is not None and route.next_hop in gone:
                self._neighbourless[host] = True

    def _let_go(self, batch: OutcomeBatch) -> None:
        if len(batch):
            self._release(batch)


def status_of(
    book: WitnessBook, coverage: Sequence[Coverage], *, stopped: str
) -> tuple[RunStatus, str]:
    """Say whether a run may conclude anything, and why not.

    `stopped` says why it was stopped; empty for a run that came to its end. The reason comes
    without a final period, and is empty for a complete run.
    """
    if stopped:
        return RunStatus.INTERRUPTED, f"The run is incomplete: {stopped}"
    doubts = {
        "Silence could not be told from a dead path": (
            *_of_controls(book, ControlKind.POSITIVE),
            *_of_silence(book),
        ),
        "Open ports could not be told from the answers of something on the way": _of_controls(
            book, ControlKind.NEGATIVE
        ),
    }
    why = [f"{doubt}: {'; '.join(problems)}" for doubt, problems in doubts.items() if problems]
    if not why and coverage and not any(each.measured for each in coverage):
        why.append(_nothing_measured(coverage))
    return (RunStatus.INCONCLUSIVE if why else RunStatus.COMPLETE, ". ".join(why))


def _nothing_measured(coverage: Sequence[Coverage]) -> str:
    """Say of how many endpoints nothing was learnt, and for which reasons, the commonest first."""
    faults: Counter[str] = Counter()
    for each in coverage:
        faults.update({fault.value: count for fault, count in each.unmeasured.items()})
        faults["missing"] += each.missing
    planned = sum(each.planned for each in coverage)
    told = ", ".join(f"{count:,} {fault}" for fault, count in faults.most_common() if count)
    return f"Nothing was measured of {planned:,} endpoint{'' if planned == 1 else 's'}: {told}"


def _of_controls(book: WitnessBook, kind: ControlKind) -> tuple[str, ...]:
    failed = book.failed_controls(kind)
    unasked = book.unasked_controls(kind)
    return (
        *(f"{kind} control {name} failed {_times(count)}" for name, count in failed.items()),
        *(
            f"{kind} control {name} could not be asked {_times(count)}"
            for name, count in unasked.items()
        ),
    )


def _of_silence(book: WitnessBook) -> tuple[str, ...]:
    told = [f"{count:,} in {network}" for network, count in book.unwitnessed().items()]
    if not told:
        return ()
    more = "" if len(told) <= _MOST_TOLD else f" and in {len(told) - _MOST_TOLD} more networks"
    return (f"silent endpoints without a witness: {', '.join(told[:_MOST_TOLD])}{more}",)


def _times(count: int) -> str:
    return f"{count} {'time' if count == 1 else 'times'}"
