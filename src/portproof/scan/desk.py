"""The desk of one run: what its phases share, who hears what, and what goes on meanwhile.

Outcomes come in by `took`, are judged, and leave once for the listener and the fold. `tick` is
called by whatever engine is at work, some ten times a second: the controls take their turn, silence
that has its witnesses is released, a checkpoint is kept, progress is told. `stop` says whether the
run has to end.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Final

import numpy as np

from portproof.contracts import Clock, Progress, ScanListener, StopSignal
from portproof.evidence.canonical import digest
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation, PortState
from portproof.model.scan import ControlSample, PlannedHost, Rates, ScanPlan
from portproof.plan.order import Order
from portproof.scan.backoff import PathPace
from portproof.scan.connect import Monotonic
from portproof.scan.controls import ControlRound
from portproof.scan.fold import OutcomeFold, Wanted
from portproof.scan.handover import AHEAD_S, Handover
from portproof.scan.judgement import Judgement
from portproof.scan.raw import RawRecord, record_of
from portproof.scan.relay_controls import RelayControls
from portproof.scan.relay_tunnel import Tunnel
from portproof.scan.routing import Routes
from portproof.scan.witness import ANSWERED, WitnessBook

_SETTLE_S: Final = 0.25
_PROGRESS_S: Final = 0.2
_CHECKPOINT_S: Final = 0.5
_TOLD_AT_ONCE: Final = 32
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
    processes: int | None = None
    """How many send the TCP probes; None: as many as the sweep is worth."""
    tunnel: Tunnel | None = None
    """The proxy that opens the connections; None: they leave from here."""


class Desk:
    """What one run knows so far."""

    def __init__(
        self,
        plan: ScanPlan,
        place: Place,
        listener: ScanListener,
        stop: StopSignal,
        *,
        carried: Carried | None = None,
    ) -> None:
        self.plan = plan
        self.place = place
        self.listener = listener
        self.started = place.clock.now()
        self.began = place.monotonic()
        self.asked: Sequence[PlannedHost] = plan.hosts
        """The plan's hosts, each at its place; without ports where discovery found nobody."""
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
        routes = (lambda _address: None) if place.tunnel else Routes()
        self.book = WitnessBook(plan.hosts, plan.controls, routes, plan.timing)
        self.judgement = Judgement(plan.hosts, self.book, plan.timing, self._released)
        self.pace = PathPace()
        """What the controls say of the path: the share of the rates that it bears."""
        self.controls = self._controls()
        self.handover = Handover(plan, carried)
        self._asked_to_stop = stop
        self._told: set[Endpoint] = set()
        self._to_tell: deque[tuple[int, Endpoint]] = deque()
        for host, outcome in self.handover.outcomes():
            self.fold.carry(host, outcome)
            self._told.update(each.endpoint for each in outcome.observations if _complete(each))
        self._probing_since_ms: int | None = None
        self._checkpoint_took_s = 0.0
        self._next_checkpoint = self.began
        self._phase = "tcp"
        self._done: Callable[[], int] = lambda: 0
        self._total = 0
        self._phase_began = self._next_settle = self._next_progress = self.began

    def _controls(self) -> ControlRound | RelayControls:
        plan, place = self.plan, self.place
        if place.tunnel is not None:
            return RelayControls(
                controls=plan.controls,
                tunnel=place.tunnel,
                timing=plan.timing,
                clock=place.monotonic,
                began=self.began,
                sampled=self._sampled,
            )
        return ControlRound(
            controls=plan.controls,
            listeners=place.listeners,
            timing=plan.timing,
            clock=place.monotonic,
            began=self.began,
            sampled=self._sampled,
            not_asked=self._not_asked,
            loss=self.judgement.loss,
            pace=self.pace,
        )

    def left_of(self, order: Order, transport: Transport) -> Order:
        """Give what this run has to ask of the order of its plan: all, unless it continues another."""
        left = self.handover.left_of(order, transport)
        # Before the first of it is drawn: from now on a killed run may have sent some.
        self._keep_checkpoint(self.place.monotonic())
        return left

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
        # Nothing more will be learnt of these: a run that is killed later shall have them whole.
        kept = self.fold.add(batch)
        self._to_tell += ((host, each.endpoint) for host, each in kept if each.asked)

    def _tell_some(self) -> None:
        """Hand over a few that wait for it; many at once would hold the engine up."""
        for _ in range(min(len(self._to_tell), _TOLD_AT_ONCE)):
            host, endpoint = self._to_tell.popleft()
            observation = self.fold.find(host, endpoint)
            if observation is not None and endpoint not in self._told:
                self.tell(host, observation)

    def has_told(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint's observation was handed over with all that is to be known of it."""
        return endpoint in self._told

    def tell(self, host: int, observation: Observation) -> None:
        """Hand an observation over, with what is kept of its exchange."""
        raw = record_of(observation, self.raw.pop(observation.endpoint, {}))
        observation = replace(observation, evidence=digest(raw))
        self._told.add(observation.endpoint)
        self.fold.improve(host, observation)
        self.listener.observed(observation, raw)

    def leave_untold(self, endpoints: Iterable[Endpoint]) -> None:
        """Have observations stand in the record alone: of a crowd that a sample told enough of."""
        self._told.update(endpoints)

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
        self._tell_some()
        if self._probing_since_ms is not None and now >= self._next_checkpoint:
            self._keep_checkpoint(now)
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_S
            self.report_progress()

    def begin_probing(self) -> int:
        """Hear that the sweeps begin, and checkpoints with them; gives the time in the run, in ms."""
        self._probing_since_ms = self.now_ms()
        return self._probing_since_ms

    def end_probing(self) -> None:
        """Hear that all sweeps are judged: the last checkpoint."""
        began_ms, now_ms = self._probing_since_ms or 0, self.now_ms()
        self._probing_since_ms = None
        self.listener.checkpoint(
            Checkpoint(drawn=self.handover.drawn(), witnesses=self.book.witnesses(began_ms, now_ms))
        )

    def _keep_checkpoint(self, now: float) -> None:
        # Many networks make a checkpoint dear: it may cost a twentieth of the time, no more.
        interval_s = max(_CHECKPOINT_S, 20 * self._checkpoint_took_s)
        rates = self.place.rates
        pps = rates.global_pps if len(self.plan.hosts) > 1 else rates.per_host_pps
        ahead = ceil(min(pps, rates.global_pps) * (interval_s + AHEAD_S))
        witnesses = self.book.witnesses(self._probing_since_ms or 0, self.now_ms())
        self.listener.checkpoint(
            Checkpoint(drawn=self.handover.drawn(ahead=ahead), witnesses=witnesses)
        )
        self._checkpoint_took_s = self.place.monotonic() - now
        self._next_checkpoint = now + interval_s

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


def _complete(carried: Observation) -> bool:
    """Whether a carried observation needs no conversation any more; open ports mostly do."""
    conversed = carried.asked or carried.state is not PortState.OPEN
    return carried.evidence is not None and conversed
