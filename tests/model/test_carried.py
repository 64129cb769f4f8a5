"""What a continuation may take over from an interrupted run, and what it has to ask again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import factories as make
from portproof.model.carried import carry_over, measured
from portproof.model.drawn import Continuation, Drawn, Stretch, joined
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import ControlSample, HostOutcome

OPEN, CLOSED, FILTERED = PortState.OPEN, PortState.CLOSED, PortState.FILTERED
LITTLE = make.planned_host(tcp="1-10", udp="53,123")


def tcp(**changes: object) -> HostOutcome:
    return make.host_outcome(LITTLE, fill=None, **changes)  # type: ignore[arg-type]


def states(outcome: HostOutcome) -> dict[PortState, str]:
    return {state: str(ports) for state, ports in outcome.states.items()}


def test_what_was_measured_comes_over_silence_included() -> None:
    record = make.run(tcp(states={OPEN: "1", CLOSED: "2-5", FILTERED: "6"}))
    carried = carry_over(record)
    (outcome,) = carried.hosts
    assert states(outcome) == {OPEN: "1", CLOSED: "2-5", FILTERED: "6"}
    assert outcome.reasons == record.hosts[0].reasons
    assert outcome.observations == record.hosts[0].observations
    assert (carried.since, carried.until) == (record.started, record.finished)
    assert (measured(carried.hosts, Transport.TCP), measured(carried.hosts, Transport.UDP)) == (
        6,
        0,
    )


def test_what_was_not_measured_is_asked_again() -> None:
    faults = {LocalFault.CONTROL_FAILED: "2-5", LocalFault.NO_SOCKETS: "6"}
    (outcome,) = carry_over(make.run(tcp(states={CLOSED: "1"}, unmeasured=faults))).hosts
    assert states(outcome) == {CLOSED: "1"}
    assert outcome.unmeasured == {}
    assert carry_over(make.run(tcp(unmeasured=faults))).hosts == ()


def test_the_listeners_of_the_earlier_run_are_gone_and_do_not_come_over() -> None:
    own = Endpoint(ip_address(make.HOST), Transport.TCP, 2)
    record = make.run(tcp(states={OPEN: "1,2", CLOSED: "3"}), own_listeners=(own,))
    (outcome,) = carry_over(record).hosts
    assert states(outcome) == {OPEN: "1", CLOSED: "3"}
    assert [each.endpoint.port for each in outcome.observations] == [1]


def test_open_ports_do_not_come_over_where_a_negative_control_has_answered() -> None:
    control = make.scan_plan().controls[0]
    answered = ControlSample(control_id=control.id, at_ms=5, as_expected=False, seen="open")
    record = make.run(tcp(states={OPEN: "1", CLOSED: "2"}), samples=(answered,))
    (outcome,) = carry_over(record).hosts
    assert states(outcome) == {CLOSED: "2"}
    assert outcome.observations == ()


def test_an_open_udp_port_comes_over_with_its_answer_only() -> None:
    answered = make.host_outcome(LITTLE, transport=Transport.UDP, states={OPEN: "53,123"})
    lost = tuple(replace(each, evidence=None) for each in answered.observations[1:])
    outcome = replace(answered, observations=(*answered.observations[:1], *lost))
    (kept,) = carry_over(make.run(outcome)).hosts
    assert states(kept) == {OPEN: "53"}


def test_a_chain_remembers_when_its_first_run_began() -> None:
    before = Continuation(run_id="run-0", since=make.NOON - timedelta(days=1), until=make.NOON)
    record = make.run(tcp(states={CLOSED: "1"}), continuation=before)
    assert carry_over(record).since == before.since


def test_how_far_each_order_was_drawn_comes_over() -> None:
    drawn = Drawn(transport=Transport.TCP, size=10, stretches=(Stretch(0, 4),))
    carried = carry_over(make.run(tcp(states={CLOSED: "1"}), drawn=(drawn,)))
    assert carried.drawn_over(Transport.TCP) == drawn
    assert carried.drawn_over(Transport.UDP) is None


def test_stretches_that_touch_are_one() -> None:
    scattered = [Stretch(8, 9), Stretch(0, 3), Stretch(3, 5), Stretch(6, 6), Stretch(2, 4)]
    assert joined(scattered) == (Stretch(0, 5), Stretch(8, 9))
