"""Services that are approved and insecure by protocol."""

from __future__ import annotations

from datetime import timedelta

import pytest

import factories as make
from policy.judging import judged, only
from portproof.model.baseline import Mitigation
from portproof.model.finding import Verdict
from portproof.model.observation import Service

MITIGATED = Mitigation(measure="reachable through the bastion only", checked_by="monthly test")
FTP = make.open_host(p21=Service("ftp"))


def test_an_insecure_service_with_everything_on_record_conforms_and_supports() -> None:
    found = only("insecure-service", FTP, make.entry(port_text="21", mitigation=MITIGATED))
    assert (found.verdict, found.facts) == (Verdict.CONFORMS, ("insecure_mitigated",))
    assert "reachable through the bastion only (checked by: monthly test)" in found.because


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({}, "no mitigation"),
        ({"mitigation": MITIGATED, "justification": " "}, "no justification"),
        ({"mitigation": MITIGATED, "approval": make.approval(approver="")}, "no approver"),
        ({"mitigation": MITIGATED, "approval": make.approval(review_by=None)}, "no review date"),
    ],
)
def test_an_insecure_service_that_lacks_something_on_record_deviates(
    changes: dict[str, object], lacking: str
) -> None:
    found = only("insecure-service", FTP, make.entry(port_text="21", **changes))
    assert (found.verdict, found.facts) == (Verdict.DEVIATES, ("insecure_unmitigated",))
    assert lacking in found.because


def test_a_mitigation_on_record_covers_an_insecure_service_while_its_entry_is_in_force() -> None:
    def exposed(**changes: object) -> tuple[str, ...]:
        return only("unapproved-exposure", FTP, make.entry(port_text="21", **changes)).facts

    assert exposed(mitigation=MITIGATED) == ()
    assert exposed() == ("insecure_service",)
    assert exposed(mitigation=MITIGATED, justification=" ") == ("insecure_service",)
    expired = make.approval(review_by=make.NOON.date() - timedelta(days=1))
    assert "insecure_service" in exposed(mitigation=MITIGATED, approval=expired)


def test_an_unapproved_insecure_service_is_one_finding_and_not_two() -> None:
    assert not judged("insecure-service", FTP)


def test_an_insecure_service_is_known_by_what_its_entry_says_it_approved() -> None:
    entry = make.entry(port_text="2121", service="ftp")
    assert judged("insecure-service", make.open_host(p2121=None), entry)


def test_an_approved_port_is_not_called_insecure_for_its_number() -> None:
    assert not judged("insecure-service", make.open_host(p21=None), make.entry(port_text="21"))


def test_a_name_service_is_no_insecure_service_though_it_can_amplify() -> None:
    host = make.planned_host(tcp="", udp="19,53")
    udp = make.Transport.UDP
    answers = {53: Service("dns"), 19: Service("chargen")}
    outcome = make.host_outcome(
        host, transport=udp, states={make.PortState.OPEN: "19,53"}, services=answers
    )
    (found,) = judged("insecure-service", outcome, make.entry(port_text="19,53", transport=udp))
    assert found.service == "chargen"


def test_a_data_store_that_asks_for_no_credentials_is_insecure() -> None:
    entry = make.entry(port_text="6379")
    asks = make.open_host(p6379=Service("redis", attributes={"auth": "required"}))
    open_to_all = make.open_host(p6379=Service("redis", attributes={"auth": "none"}))
    assert not judged("insecure-service", asks, entry)
    assert judged("insecure-service", open_to_all, entry)
