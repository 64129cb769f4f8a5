"""The UDP sweep of a run: which ports have a question, and their answers as outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from portproof.model.batch import NO_RTT
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, PortState, Unmeasured
from portproof.probes import udp_ports
from portproof.scan.desk import Desk
from portproof.scan.limits import fit_connections
from portproof.scan.rows import CODES, Row, batch_of
from portproof.scan.udp import UdpRequest, UdpResult, sweep_udp

_ROWS: Final = 4096
_MS: Final = 1000


def ask_udp(desk: Desk) -> None:
    """Ask every UDP endpoint of the plan that a probe is registered for."""
    plan, sweep = desk.plan, _UdpPhase(desk)
    known = udp_ports() - plan.silent_ports
    requests = []
    for index, host in enumerate(plan.hosts):
        # A port without a probe, or one that must not be spoken to, is not asked at all.
        sweep.not_probed(index, (host.udp - known).to_array().tolist())
        requests += [
            UdpRequest(index, Endpoint(host.address, Transport.UDP, port), host.name)
            for port in host.udp & known
        ]
    desk.enter("udp", len(requests), lambda: sweep.answered)
    desk.meanwhile.append(sweep.flush)
    if requests:
        sweep_udp(
            requests,
            timing=plan.timing,
            rates=replace(
                desk.place.rates,
                max_connections=fit_connections(desk.place.rates.max_connections),
            ),
            started_monotonic=desk.began,
            now=desk.place.clock.now,
            stop=desk.tick_and_stop,
            on_result=sweep.took,
        )
    desk.meanwhile.remove(sweep.flush)
    sweep.flush()


class _UdpPhase:
    """Turns results into rows, and rows into batches."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows: list[Row] = []
        self.answered = 0

    def took(self, result: UdpResult) -> None:
        desk, outcome = self._desk, result.outcome
        self.answered += 1
        desk.masked += result.masked
        rtt_us = NO_RTT
        if isinstance(outcome, Unmeasured):
            code = CODES[outcome.fault]
        else:
            code = CODES[outcome.state, outcome.reason]
            rtt_us = NO_RTT if outcome.rtt_us is None else outcome.rtt_us
            kept = outcome.state is PortState.OPEN or desk.fold.asked_about(
                result.host_index, result.endpoint
            )
            if kept and result.raw is not None:
                desk.raw[result.endpoint] = result.raw
            if outcome.service is not None:
                desk.fold.describe(result.host_index, result.endpoint, outcome.service)
        probe = (result.host_index << 16) | result.endpoint.port
        sent = desk.began + result.sent_ms / _MS
        self._rows.append((probe, code, rtt_us, result.attempts, sent))
        if len(self._rows) >= _ROWS:
            self.flush()

    def not_probed(self, host: int, ports: Sequence[int]) -> None:
        code, began = CODES[LocalFault.NOT_PROBED], self._desk.began
        self._rows += [((host << 16) | port, code, NO_RTT, 0, began) for port in ports]

    def flush(self) -> None:
        if self._rows:
            batch = batch_of(self._rows, Transport.UDP, began=self._desk.began)
            self._rows.clear()
            self._desk.took(batch)
