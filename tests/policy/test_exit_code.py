"""What a check's exit code says: 3 wins over 1, and 1 over 0."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

import factories as make
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity, Verdict
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import PlannedHost, Resolution, RunRecord, RunStatus
from portproof.policy.exit_code import exit_code

COMPLETE = make.run()
UNKNOWN = make.judgement(verdict=Verdict.UNKNOWN)
REQUIRED = make.judgement(verdict=Verdict.UNKNOWN, required=True)
WAIVED = make.judgement(verdict=Verdict.WAIVED, severity=Severity.CRITICAL)


def test_nothing_found_is_0() -> None:
    assert exit_code(make.evaluation(), COMPLETE, Severity.MEDIUM) == 0


@pytest.mark.parametrize(
    ("severity", "code"), [(Severity.LOW, 0), (Severity.MEDIUM, 1), (Severity.CRITICAL, 1)]
)
def test_a_deviation_counts_from_the_given_severity_on(severity: Severity, code: int) -> None:
    found = make.evaluation(make.judgement(severity=severity))
    assert exit_code(found, COMPLETE, Severity.MEDIUM) == code


def test_a_waived_deviation_does_not_count() -> None:
    assert exit_code(make.evaluation(WAIVED), COMPLETE, Severity.INFO) == 0


def test_an_unknown_counts_only_when_something_required_hangs_on_it() -> None:
    assert exit_code(make.evaluation(UNKNOWN), COMPLETE, Severity.INFO) == 0
    assert exit_code(make.evaluation(REQUIRED), COMPLETE, Severity.INFO) == 3


@pytest.mark.parametrize("status", [RunStatus.INCONCLUSIVE, RunStatus.INTERRUPTED])
def test_a_run_that_is_not_conclusive_is_3_whatever_it_saw(status: RunStatus) -> None:
    run = make.run(status=status)
    assert exit_code(make.evaluation(), run, Severity.INFO) == 3


def test_3_wins_over_1() -> None:
    found = make.evaluation(make.judgement(severity=Severity.CRITICAL), REQUIRED)
    assert exit_code(found, COMPLETE, Severity.INFO) == 3


# ---------------------------------------------------------------- what was asked for and not seen

SEEN = make.host_outcome()
GONE = make.planned_host("10.0.0.6", tcp="1-9", udp="53,9999")
OF_OURS = [
    LocalFault.NO_ROUTE,
    LocalFault.NO_NEIGHBOUR,
    LocalFault.NO_SOCKETS,
    LocalFault.NO_PERMISSION,
]


def code(run: RunRecord) -> int:
    return exit_code(make.evaluation(), run, Severity.INFO)


@pytest.mark.parametrize("fault", OF_OURS)
def test_a_host_of_which_nothing_was_measured_is_3_though_others_were(fault: LocalFault) -> None:
    assert code(make.run(SEEN, make.host_outcome(GONE, unmeasured={fault: "1-9"}))) == 3


@pytest.mark.parametrize("fault", OF_OURS)
def test_a_host_of_which_something_was_measured_is_not(fault: LocalFault) -> None:
    assert code(make.run(SEEN, make.host_outcome(GONE, unmeasured={fault: "1-8"}))) == 0


def test_a_transport_of_which_nothing_was_measured_is_3_though_the_other_was() -> None:
    udp = make.host_outcome(
        GONE,
        transport=Transport.UDP,
        unmeasured={LocalFault.NO_PERMISSION: "53", LocalFault.NOT_PROBED: "9999"},
    )
    assert code(make.run(make.host_outcome(GONE), udp)) == 3


def test_udp_ports_without_a_probe_are_no_fault() -> None:
    udp = make.host_outcome(
        GONE, transport=Transport.UDP, unmeasured={LocalFault.NOT_PROBED: "53,9999"}
    )
    assert code(make.run(make.host_outcome(GONE), udp)) == 0


def test_a_host_whose_endpoints_are_missing_is_3() -> None:
    assert code(make.run(SEEN, make.host_outcome(GONE, fill=None))) == 3


def test_a_host_that_was_asked_nothing_over_a_transport_is_not() -> None:
    assert code(make.run(SEEN, make.host_outcome(GONE, fill=PortState.FILTERED))) == 0


@pytest.mark.parametrize(
    ("addresses", "tcp", "expected"), [((), "22", 3), ((), "", 0), (("10.0.0.5",), "22", 0)]
)
def test_a_name_that_did_not_resolve_is_3_where_ports_were_asked_of_it(
    addresses: tuple[str, ...], tcp: str, expected: int
) -> None:
    name = Resolution(
        name="shop.example.com",
        addresses=tuple(map(ip_address, addresses)),
        at=make.NOON,
        tcp=make.ports(tcp),
    )
    assert code(make.run(SEEN, plan={"resolutions": (name,)})) == expected


def test_an_address_of_a_network_without_a_neighbour_beside_living_ones_is_no_alarm() -> None:
    def of_the_network(address: str) -> PlannedHost:
        return replace(make.planned_host(address, tcp="1-9"), target="10.0.0.0/24")

    living = make.host_outcome(of_the_network("10.0.0.5"))
    unused = make.host_outcome(
        of_the_network("10.0.0.6"), unmeasured={LocalFault.NO_NEIGHBOUR: "1-9"}
    )
    unreachable = make.host_outcome(
        of_the_network("10.0.0.7"), unmeasured={LocalFault.NO_ROUTE: "1-9"}
    )
    assert code(make.run(living, unused)) == 0
    assert code(make.run(unused)) == 3
    assert code(make.run(living, unreachable)) == 3
