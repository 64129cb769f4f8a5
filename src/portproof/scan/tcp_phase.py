"""The TCP sweep of a run: which engine, under which conditions, and what is kept of refusals."""

from __future__ import annotations

from errno import ECONNRESET

from portproof.model.endpoint import Endpoint, Transport
from portproof.plan.order import ProbeOrder
from portproof.scan.addresses import Addresses
from portproof.scan.classify import IcmpError
from portproof.scan.connect import Conditions
from portproof.scan.desk import Desk
from portproof.scan.raw import refusal
from portproof.scan.relay_phase import relay_tcp
from portproof.scan.shards import ShardedConnectSweep, processes_for
from portproof.scan.syn import SynSweep


def sweep_tcp(desk: Desk) -> None:
    """Ask every TCP endpoint of the plan."""
    plan = desk.plan
    order = desk.left_of(ProbeOrder(desk.asked, Transport.TCP, plan.seed), Transport.TCP)
    place, addresses = desk.place, Addresses(plan.hosts)
    if place.tunnel is not None:
        relay_tcp(desk, order, place.tunnel)
        return
    processes = place.processes or processes_for(len(order), place.rates)
    engine = SynSweep if plan.engine == "syn" else ShardedConnectSweep
    sweep = engine(addresses, order, desk.took, conditions_of(desk), processes=processes)
    desk.enter("tcp", len(order), lambda: sweep.done)
    if len(order):
        sweep.run()
    desk.retransmitted += sweep.retransmitted


def conditions_of(desk: Desk) -> Conditions:
    """Give what every TCP engine runs under."""

    def refused(probe: int, errno: int, icmp: IcmpError | None) -> None:
        """Keep what a probe met if it becomes an observation; a connection reset was open."""
        host = probe >> 16
        endpoint = Endpoint(desk.plan.hosts[host].address, Transport.TCP, probe & 0xFFFF)
        if errno == ECONNRESET or desk.fold.asked_about(host, endpoint):
            desk.raw[endpoint] = refusal(errno, icmp)

    return Conditions(
        timing=desk.plan.timing,
        rates=desk.place.rates,
        clock=desk.place.monotonic,
        began=desk.began,
        stop=desk.stop,
        tick=desk.tick,
        pace=desk.pace,
        noted=desk.fold.ports_asked_about(Transport.TCP),
        refused=refused,
    )
