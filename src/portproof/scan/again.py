"""The last questions of a TCP sweep: silent ports that were asked too seldom for what their path loses.

How much a path loses is known from its answers, and early silence is judged by few of them; an
engine that knows nothing of loss (`scan.syn`) gives every port the same attempts. What fell short is
asked here from the start, by the connect engine, as often as the loss demands that is known by now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from portproof.model.ports import PortSet
from portproof.plan.order import ProbeOrder
from portproof.scan.desk import Desk
from portproof.scan.shards import ShardedConnectSweep, processes_for
from portproof.scan.tcp_phase import conditions_of


def ask_again(desk: Desk) -> None:
    """Ask again what silence was put aside, and the controls after it; mostly, there is none."""
    now_ms = desk.now_ms()
    desk.judgement.settle(now_ms, now_ms)
    short = desk.judgement.take_short()
    if not short:
        return
    plan = desk.plan
    conditions = conditions_of(desk)
    attempts = desk.judgement.attempts_wanted(short)
    sweep = ShardedConnectSweep(
        [host.address for host in plan.hosts],
        order := ProbeOrder.of_runs(_runs(short), plan.seed),
        desk.took,
        replace(conditions, timing=replace(conditions.timing, max_retries=attempts - 1)),
        processes=processes_for(len(order), conditions.rates),
    )
    desk.enter("tcp again", len(order), lambda: sweep.done)
    sweep.run()
    desk.retransmitted += sweep.retransmitted
    desk.controls.complete(desk.stop)


def _runs(short: Mapping[int, PortSet]) -> Iterator[tuple[int, PortSet]]:
    """Give the ports by host, with the hosts between them as runs that are asked nothing."""
    following = 0
    for host, ports in short.items():
        yield host - following, PortSet.empty()
        yield 1, ports
        following = host + 1
