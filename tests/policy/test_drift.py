"""What changed between two runs, and which runs are not alike enough to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

import factories as make
from policy.worlds import runs
from portproof.model.drift import GapReason
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import Control, ControlKind, Resolution, RunRecord, RunStatus, Timing
from portproof.model.way import Way, WayKind
from portproof.policy.drift import compare

BEFORE = make.run(make.open_host(p22=Service("ssh", "OpenSSH 9.2")))


def unlike(**changes: Any) -> RunRecord:
    return replace(BEFORE, plan=replace(BEFORE.plan, **changes))


def control(control_id: str, place: str, *, own: bool = False) -> Control:
    networks = (make.network("10.0.0.0/8"),)
    kind = ControlKind.POSITIVE
    return Control(
        id=control_id, kind=kind, endpoint=make.endpoint(place), networks=networks, own=own
    )


def test_a_port_that_opened_and_one_that_closed_are_changes() -> None:
    changes = compare(BEFORE, make.run(make.open_host(p8080=Service("http")))).changes
    assert [(str(each.endpoint), each.before.value, each.after.value) for each in changes] == [
        ("10.0.0.5:22/tcp", "open", "closed"),
        ("10.0.0.5:8080/tcp", "closed", "open"),
    ]
    assert changes[0].service_before == "ssh OpenSSH 9.2"
    assert changes[1].service_after == "http"


def test_another_version_of_a_service_is_a_change() -> None:
    (change,) = compare(
        BEFORE, make.run(make.open_host(p22=Service("ssh", "OpenSSH 10.0")))
    ).changes
    assert (change.service_before, change.service_after) == ("ssh OpenSSH 9.2", "ssh OpenSSH 10.0")


def test_a_service_that_said_nothing_this_time_is_no_change() -> None:
    assert not compare(BEFORE, make.run(make.open_host(p22=None))).differs


def test_a_firewall_that_begins_to_drop_is_one_shift_and_not_thousands_of_changes() -> None:
    drops = make.host_outcome(states={PortState.OPEN: "22"}, fill=PortState.FILTERED)
    drift = compare(BEFORE, make.run(drops))
    assert not drift.changes
    (shift,) = drift.shifts
    assert (shift.before, shift.after) == (PortState.CLOSED, PortState.FILTERED)
    assert shift.ports == PortSet.all_ports() - PortSet.of(22)


def test_what_either_run_did_not_measure_is_counted_and_not_called_a_change() -> None:
    lost = make.host_outcome(unmeasured={LocalFault.NO_SOCKETS: "22,23"})
    drift = compare(BEFORE, make.run(lost))
    assert not drift.differs
    assert drift.uncompared == 2


def test_a_port_that_was_ours_in_one_run_and_is_theirs_in_the_other_is_a_change() -> None:
    place = make.endpoint("10.0.0.5:40123/tcp")
    ours = make.run(make.open_host(p40123=None), own_listeners=(place,))
    theirs = make.run(make.open_host(p40123=Service("redis")))
    (appeared,) = compare(ours, theirs).changes
    assert (appeared.own_before, appeared.own_after) == (True, False)
    assert (appeared.service_before, appeared.service_after) == (
        "portproof's own listener",
        "redis",
    )
    (gone,) = compare(theirs, ours).changes
    assert (gone.own_before, gone.own_after) == (False, True)


def test_a_port_that_was_ours_in_one_run_only_is_uncompared_where_nobody_else_has_it() -> None:
    place = make.endpoint("10.0.0.5:40123/tcp")
    ours = make.run(make.open_host(p40123=None), own_listeners=(place,))
    assert compare(ours, make.run()).uncompared == 1
    assert compare(ours, ours).uncompared == 0


def test_own_listeners_are_left_out() -> None:
    own = make.run(
        make.open_host(p22=Service("ssh", "OpenSSH 9.2"), p40123=None),
        own_listeners=(make.endpoint("10.0.0.5:40123/tcp"),),
    )
    assert not compare(BEFORE, own).differs
    assert not compare(own, BEFORE).differs


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (
            replace(BEFORE, status=RunStatus.INCONCLUSIVE, status_reason="canary silent"),
            "later run is inconclusive: canary silent",
        ),
        (
            replace(BEFORE, plan=replace(BEFORE.plan, vantage=replace(make.VANTAGE, id="desk"))),
            "vantages differ: ext-1 in internet, then desk in internet",
        ),
        (
            unlike(through=Way(kind=WayKind.SSH, host="jump.example.net")),
            "ways to the targets differ: its own network, then ssh jump.example.net",
        ),
        (make.run(make.open_host("10.0.0.6")), "no port was measured in both runs"),
        (
            make.run(make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "1-65535"})),
            "no port was measured in both runs",
        ),
    ],
    ids=["status", "vantage", "way", "other hosts", "nothing measured"],
)
def test_runs_that_can_say_nothing_of_each_other_are_refused(after: RunRecord, reason: str) -> None:
    drift = compare(BEFORE, after)
    assert any(reason in each for each in drift.refused)
    assert not drift.differs


def test_every_reason_is_given_at_once() -> None:
    elsewhere = replace(BEFORE.plan, vantage=replace(make.VANTAGE, id="desk"))
    after = replace(BEFORE, plan=elsewhere, status=RunStatus.INTERRUPTED)
    assert len(compare(BEFORE, after).refused) == 2


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (make.run(make.open_host(p22=None), make.open_host("10.0.0.6")), "hosts of this run only"),
        (make.run(make.open_host(p22=None), make.open_host("2001:db8::5")), "address families"),
        (
            make.run(make.host_outcome(make.planned_host(tcp="1-1024"))),
            "ports of this run only",
        ),
        (unlike(engine="syn"), "engine"),
        (unlike(scope="other"), "scope"),
        (unlike(discover=True), "host discovery"),
        (unlike(silent_ports=PortSet.of(22)), "ports that nothing is sent to"),
        (unlike(timing=Timing(timeout_ms=300)), "patience over tcp"),
        (unlike(controls=(control("canary", "10.1.1.1:22/tcp"),)), "positive controls"),
        (replace(BEFORE, tool_version="9"), "portproof"),
        (
            unlike(resolutions=(Resolution(name="a.example", addresses=(), at=make.NOON),)),
            "names that did not resolve",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_runs_that_are_unlike_are_compared_in_part_and_refused_when_strict(
    after: RunRecord, what: str
) -> None:
    drift = compare(BEFORE, after)
    assert not drift.refused
    assert what in {each.what for each in drift.differences}
    strictly = compare(BEFORE, after, strict=True)
    assert what in strictly.refused[0]
    assert not strictly.differs


def test_a_port_that_was_not_asked_before_is_not_new() -> None:
    narrow = make.run(make.host_outcome(make.planned_host(tcp="1-1024")))
    wide = make.run(make.open_host(p8080=Service("http")))
    drift = compare(narrow, wide)
    assert not drift.differs
    (gap,) = drift.gaps
    assert gap.reason is GapReason.LATER_ONLY
    assert gap.ports == PortSet.from_ranges([(1025, 65535)])
    (back,) = compare(wide, narrow).gaps
    assert back.reason is GapReason.EARLIER_ONLY


@pytest.mark.parametrize(
    ("lost_in", "reason"),
    [("before", GapReason.UNMEASURED_BEFORE), ("after", GapReason.UNMEASURED_AFTER)],
)
def test_an_open_port_that_one_run_did_not_measure_is_neither_new_nor_gone(
    lost_in: str, reason: GapReason
) -> None:
    lost = make.run(make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "22"}))
    pair = (lost, BEFORE) if lost_in == "before" else (BEFORE, lost)
    drift = compare(*pair)
    assert not drift.differs
    assert [(each.reason, each.ports) for each in drift.gaps] == [(reason, PortSet.of(22))]


def test_another_engine_tells_open_from_not_open_and_not_closed_from_filtered() -> None:
    filtered = make.host_outcome(states={PortState.FILTERED: "25", PortState.OPEN: "80"})
    after = make.run(filtered, plan={"engine": "syn"})
    drift = compare(BEFORE, after)
    assert [str(each.endpoint) for each in drift.changes] == ["10.0.0.5:22/tcp", "10.0.0.5:80/tcp"]
    assert not drift.shifts
    assert [(each.reason, each.ports) for each in drift.gaps] == [
        (GapReason.ENGINE, PortSet.of(25))
    ]


def test_silence_of_the_run_that_waited_less_is_no_change() -> None:
    hasty = make.run(
        make.host_outcome(states={PortState.FILTERED: "22,23"}),
        plan={"timing": Timing(timeout_ms=100)},
    )
    patient = make.run(make.host_outcome(states={PortState.OPEN: "22"}))
    drift = compare(hasty, patient)
    assert not drift.differs
    assert {each.reason for each in drift.gaps} == {GapReason.PATIENCE}
    gone = compare(patient, make.run(make.host_outcome(states={PortState.FILTERED: "22"})))
    assert gone.differs


def test_open_is_not_believed_where_only_the_other_run_had_a_negative_control() -> None:
    bare = make.run(
        make.open_host(p22=Service("ssh", "OpenSSH 9.2"), p80=None), plan={"controls": ()}
    )
    drift = compare(BEFORE, bare)
    assert not drift.differs
    assert [(each.reason, each.ports) for each in drift.gaps] == [
        (GapReason.NO_NEGATIVE, PortSet.of(80))
    ]
    assert compare(bare, bare).compared == 65535


def test_a_host_that_begins_to_answer_everywhere_has_no_thousands_of_new_ports() -> None:
    everywhere = make.run(make.host_outcome(fill=PortState.OPEN))
    drift = compare(BEFORE, everywhere)
    assert not drift.differs
    assert {each.reason for each in drift.gaps} == {GapReason.CROWD}


@pytest.mark.parametrize(
    "after",
    [
        replace(BEFORE, tool_version="9"),
        unlike(silent_ports=PortSet.of(22)),
        make.run(
            make.host_outcome(
                make.planned_host(name="www.example.com"),
                states={PortState.OPEN: "22"},
                services={22: Service("ssh", "OpenSSH 9.2")},
            )
        ),
    ],
    ids=["version", "silent port", "name"],
)
def test_services_are_not_compared_where_they_were_not_asked_alike(after: RunRecord) -> None:
    other = make.run(make.open_host(p22=Service("ssh", "OpenSSH 10.0")))
    assert compare(other, BEFORE).differs
    assert not compare(other, after).differs


def test_reasons_of_both_sides_are_given() -> None:
    (change, *_) = compare(BEFORE, make.run()).changes
    assert (change.reason_before, change.reason_after) == ("syn-ack", "reset")


def test_own_controls_on_other_ports_are_the_same_controls() -> None:
    one, other = (
        replace(BEFORE, plan=replace(BEFORE.plan, controls=(control(name, place, own=True),)))
        for name, place in (("self-1", "10.0.0.5:40001/tcp"), ("self-2", "10.0.0.5:40002/tcp"))
    )
    assert not compare(one, other).refused


@given(runs(RunStatus.COMPLETE))
@settings(max_examples=50, deadline=None)
def test_a_run_does_not_differ_from_itself(run: RunRecord) -> None:
    drift = compare(run, run, strict=True)
    assert not drift.differs
    assert not drift.differences
    lost = any(coverage.measured < coverage.planned for coverage in run.coverage)
    assert bool(drift.refused) == lost


@given(runs(), runs())
@settings(max_examples=50, deadline=None)
def test_any_two_runs_are_compared_or_refused(one: RunRecord, other: RunRecord) -> None:
    drift = compare(one, other)
    assert not (drift.refused and drift.differs)
    assert compare(other, one).differs == drift.differs
    planned = {
        (each.host.address, each.transport, port)
        for run in (one, other)
        for each in run.hosts
        for port in each.host.ports(each.transport)
    }
    if not drift.refused:
        assert drift.compared + drift.uncompared == len(planned)
