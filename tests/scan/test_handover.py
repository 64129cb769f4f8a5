"""A run that takes outcomes over asks the rest, and says what it asked again."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace

from portproof.model.carried import carry_over
from portproof.model.drawn import Stretch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost, Rates, RunRecord, RunStatus, Timing
from portproof.scan.clock import SystemClock
from portproof.scan.executor import Executor
from vantage import Heard, authorisation, plan_for, planned_hosts

HOST = "127.0.0.78"
PORTS = "10000-11999"
QUICK = Timing(
    timeout_ms=100,
    min_timeout_ms=50,
    max_retries=1,
    control_interval_ms=50,
    dialogue_timeout_ms=200,
)
HELD = authorisation(["127.0.0.0/8"], rates=Rates(global_pps=4000, per_host_pps=4000))


def no_port(_host: PlannedHost, _transport: Transport) -> PortSet:
    return PortSet.empty()


def carried_out(
    heard: Heard,
    *,
    before: RunRecord | None = None,
    udp: str = "",
    rows: int = 10**9,
    wanted: Callable[[PlannedHost, Transport], PortSet] = no_port,
) -> RunRecord:
    """One run, after `before` if there is one; stopped once it has that many outcomes."""
    executor = Executor(HELD, clock=SystemClock(), wanted=wanted)
    hosts = planned_hosts([HOST], PORTS, udp)
    plan = plan_for(HELD, hosts, run_id="run-2" if before else "run-1", timing=QUICK)
    carried = None
    if before is not None:
        plan, carried = replace(plan, continues="run-1"), carry_over(before)
    with executor.own_controls([host.address for host in hosts]) as own:
        plan = replace(plan, controls=own)
        return executor.run(plan, heard, lambda: heard.rows >= rows, carried=carried)


def asked(heard: Heard) -> list[tuple[int, int]]:
    return [
        (transport, port)
        for each in heard.batches
        for transport, port in zip(each.transport.tolist(), each.port.tolist(), strict=True)
    ]


def test_the_two_runs_together_ask_each_endpoint_and_what_one_has_the_other_does_not_ask() -> None:
    first, second = Heard(), Heard()
    before = carried_out(first, rows=500)
    assert before.status is RunStatus.INTERRUPTED
    after = carried_out(second, before=before)
    assert after.status is RunStatus.COMPLETE
    own = {(0, each.port) for each in before.own_listeners}
    kept = {each for each in asked(first) if each not in own}
    carried = {(0, port) for port in carry_over(before).hosts[0].states[PortState.CLOSED]}
    assert carried <= kept
    assert not carried & set(asked(second))
    assert sorted(carried | set(asked(second))) == [(0, port) for port in range(10_000, 12_000)]
    (coverage,) = after.coverage
    assert (coverage.measured, coverage.carried) == (2000, len(carried))
    assert after.continuation is not None
    assert after.continuation.until == before.finished


def test_what_had_been_drawn_in_vain_is_repeated_and_nothing_else_is() -> None:
    before = carried_out(Heard(), rows=500)
    (drawn,) = before.drawn
    numbers = sum(each.end - each.begin for each in drawn.stretches)
    second = Heard()
    (coverage,) = carried_out(second, before=before).coverage
    assert coverage.repeated == numbers - coverage.carried
    assert coverage.repeated <= len(asked(second))


def test_udp_ports_that_nobody_can_ask_are_never_repeated() -> None:
    before = carried_out(Heard(), udp="7,9,13")
    assert before.hosts[1].unmeasured[LocalFault.NOT_PROBED] == PortSet.of(7, 9, 13)
    after = carried_out(Heard(), before=before, udp="7,9,13")
    assert [(each.carried, each.repeated) for each in after.coverage][1] == (0, 0)
    assert after.hosts[1].unmeasured[LocalFault.NOT_PROBED] == PortSet.of(7, 9, 13)


def test_a_required_port_that_was_carried_over_keeps_its_observation_and_its_time() -> None:
    first, second = Heard(), Heard()
    required = PortSet.of(10_500)
    before = carried_out(first, wanted=lambda _host, _transport: required)
    after = carried_out(second, before=before, wanted=lambda _host, _transport: required)
    assert after.hosts[0].observation(10_500) == before.hosts[0].observation(10_500)
    assert [each.endpoint.port for each, _ in first.observations].count(10_500) == 1
    assert 10_500 not in [each.endpoint.port for each, _ in second.observations]


def test_an_open_port_that_was_conversed_with_is_not_visited_again() -> None:
    with socket.create_server((HOST, 10_001)) as server:
        server.listen(64)
        before = carried_out(Heard())
        server.settimeout(0)
        visits = visitors(server)
        assert visits >= 2  # the sweep, and the conversation
        after = carried_out(Heard(), before=before)
        assert visitors(server) == 0
    assert 10_001 in after.hosts[0].states[PortState.OPEN]
    assert after.hosts[0].observation(10_001) == before.hosts[0].observation(10_001)


def visitors(server: socket.socket) -> int:
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_checkpoints_never_claim_less_than_was_drawn_by_the_next() -> None:
    heard = Heard()
    record = carried_out(heard)
    first, *_, last = heard.checkpoints
    # The first is kept before a probe leaves, and claims what the rate permits until the next:
    # more than there is, at 4,000 a second.
    assert first.drawn[0].stretches == (Stretch(0, 2000),)
    assert last.drawn == record.drawn
    assert {each.network for each in last.witnesses} == {each.network for each in record.witnesses}
