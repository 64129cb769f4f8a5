"""The UDP sweep of a run: which ports have a question, and what is kept of their answers."""

from __future__ import annotations

from collections.abc import Sequence

from portproof.model.endpoint import Transport
from portproof.model.observation import PortState
from portproof.model.probe import Probe
from portproof.plan.order import ProbeOrder
from portproof.probes import for_port
from portproof.scan.addresses import Addresses
from portproof.scan.conditions import Conditions
from portproof.scan.desk import Desk
from portproof.scan.relay_phase import leave_out_udp
from portproof.scan.udp import UdpSweep
from portproof.scan.udp_replies import Asking, UdpAnswer


def ask_udp(desk: Desk) -> None:
    """Ask every UDP endpoint of the plan that a probe is registered for."""
    plan = desk.plan
    order = desk.left_of(ProbeOrder(desk.asked, Transport.UDP, plan.seed), Transport.UDP)
    if desk.place.tunnel is not None:
        leave_out_udp(desk, order)
        return
    sweep = UdpSweep(
        Addresses(plan.hosts),
        order,
        desk.took,
        _conditions_of(desk),
        _asking_of(desk),
    )
    desk.enter("udp", len(order), lambda: sweep.done)
    if len(order):
        sweep.run()
    desk.retransmitted += sweep.retransmitted


def _conditions_of(desk: Desk) -> Conditions:
    return Conditions(
        timing=desk.plan.timing,
        rates=desk.place.rates,
        clock=desk.place.monotonic,
        began=desk.began,
        stop=desk.stop,
        tick=desk.tick,
        pace=desk.pace,
        noted=desk.fold.ports_asked_about(Transport.UDP),
    )


def _asking_of(desk: Desk) -> Asking:
    plan = desk.plan

    def probes_for(port: int) -> Sequence[Probe]:
        """A port without a probe, or one that must not be spoken to, is not asked at all."""
        return () if port in plan.silent_ports else for_port(port, Transport.UDP)

    def answered(answer: UdpAnswer) -> None:
        """Keep what an observation will show: of open ports, and of those somebody asked about."""
        desk.masked += answer.masked
        opened = answer.verdict[0] is PortState.OPEN if isinstance(answer.verdict, tuple) else False
        if opened or desk.fold.asked_about(answer.host, answer.endpoint):
            desk.raw[answer.endpoint] = answer.raw
        if answer.service is not None:
            desk.fold.describe(answer.host, answer.endpoint, answer.service)

    return Asking(
        probes_for=probes_for,
        name_of=lambda host: plan.hosts[host].name,
        answered=answered,
        started=desk.started,
    )
