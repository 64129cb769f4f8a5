from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from factories import NOON, endpoint, observation, planned_host, ports
from policy.segmentation_world import (
    ALL_PORTS,
    ROUTER,
    TARGET,
    cell,
    host,
    judged,
    outside,
    policy,
    rule,
    silent_but,
    within,
)
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.model.observation import LocalFault, Observation, PortState, Reason, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunStatus
from portproof.model.segmentation import AllowedFlow, TargetZone
from portproof.model.segmentation_result import CellState, Crossing, GapKind
from portproof.model.vantage import Vantage
from portproof.model.way import Way, WayKind
from portproof.policy.segmentation_exit import segmentation_exit_code

REFUSED = "7" * 64
"""The raw record of an observation that an ICMP error came for."""


def refused(port: int) -> Observation:
    place = endpoint(f"{TARGET}:{port}/tcp")
    return observation(place, PortState.FILTERED, reason=Reason.ADMIN_PROHIBITED, evidence=REFUSED)


def seen_open(*numbers: int, service: Service | None = None) -> HostOutcome:
    outcome = host(states={PortState.OPEN: ",".join(map(str, numbers))})
    kept = tuple(replace(each, service=service) for each in outcome.observations)
    return replace(outcome, observations=kept)


def test_silence_towards_a_target_that_is_alive_inside_supports_the_cell() -> None:
    found = cell(outside(), within())
    assert found.state is CellState.SUPPORTED
    assert found.complete
    assert found.tested_at == NOON


def test_silence_towards_a_target_that_nobody_saw_alive_is_insufficient_and_names_it() -> None:
    found = cell(outside())
    assert found.state is CellState.INSUFFICIENT
    (gap,) = found.gaps
    assert (gap.kind, gap.address) == (GapKind.NOT_ALIVE, ip_address(TARGET))


def test_a_target_that_stays_silent_inside_too_is_not_alive() -> None:
    assert cell(outside(), within(host())).state is CellState.INSUFFICIENT


def test_a_target_seen_alive_before_the_window_is_not_alive_in_it() -> None:
    earlier = NOON - timedelta(days=8)
    assert cell(outside(), within(at=earlier)).state is CellState.INSUFFICIENT


def test_a_run_that_may_conclude_nothing_proves_neither_life_nor_silence() -> None:
    doubtful = {"status": RunStatus.INCONCLUSIVE, "status_reason": "the canary fell silent"}
    assert cell(outside(), within(**doubtful)).state is CellState.INSUFFICIENT
    (gap, *_) = cell(outside(**doubtful), within()).gaps
    assert gap.kind is GapKind.INCONCLUSIVE
    assert "the canary fell silent" in gap.detail


def test_a_cell_that_nobody_asked_about_is_not_evaluated() -> None:
    assert cell(within()).state is CellState.NOT_EVALUATED


def test_there_is_no_cell_from_a_zone_into_itself() -> None:
    matrix = judged(outside(), within())
    assert matrix.cell("cde", "cde") is None
    assert [each.rule.source for each in matrix.cells] == ["office"]


def test_an_open_port_is_a_path_and_at_least_high() -> None:
    found = cell(outside(seen_open(50)), within())
    assert found.state is CellState.EXCEPTIONS
    (path,) = found.paths
    assert (path.how, str(path.ports), path.severity) == (Crossing.OPEN, "50", Severity.HIGH)


def test_remote_administration_of_a_protected_zone_is_critical_once_it_said_what_it_is() -> None:
    (said,) = cell(outside(seen_open(22, service=Service("ssh"))), within()).paths
    assert said.severity is Severity.CRITICAL
    (guessed,) = cell(outside(seen_open(22)), within()).paths
    assert guessed.severity is Severity.HIGH
    assert "capped" in guessed.trace[-1].because


def test_a_crowd_of_open_ports_is_one_path_beside_those_that_said_what_they_are() -> None:
    outcome = host(states={PortState.OPEN: "1-200"}, asked="1-200")
    kept = tuple(
        replace(each, service=Service("ssh") if each.endpoint.port == 22 else None)
        for each in outcome.observations
    )
    crowd, ssh = cell(outside(replace(outcome, observations=kept)), within()).paths
    assert (str(crowd.ports), crowd.severity) == ("1-21,23-200", Severity.HIGH)
    assert (str(ssh.ports), ssh.severity) == ("22", Severity.CRITICAL)


def test_a_reset_in_the_targets_name_is_a_path_of_all_ports_that_gave_one() -> None:
    found = cell(outside(host(states={PortState.CLOSED: "79-81"})), within())
    (path,) = found.paths
    assert (path.how, str(path.ports)) == (Crossing.RESET, "79-81")


def test_a_reset_that_the_boundary_is_known_to_send_proves_nothing() -> None:
    held = policy(cells=(rule(boundary_resets=ports("79")),))
    found = cell(outside(host(states={PortState.CLOSED: "79"})), within(), held=held)
    assert found.state is CellState.INSUFFICIENT
    assert [each.kind for each in found.gaps] == [GapKind.BOUNDARY_RESET]


def test_a_refusal_without_an_error_queue_cannot_be_told() -> None:
    outcome = replace(
        host(states={PortState.CLOSED: "79"}),
        reasons={Reason.CONN_REFUSED: ports("79"), Reason.NO_RESPONSE: ports("1-78,80-100")},
    )
    found = cell(outside(outcome), within())
    assert [each.kind for each in found.gaps] == [GapKind.SENDER_UNKNOWN]
    assert found.state is CellState.INSUFFICIENT


@pytest.mark.parametrize(
    ("sender", "state"),
    [
        (ROUTER, CellState.SUPPORTED),
        (TARGET, CellState.EXCEPTIONS),
        (None, CellState.INSUFFICIENT),
    ],
)
def test_an_icmp_error_counts_by_who_sent_it(sender: str | None, state: CellState) -> None:
    outcome = silent_but(Reason.ADMIN_PROHIBITED, "80", (refused(80),))
    senders = {REFUSED: ip_address(sender) if sender else None}
    assert cell(outside(outcome), within(), senders=senders).state is state


def test_an_icmp_error_of_which_nothing_was_kept_is_named_with_its_ports() -> None:
    found = cell(outside(silent_but(Reason.HOST_PROHIBITED, "80-90")), within())
    (gap,) = found.gaps
    assert (gap.kind, str(gap.ports)) == (GapKind.SENDER_UNKNOWN, "80-90")


def test_a_path_leads_to_the_record_of_the_targets_own_icmp_error() -> None:
    outcome = silent_but(Reason.ADMIN_PROHIBITED, "80", (refused(80),))
    (path,) = cell(outside(outcome), within(), senders={REFUSED: ip_address(TARGET)}).paths
    assert (path.how, path.evidence) == (Crossing.UNREACHABLE, (REFUSED,))


def test_what_is_on_the_allow_list_is_no_path_and_is_counted() -> None:
    flow = AllowedFlow(
        networks=(ip_network(TARGET),),
        hosts_text=(TARGET,),
        tcp=ports("50"),
        udp=PortSet.empty(),
        because="orders",
        ticket="CHG-1",
        location=SourceLocation(file="segmentation.yaml", line=9),
    )
    held = policy(cells=(rule(allowed=(flow,)),))
    found = cell(outside(seen_open(50)), within(), held=held)
    assert (found.state, found.allowed_seen) == (CellState.SUPPORTED, 1)
    found = cell(outside(seen_open(50, 51)), within(), held=held)
    assert [str(each.ports) for each in found.paths] == ["51"]


def test_ports_that_were_not_asked_or_not_measured_are_gaps_of_their_own() -> None:
    found = cell(outside(host(asked="1-60", unmeasured={LocalFault.CONTROL_FAILED: "7"})), within())
    told = {each.kind: str(each.ports) for each in found.gaps}
    assert told == {GapKind.NOT_ASKED: "61-100", GapKind.NOT_MEASURED: "7"}
    assert found.state is CellState.INSUFFICIENT


def test_two_vantages_of_a_zone_may_share_the_work_and_either_finds_a_path() -> None:
    other = {"plan": {"vantage": replace(outside().plan.vantage, id="printer-room")}}
    half, rest = host(asked="1-50"), host(asked="51-100")
    assert cell(outside(half), outside(rest, **other), within()).state is CellState.SUPPORTED
    found = cell(outside(seen_open(50)), outside(**other), within())
    assert found.state is CellState.EXCEPTIONS


def test_the_latest_run_of_a_vantage_speaks_and_an_earlier_path_stays_on_record() -> None:
    before = outside(seen_open(50), at=NOON - timedelta(hours=1))
    found = cell(before, outside(), within())
    assert found.state is CellState.SUPPORTED
    assert [str(each.ports) for each in found.earlier] == ["50"]


def test_a_later_run_that_could_not_measure_a_port_does_not_hide_its_path() -> None:
    before = outside(seen_open(50), at=NOON - timedelta(hours=1))
    blind = outside(host(unmeasured={LocalFault.CONTROL_FAILED: ALL_PORTS}))
    assert cell(before, blind, within()).state is CellState.EXCEPTIONS


def test_an_unused_address_of_a_swept_network_is_no_target_and_a_listed_one_is() -> None:
    absent = {LocalFault.NO_NEIGHBOUR: ALL_PORTS}
    inside = within(host(states={PortState.OPEN: "22"}), host("10.66.0.9", unmeasured=absent))
    swept = outside(host(listed="10.66.0.0/24"), host("10.66.0.9", listed="10.66.0.0/24"))
    found = cell(swept, inside)
    assert (found.state, found.unused) == (CellState.SUPPORTED, 1)
    named = outside(host(listed="10.66.0.0/24"), host("10.66.0.9"))
    found = cell(named, inside)
    assert [(each.kind, str(each.address)) for each in found.gaps] == [
        (GapKind.NOT_ALIVE, "10.66.0.9")
    ]


@pytest.mark.parametrize(
    ("listed", "alone"),
    [
        ("10.66.0.9", True),
        ("10.66.0.9/32", True),
        ("10.66.0.9:22", True),
        ("10.66.0.9-20", False),
        ("10.66.0.0/24", False),
    ],
)
def test_an_address_is_listed_by_itself_or_one_of_many(listed: str, *, alone: bool) -> None:
    absent = {LocalFault.NO_NEIGHBOUR: ALL_PORTS}
    inside = within(host(states={PortState.OPEN: "22"}), host("10.66.0.9", unmeasured=absent))
    found = cell(outside(host(), host("10.66.0.9", listed=listed)), inside)
    assert (found.unused == 0) is alone


def test_a_host_that_answers_inside_and_was_never_asked_from_outside_is_a_gap() -> None:
    both = within(host(states={PortState.OPEN: "22"}), host("10.66.0.3", {PortState.OPEN: "22"}))
    found = cell(outside(host(listed="10.66.0.0/24")), both)
    assert [(each.kind, str(each.address)) for each in found.gaps] == [
        (GapKind.NOT_ASKED, "10.66.0.3")
    ]


def test_listed_targets_must_all_be_asked() -> None:
    zone = TargetZone(
        name="cde",
        networks=(ip_network("10.66.0.0/16"),),
        targets=(ip_network(TARGET), ip_network("10.66.0.77")),
    )
    found = cell(outside(), within(), held=policy(zones=(zone,)))
    assert {each.kind for each in found.gaps} == {GapKind.NOT_ALIVE, GapKind.NOT_ASKED}
    assert {str(each.address) for each in found.gaps} == {"10.66.0.77"}


def test_portproofs_own_listeners_are_no_path() -> None:
    own = (endpoint(f"{TARGET}:50/tcp"),)
    found = cell(outside(seen_open(50), own_listeners=own), within())
    assert found.paths == ()


def test_the_record_names_runs_controls_and_what_started_them() -> None:
    started = outside(plan={"scope": "segmentation office to cde; started by CHG-7"})
    (first, second) = cell(started, within()).runs
    assert {first.inside, second.inside} == {True, False}
    ours = next(each for each in (first, second) if not each.inside)
    assert (ours.started_by, ours.operator) == ("CHG-7", "net-team")
    assert (ours.controls, ours.controls_as_expected) == (1, 1)


@pytest.mark.parametrize(
    ("outcome", "with_inside", "code"),
    [
        (host(), True, 0),
        (seen_open(50), True, 1),
        (host(), False, 3),
        (seen_open(50), False, 3),
    ],
)
def test_missing_evidence_wins_over_a_path_in_the_exit_code(
    outcome: HostOutcome, *, with_inside: bool, code: int
) -> None:
    runs = (outside(outcome), within()) if with_inside else (outside(outcome),)
    assert segmentation_exit_code(judged(*runs), Severity.MEDIUM) == code


def test_a_path_below_the_threshold_does_not_change_the_exit_code() -> None:
    matrix = judged(outside(seen_open(50)), within())
    assert segmentation_exit_code(matrix, Severity.CRITICAL) == 0


# ---------------------------------------------------------------- light vantages

PROXY = Way(kind=WayKind.SOCKS5, host="proxy.example.net")


def by_proxy(opened: str) -> HostOutcome:
    """The target as a proxy shows it: connections, and nothing that could be told of the rest."""
    asked, connected = ports(ALL_PORTS), ports(opened)
    return HostOutcome(
        host=planned_host(TARGET, tcp=ALL_PORTS),
        transport=Transport.TCP,
        states={PortState.OPEN: connected},
        reasons={Reason.PROXY_CONNECTED: connected},
        unmeasured={LocalFault.PROXY_CANNOT_TELL: asked - connected},
    )


def test_an_open_path_through_a_proxy_is_a_path() -> None:
    found = cell(outside(by_proxy("22"), plan={"through": PROXY}), within())
    assert found.state is CellState.EXCEPTIONS
    assert [str(each.ports) for each in found.paths] == ["22"]


def test_what_a_proxy_does_not_connect_to_is_no_evidence_of_a_boundary() -> None:
    found = cell(outside(by_proxy(""), plan={"through": PROXY}), within())
    assert found.state is CellState.INSUFFICIENT
    (gap,) = found.gaps
    assert (gap.kind, str(gap.ports), gap.detail) == (
        GapKind.NOT_MEASURED,
        ALL_PORTS,
        "proxy-cannot-tell",
    )


def test_the_record_of_a_run_names_the_proxy_that_it_went_through() -> None:
    found = cell(outside(by_proxy("22"), plan={"through": PROXY}), within())
    assert [each.through for each in found.runs if not each.inside] == [
        "socks5 proxy.example.net:1080"
    ]


def test_a_proxy_inside_that_connects_proves_a_target_alive() -> None:
    found = cell(outside(), within(by_proxy("22"), plan={"through": PROXY}))
    assert found.state is CellState.SUPPORTED


def test_a_vantage_of_its_own_fills_what_a_proxy_beside_it_cannot_tell() -> None:
    light = Vantage(id="light", zone="office")
    proxied = outside(by_proxy(""), plan={"through": PROXY, "vantage": light, "run_id": "light"})
    assert cell(proxied, outside(), within()).state is CellState.SUPPORTED
