"""One run from its first control to its record, on one page."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from portproof import __version__
from portproof.contracts import ScanListener, StopSignal
from portproof.model.carried import Carried
from portproof.model.observation import LocalFault
from portproof.model.scan import ControlKind, RunRecord, ScanPlan, coverage_of
from portproof.scan.again import ask_again
from portproof.scan.desk import Desk, Place
from portproof.scan.discovery_phase import find_hosts
from portproof.scan.judgement import status_of
from portproof.scan.service_phase import identify_services
from portproof.scan.tcp_phase import sweep_tcp
from portproof.scan.udp_phase import ask_udp


class Campaign:
    """One run; `carry_out` it once."""

    def __init__(
        self,
        plan: ScanPlan,
        place: Place,
        listener: ScanListener,
        stop: StopSignal,
        *,
        carried: Carried | None = None,
    ) -> None:
        self._clock_facts = place.clock.facts()
        self._carried = carried
        self._desk = Desk(plan, place, listener, stop, carried=carried)

    def carry_out(self) -> RunRecord:
        """Probe, converse, judge."""
        desk, span_ms = self._desk, (0, 0)
        try:
            desk.controls.complete(desk.stop)
            if desk.plan.discover and not desk.stop():
                find_hosts(desk)
            begin_ms = desk.begin_probing()
            for phase in (sweep_tcp, ask_udp):
                if not desk.stop():
                    phase(desk)
            span_ms = (begin_ms, desk.now_ms())
            self._conclude_sweeps()
            desk.end_probing()
            if not desk.stop():
                identify_services(desk)
        finally:
            desk.controls.close()
        desk.tell_rest()
        desk.report_progress()
        return self._record(*span_ms)

    def _conclude_sweeps(self) -> None:
        """Ask every control once more, after the last probe, and judge what is still held back."""
        desk = self._desk
        interrupted = desk.stop()
        if not interrupted:
            desk.controls.complete(desk.stop)
            ask_again(desk)
            interrupted = desk.stop()
        desk.judgement.close(desk.now_ms(), interrupted=interrupted)
        eager = desk.book.too_eager(np.arange(len(desk.plan.hosts), dtype=np.uint32))
        for host in np.flatnonzero(eager).tolist():
            desk.fold.withdraw_open(host)

    def _record(self, begin_ms: int, end_ms: int) -> RunRecord:
        desk, plan = self._desk, self._desk.plan
        outcomes = desk.fold.outcomes(LocalFault.INTERRUPTED if desk.stopped else None)
        duration_ms = desk.now_ms()
        coverage = coverage_of(plan, outcomes, loss_ppm=desk.judgement.loss_ppm())
        status, reason = status_of(desk.book, coverage, stopped=desk.stopped)
        return RunRecord(
            plan=plan,
            status=status,
            status_reason=reason,
            started=desk.started,
            finished=desk.started + timedelta(milliseconds=duration_ms),
            duration_ms=duration_ms,
            hosts=outcomes,
            coverage=desk.handover.counted(coverage, outcomes),
            witnesses=desk.book.witnesses(begin_ms, end_ms),
            samples=tuple(desk.samples),
            own_listeners=tuple(
                each.endpoint
                for each in plan.controls
                if each.own and each.kind is ControlKind.POSITIVE
            ),
            masked=desk.masked,
            clock=self._clock_facts,
            tool_version=__version__,
            retransmitted=desk.retransmitted,
            continuation=self._carried.continuation if self._carried else None,
            drawn=desk.handover.drawn(),
        )
