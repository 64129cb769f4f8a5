"""What nothing is claimed of is listed, once per host and cause, and never as a finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

import factories as make
from policy.judging import judge, judged, only
from portproof.model.endpoint import Transport
from portproof.model.finding import Verdict
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import Resolution


@pytest.mark.parametrize("fault", LocalFault)
def test_every_fault_is_told_with_its_ports(fault: LocalFault) -> None:
    found = only("not-measured", make.host_outcome(unmeasured={fault: "80,443"}))
    assert found.verdict is Verdict.UNKNOWN
    assert found.title == f"2 TCP ports of 10.0.0.5 not measured: {fault}"
    assert "80,443. Nothing is claimed of them." in found.because
    assert not found.required


def test_outcomes_that_never_came_back_are_told() -> None:
    missing = make.host_outcome(make.planned_host(tcp="80"), fill=None)
    assert only("not-measured", missing).title == (
        "1 TCP port of 10.0.0.5 not measured: no outcome came back"
    )


def test_a_long_list_of_ports_is_cut_and_counted() -> None:
    scattered = ",".join(map(str, range(1, 2000, 2)))
    found = only("not-measured", make.host_outcome(unmeasured={LocalFault.NO_SOCKETS: scattered}))
    assert "… (1000 in all)" in found.because
    assert len(found.because) < 300


def test_udp_silence_has_a_rule_of_its_own_because_it_was_measured() -> None:
    host = make.planned_host(tcp="", udp="53")
    silent = make.host_outcome(host, transport=Transport.UDP, fill=PortState.OPEN_FILTERED)
    assert only("no-response", silent).verdict is Verdict.UNKNOWN
    assert not judged("not-measured", silent)


def test_a_name_that_did_not_resolve_is_told() -> None:
    gone = Resolution(name="gone.example.com", addresses=(), at=make.NOON, detail="NXDOMAIN")
    (found,) = judge(make.run(plan={"resolutions": (gone,)})).unknown
    assert found.because == "gone.example.com did not resolve (NXDOMAIN). Nothing is claimed of it."


def test_a_host_that_was_measured_throughout_has_nothing_to_tell() -> None:
    assert not judge(make.run()).judgements


def test_a_udp_response_that_was_not_understood_is_not_called_silence() -> None:
    host = make.planned_host(tcp="", udp="53,123")
    silent = make.host_outcome(host, transport=Transport.UDP, fill=PortState.OPEN_FILTERED)
    reasons = {Reason.NO_RESPONSE: make.ports("123"), Reason.UDP_RESPONSE: make.ports("53")}
    outcome = replace(silent, reasons=reasons)
    assert only("no-response", outcome).because.endswith(
        "gave no response (open or filtered): 123. Nothing is claimed of them."
    )
    assert only("unrecognised-response", outcome).because.endswith(
        "gave a response that is not of the protocol asked (open or filtered): 53. "
        "Nothing is claimed of them."
    )


def test_the_ports_of_all_hosts_of_an_asset_are_counted() -> None:
    lost = {LocalFault.NO_ROUTE: "80,443"}
    hosts = [
        make.host_outcome(make.planned_host(address), unmeasured=lost)
        for address in ("10.0.0.5", "10.0.0.6")
    ]
    known = make.baseline(assets=(make.asset("shop", "10.0.0.0/24"),))
    (found,) = judge(make.run(*hosts), baseline=known).unknown
    assert found.title == "4 TCP ports of 2 hosts of shop not measured: no-route"
    assert "2 TCP ports of 10.0.0.5 not measured: no-route: 80,443; " in found.because
    assert "2 TCP ports of 10.0.0.6 not measured: no-route: 80,443." in found.because
