"""The desk of one run: what its phases share, who hears what, and what goes on meanwhile.

Outcomes come in by `took`, are judged, and leave once for the listener and the fold. `tick` is
called by whatever engine is at work, some ten times a second: the controls take their turn, silence
that has its witnesses is released, progress is told. `stop` says whether the run has to end.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from portproof.contracts import Clock, Progress, ScanListener, StopSignal
from portproof.evidence.canonical import digest
from portproof.model.batch import OutcomeBatch
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample, Rates, ScanPlan
from portproof.scan.connect import Monotonic
from portproof.scan.controls import ControlRound
from portproof.scan.fold import OutcomeFold, Wanted
from portproof.scan.judgement import Judgement
from portproof.scan.raw import RawRecord, record_of
from portproof.scan.routing import route_to
from portproof.scan.witness import ANSWERED, WitnessBook

_SETTLE_S: Final = 0.25
_PROGRESS_S: Final = 0.2
_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the vantage brings to a run."""

    clock: Clock
    monotonic: Monotonic
    listeners: Sequence[socket.socket]
    """Our own listening controls, to be accepted from."""
    rates: Rates
    """The plan's, not beyond the authorisation's."""
    valid_until: datetime
    """When the authorisation ends, and the run with it."""
    wanted: Wanted


class Desk:
    """What one run knows so far."""

    def __init__(
        self, plan: ScanPlan, place: Place, listener: ScanListener, stop: StopSignal
    ) -> None:
        self.plan = plan
        self.place = place
        self.listener = listener
        self.started = place.clock.now()
        self.began = place.monotonic()
        self.stopped = ""
        """Why the run ends before its time; empty while it goes on."""
        self.raw: dict[Endpoint, RawRecord] = {}
        """What was kept of an exchange, until its observation is told."""
        self.masked = 0
        self.retransmitted = 0
        self.samples: list[ControlSample] = []
        self.meanwhile: list[Callable[[], None]] = []
        """What a phase wants done each time that silence is settled."""
        self.fold = OutcomeFold(plan.hosts, place.wanted, self.started)
        self.book = WitnessBook(plan.hosts, plan.controls, route_to, plan.timing)
        self.judgement = Judgement(plan.hosts, self.book, plan.timing, self._released)
        self.controls = ControlRound(
            controls=plan.controls,
            listeners=place.listeners,
            timing=plan.timing,
            clock=place.monotonic,
            began=self.began,
            sampled=self._sampled,
            not_asked=self._not_asked,
        )
        self._asked_to_stop = stop
        self._told: set[Endpoint] = set()
        self._phase = "tcp"
        self._done: Callable[[], int] = lambda: 0
        self._total = 0
        self._phase_began = self._next_settle = self._next_progress = self.began

    # ------------------------------------------------------------ what comes in

    def took(self, batch: OutcomeBatch) -> None:
        """Take outcomes from an engine."""
        self.judgement.take(batch)
        self._adopt_witnesses(batch)

    def _adopt_witnesses(self, batch: OutcomeBatch) -> None:
        """Have one answering endpoint of each network without a canary asked again and again."""
        answers = batch.where(ANSWERED[batch.reason] & (batch.transport == 0))
        lacking = self.book.unspoken_for(answers.host)
        for row in np.flatnonzero(lacking).tolist():
            host, port = int(answers.host[row]), int(answers.port[row])
            fresh = self.book.unspoken_for(answers.host[row : row + 1])[0]
            if fresh and port not in self.plan.silent_ports:
                endpoint = Endpoint(self.plan.hosts[host].address, Transport.TCP, port)
                self.book.adopt(host, str(endpoint))
                self.controls.adopt(endpoint)

    def _sampled(self, sample: ControlSample) -> None:
        self.book.sampled(sample)
        self.samples.append(sample)
        self.listener.sampled(sample)

    def _not_asked(self, sample: ControlSample) -> None:
        self.book.not_asked(sample)
        self.samples.append(sample)
        self.listener.sampled(sample)

    # ------------------------------------------------------------ what goes out

    def _released(self, batch: OutcomeBatch) -> None:
        self.listener.batch(batch)
        self.fold.add(batch)

    def tell(self, host: int, observation: Observation) -> None:
        """Hand an observation over, with what is kept of its exchange."""
        raw = record_of(observation, self.raw.pop(observation.endpoint, {}))
        observation = replace(observation, evidence=digest(raw))
        self._told.add(observation.endpoint)
        self.fold.improve(host, observation)
        self.listener.observed(observation, raw)

    def tell_rest(self) -> None:
        """Hand over the observations that no conversation has handed over yet."""
        for transport in Transport:
            for host, observation in list(self.fold.observations(transport)):
                if observation.endpoint not in self._told:
                    self.tell(host, observation)

    # ------------------------------------------------------------ meanwhile

    def tick_and_stop(self) -> bool:
        """Do what `tick` does, and say what `stop` says."""
        self.tick()
        return self.stop()

    def tick(self) -> None:
        """Take care, some ten times a second, of what goes on beside the probes."""
        self.controls.pump()
        now = self.place.monotonic()
        if now >= self._next_settle:
            self._next_settle = now + _SETTLE_S
            for task in self.meanwhile:
                task()
            horizon_ms = int((self.controls.horizon() - self.began) * _MS)
            self.judgement.settle(self.now_ms(), horizon_ms)
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_S
            self.report_progress()

    def stop(self) -> bool:
        """Say whether the run has to end: somebody asked for it, or the authorisation is over."""
        if not self.stopped:
            if self._asked_to_stop():
                self.stopped = "it was stopped before all endpoints were asked"
            elif self.place.clock.now() >= self.place.valid_until:
                self.stopped = (
                    f"authorisation {self.plan.authorisation.id} ended at "
                    f"{self.place.valid_until:%Y-%m-%dT%H:%M:%SZ}"
                )
        return bool(self.stopped)

    def enter(self, phase: str, total: int, done: Callable[[], int]) -> None:
        """Begin a phase of `total` endpoints, of which `done()` have their outcome."""
        self._phase, self._total, self._done = phase, total, done
        self._phase_began = self.place.monotonic()

    def report_progress(self) -> None:
        """Tell the listener where the run stands."""
        done, elapsed_s = self._done(), self.place.monotonic() - self._phase_began
        rate_pps = done / elapsed_s if elapsed_s > 0 else 0.0
        self.listener.progress(
            Progress(
                phase=self._phase,
                done=done,
                total=self._total,
                rate_pps=rate_pps,
                open=self.fold.open,
                unmeasured=self.fold.unmeasured,
                eta_s=(self._total - done) / rate_pps if rate_pps > 0 else None,
            )
        )

    def now_ms(self) -> int:
        """Give the milliseconds since the run began."""
        return int((self.place.monotonic() - self.began) * _MS)
