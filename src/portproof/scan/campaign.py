"""One run from its first control to its record: the phases, and who hears what when."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from errno import ECONNRESET
from typing import Final

import numpy as np

from portproof import __version__
from portproof.contracts import Clock, Progress, ScanListener, StopSignal
from portproof.evidence.canonical import digest
from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, Observation, PortState, Unmeasured
from portproof.model.scan import (
    ControlKind,
    ControlSample,
    Rates,
    RunRecord,
    ScanPlan,
    coverage_of,
)
from portproof.plan.order import ProbeOrder
from portproof.probes import udp_ports
from portproof.scan.classify import IcmpError
from portproof.scan.connect import Conditions, ConnectSweep, Monotonic
from portproof.scan.controls import ControlRound
from portproof.scan.fold import OutcomeFold, Wanted
from portproof.scan.identify import Identified, IdentifyRequest, identify
from portproof.scan.judgement import Judgement, status_of
from portproof.scan.limits import fit_connections
from portproof.scan.raw import RawRecord, record_of, refusal
from portproof.scan.routing import route_to
from portproof.scan.rows import CODES, Row, batch_of
from portproof.scan.udp import UdpRequest, UdpResult, sweep_udp
from portproof.scan.witness import ANSWERED, WitnessBook

_SETTLE_S: Final = 0.25
_PROGRESS_S: Final = 0.2
_ROWS: Final = 4096
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


class Campaign:
    """One run; `carry_out` it once."""

    def __init__(
        self, plan: ScanPlan, place: Place, listener: ScanListener, stop: StopSignal
    ) -> None:
        self._plan = plan
        self._place = place
        self._listener = listener
        self._asked_to_stop = stop
        self._stopped = ""
        self._clock_facts = place.clock.facts()
        self._started = place.clock.now()
        self._began = place.monotonic()
        self._fold = OutcomeFold(plan.hosts, place.wanted, self._started)
        self._book = WitnessBook(plan.hosts, plan.controls, route_to, plan.timing)
        self._judgement = Judgement(plan.hosts, self._book, plan.timing, self._released)
        self._samples: list[ControlSample] = []
        self._controls = ControlRound(
            controls=plan.controls,
            listeners=place.listeners,
            timing=plan.timing,
            clock=place.monotonic,
            began=self._began,
            sampled=self._sampled,
            not_asked=self._not_asked,
        )
        self._raw: dict[Endpoint, RawRecord] = {}
        self._told: set[Endpoint] = set()
        self._masked = 0
        self._retransmitted = 0
        self._phase = "tcp"
        self._done: Callable[[], int] = lambda: 0
        self._total = 0
        self._phase_began = self._began
        self._next_settle = self._next_progress = self._began
        self._udp_rows: list[Row] = []

    def carry_out(self) -> RunRecord:
        """Probe, converse, judge."""
        span_ms = (0, 0)
        try:
            self._controls.complete(self._stop)
            begin_ms = self._now_ms()
            for phase in (self._sweep_tcp, self._sweep_udp):
                if not self._stop():
                    phase()
            span_ms = (begin_ms, self._now_ms())
            self._conclude_sweeps()
            if not self._stop():
                self._identify()
        finally:
            self._controls.close()
        self._tell_rest()
        self._report_progress()
        return self._record(*span_ms)

    # ------------------------------------------------------------ the phases

    def _sweep_tcp(self) -> None:
        plan = self._plan
        order = ProbeOrder(plan.hosts, Transport.TCP, plan.seed)
        sweep = ConnectSweep(
            [host.address for host in plan.hosts],
            order,
            self._took,
            Conditions(
                timing=plan.timing,
                rates=self._place.rates,
                clock=self._place.monotonic,
                began=self._began,
                stop=self._stop,
                tick=self._tick,
                noted=self._fold.ports_asked_about(Transport.TCP),
                refused=self._refused,
            ),
        )
        self._enter("tcp", len(order), lambda: sweep.done)
        if len(order):
            sweep.run()
        self._retransmitted += sweep.retransmitted

    def _sweep_udp(self) -> None:
        plan = self._plan
        known = udp_ports() - plan.silent_ports
        requests = []
        for index, host in enumerate(plan.hosts):
            # A port without a probe, or one that must not be spoken to, is not asked at all.
            self._not_probed(index, (host.udp - known).to_array().tolist())
            requests += [
                UdpRequest(index, Endpoint(host.address, Transport.UDP, port), host.name)
                for port in host.udp & known
            ]
        answered = 0

        def took(result: UdpResult) -> None:
            nonlocal answered
            answered += 1
            self._took_udp(result)

        self._enter("udp", len(requests), lambda: answered)
        if requests:
            sweep_udp(
                requests,
                timing=plan.timing,
                rates=replace(
                    self._place.rates,
                    max_connections=fit_connections(self._place.rates.max_connections),
                ),
                started_monotonic=self._began,
                now=self._place.clock.now,
                stop=self._tick_and_stop,
                on_result=took,
            )
        self._flush_udp()

    def _conclude_sweeps(self) -> None:
        """Ask every control once more, after the last probe, and judge what is still held back."""
        interrupted = self._stop()
        if not interrupted:
            self._controls.complete(self._stop)
        self._judgement.close(self._now_ms(), interrupted=interrupted)
        eager = self._book.too_eager(np.arange(len(self._plan.hosts), dtype=np.uint32))
        for host in np.flatnonzero(eager).tolist():
            self._fold.withdraw_open(host)

    def _identify(self) -> None:
        own = {each.endpoint for each in self._plan.controls if each.own}
        opened = {
            observation.endpoint: host
            for host, observation in self._fold.observations(Transport.TCP)
            if observation.state is PortState.OPEN and observation.endpoint not in own
        }
        requests = [
            IdentifyRequest(
                endpoint,
                self._plan.hosts[host].name,
                silent=endpoint.port in self._plan.silent_ports,
            )
            for endpoint, host in opened.items()
        ]
        identified = 0

        def took(result: Identified) -> None:
            nonlocal identified
            identified += 1
            self._took_service(opened[result.endpoint], result)

        self._enter("services", len(requests), lambda: identified)
        if requests:
            identify(
                requests,
                timing=self._plan.timing,
                max_connections=fit_connections(self._place.rates.max_connections),
                per_host=self._place.rates.per_host_connections,
                stop=self._tick_and_stop,
                on_result=took,
            )

    # ------------------------------------------------------------ what comes in

    def _took(self, batch: OutcomeBatch) -> None:
        self._judgement.take(batch)
        self._adopt_witnesses(batch)

    def _refused(self, probe: int, errno: int, icmp: IcmpError | None) -> None:
        """Keep what a TCP probe met if it becomes an observation; a connection reset was open."""
        host = probe >> 16
        endpoint = Endpoint(self._plan.hosts[host].address, Transport.TCP, probe & 0xFFFF)
        if errno == ECONNRESET or self._fold.asked_about(host, endpoint):
            self._raw[endpoint] = refusal(errno, icmp)

    def _took_udp(self, result: UdpResult) -> None:
        self._masked += result.masked
        outcome = result.outcome
        rtt_us = NO_RTT
        if isinstance(outcome, Unmeasured):
            code = CODES[outcome.fault]
        else:
            code = CODES[outcome.state, outcome.reason]
            rtt_us = NO_RTT if outcome.rtt_us is None else outcome.rtt_us
            kept = outcome.state is PortState.OPEN or self._fold.asked_about(
                result.host_index, result.endpoint
            )
            if kept and result.raw is not None:
                self._raw[result.endpoint] = result.raw
            if outcome.service is not None:
                self._fold.describe(result.host_index, result.endpoint, outcome.service)
        probe = (result.host_index << 16) | result.endpoint.port
        sent = self._began + result.sent_ms / _MS
        self._udp_rows.append((probe, code, rtt_us, result.attempts, sent))
        if len(self._udp_rows) >= _ROWS:
            self._flush_udp()

    def _not_probed(self, host: int, ports: Sequence[int]) -> None:
        code = CODES[LocalFault.NOT_PROBED]
        self._udp_rows += [((host << 16) | port, code, NO_RTT, 0, self._began) for port in ports]

    def _flush_udp(self) -> None:
        if self._udp_rows:
            batch = batch_of(self._udp_rows, Transport.UDP, began=self._began)
            self._udp_rows.clear()
            self._took(batch)

    def _took_service(self, host: int, result: Identified) -> None:
        self._masked += result.masked
        observation = self._fold.find(host, result.endpoint)
        if observation is None:
            return
        if result.raw is not None:
            self._raw[result.endpoint] = self._raw.get(result.endpoint, {}) | result.raw
        self._tell(host, replace(observation, service=result.service, asked=result.asked))

    def _adopt_witnesses(self, batch: OutcomeBatch) -> None:
        """Have one answering endpoint of each network without a canary asked again and again."""
        answers = batch.where(ANSWERED[batch.reason] & (batch.transport == 0))
        lacking = self._book.unspoken_for(answers.host)
        for row in np.flatnonzero(lacking).tolist():
            host, port = int(answers.host[row]), int(answers.port[row])
            fresh = self._book.unspoken_for(answers.host[row : row + 1])[0]
            if fresh and port not in self._plan.silent_ports:
                endpoint = Endpoint(self._plan.hosts[host].address, Transport.TCP, port)
                self._book.adopt(host, str(endpoint))
                self._controls.adopt(endpoint)

    def _sampled(self, sample: ControlSample) -> None:
        self._book.sampled(sample)
        self._samples.append(sample)
        self._listener.sampled(sample)

    def _not_asked(self, sample: ControlSample) -> None:
        self._book.not_asked(sample)
        self._samples.append(sample)
        self._listener.sampled(sample)

    # ------------------------------------------------------------ what goes out

    def _released(self, batch: OutcomeBatch) -> None:
        self._listener.batch(batch)
        self._fold.add(batch)

    def _tell_rest(self) -> None:
        """Hand over the observations that no conversation has handed over yet."""
        for transport in Transport:
            for host, observation in list(self._fold.observations(transport)):
                if observation.endpoint not in self._told:
                    self._tell(host, observation)

    def _tell(self, host: int, observation: Observation) -> None:
        raw = record_of(observation, self._raw.pop(observation.endpoint, {}))
        observation = replace(observation, evidence=digest(raw))
        self._told.add(observation.endpoint)
        self._fold.improve(host, observation)
        self._listener.observed(observation, raw)

    # ------------------------------------------------------------ meanwhile

    def _tick_and_stop(self) -> bool:
        self._tick()
        return self._stop()

    def _tick(self) -> None:
        """Take care, some ten times a second, of what goes on beside the probes."""
        self._controls.pump()
        now = self._place.monotonic()
        if now >= self._next_settle:
            self._next_settle = now + _SETTLE_S
            self._flush_udp()
            horizon_ms = int((self._controls.horizon() - self._began) * _MS)
            self._judgement.settle(self._now_ms(), horizon_ms)
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_S
            self._report_progress()

    def _stop(self) -> bool:
        if not self._stopped:
            if self._asked_to_stop():
                self._stopped = "it was stopped before all endpoints were asked"
            elif self._place.clock.now() >= self._place.valid_until:
                self._stopped = (
                    f"authorisation {self._plan.authorisation.id} ended at "
                    f"{self._place.valid_until:%Y-%m-%dT%H:%M:%SZ}"
                )
        return bool(self._stopped)

    def _enter(self, phase: str, total: int, done: Callable[[], int]) -> None:
        self._phase, self._total, self._done = phase, total, done
        self._phase_began = self._place.monotonic()

    def _report_progress(self) -> None:
        done, elapsed_s = self._done(), self._place.monotonic() - self._phase_began
        rate_pps = done / elapsed_s if elapsed_s > 0 else 0.0
        self._listener.progress(
            Progress(
                phase=self._phase,
                done=done,
                total=self._total,
                rate_pps=rate_pps,
                open=self._fold.open,
                unmeasured=self._fold.unmeasured,
                eta_s=(self._total - done) / rate_pps if rate_pps > 0 else None,
            )
        )

    def _now_ms(self) -> int:
        return int((self._place.monotonic() - self._began) * _MS)

    # ------------------------------------------------------------ the record

    def _record(self, begin_ms: int, end_ms: int) -> RunRecord:
        outcomes = self._fold.outcomes(LocalFault.INTERRUPTED if self._stopped else None)
        duration_ms = self._now_ms()
        coverage = coverage_of(self._plan, outcomes)
        status, reason = status_of(self._book, coverage, stopped=self._stopped)
        return RunRecord(
            plan=self._plan,
            status=status,
            status_reason=reason,
            started=self._started,
            finished=self._started + timedelta(milliseconds=duration_ms),
            duration_ms=duration_ms,
            hosts=outcomes,
            coverage=coverage,
            witnesses=self._book.witnesses(begin_ms, end_ms),
            samples=tuple(self._samples),
            own_listeners=tuple(
                each.endpoint
                for each in self._plan.controls
                if each.own and each.kind is ControlKind.POSITIVE
            ),
            masked=self._masked,
            clock=self._clock_facts,
            tool_version=__version__,
            retransmitted=self._retransmitted,
        )
