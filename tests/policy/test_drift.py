"""What changed between two runs, and which runs are not alike enough to say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

import factories as make
from policy.worlds import runs
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import Control, ControlKind, RunRecord, RunStatus
from portproof.policy.drift import compare

BEFORE = make.run(make.open_host(p22=Service("ssh", "OpenSSH 9.2")))


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
        (make.run(make.open_host("10.0.0.6")), "asked in the later run only: 10.0.0.6 (tcp)"),
        (make.run(make.open_host("2001:db8::5")), "address families differ: IPv4, then IPv6"),
        (
            make.run(make.host_outcome(make.planned_host(tcp="1-1024"))),
            "ports asked differ: 10.0.0.5 (tcp)",
        ),
        (
            replace(BEFORE, plan=replace(BEFORE.plan, engine="syn")),
            "engines differ: connect, then syn",
        ),
        (
            replace(BEFORE, plan=replace(BEFORE.plan, vantage=replace(make.VANTAGE, id="desk"))),
            "vantages differ: ext-1 in internet, then desk in internet",
        ),
        (
            replace(BEFORE, plan=replace(BEFORE.plan, silent_ports=PortSet.of(22))),
            "nothing is sent to differ",
        ),
        (
            replace(
                BEFORE, plan=replace(BEFORE.plan, controls=(control("canary", "10.1.1.1:22/tcp"),))
            ),
            "controls differ",
        ),
    ],
    ids=["status", "hosts", "families", "ports", "engine", "vantage", "silent ports", "controls"],
)
def test_runs_that_are_not_alike_are_refused_with_the_reason(after: RunRecord, reason: str) -> None:
    drift = compare(BEFORE, after)
    assert any(reason in each for each in drift.refused)
    assert not drift.differs


def test_every_reason_is_given_at_once() -> None:
    after = make.run(make.open_host("10.0.0.6"), status=RunStatus.INTERRUPTED)
    assert len(compare(BEFORE, after).refused) == 3


def test_own_controls_on_other_ports_are_the_same_controls() -> None:
    one, other = (
        replace(BEFORE, plan=replace(BEFORE.plan, controls=(control(name, place, own=True),)))
        for name, place in (("self-1", "10.0.0.5:40001/tcp"), ("self-2", "10.0.0.5:40002/tcp"))
    )
    assert not compare(one, other).refused


@given(runs(RunStatus.COMPLETE))
@settings(max_examples=50, deadline=None)
def test_a_run_does_not_differ_from_itself(run: RunRecord) -> None:
    drift = compare(run, run)
    assert not drift.refused
    assert not drift.differs


@given(runs(), runs())
@settings(max_examples=50, deadline=None)
def test_any_two_runs_are_compared_or_refused(one: RunRecord, other: RunRecord) -> None:
    drift = compare(one, other)
    assert not (drift.refused and drift.differs)
    assert compare(other, one).differs == drift.differs
