"""The port is approved, and something else answers."""

from __future__ import annotations

import factories as make
from policy.judging import judged, only
from portproof.model.finding import Severity, Verdict
from portproof.model.observation import Service


def test_another_service_than_the_approved_one_is_a_mismatch() -> None:
    found = only(
        "service-mismatch", make.open_host(p22=Service("redis")), make.entry(service="ssh")
    )
    assert (found.verdict, found.severity) == (Verdict.DEVIATES, Severity.MEDIUM)
    assert found.facts == ("service_mismatch",)
    assert found.title == "Another service than ssh answers: redis on port 22/tcp"


def test_https_that_turns_out_to_be_http_is_a_mismatch() -> None:
    host = make.open_host(p443=Service("http"))
    found = only("service-mismatch", host, make.entry(port_text="443", service="https"))
    assert found.verdict is Verdict.DEVIATES


def test_a_service_that_did_not_identify_itself_is_unknown_and_nothing_hangs_on_it() -> None:
    found = only("service-mismatch", make.open_host(p22=None), make.entry(service="ssh"))
    assert (found.verdict, found.required, found.facts) == (Verdict.UNKNOWN, False, ())


def test_an_entry_without_a_service_approves_whatever_answers() -> None:
    assert not judged("service-mismatch", make.open_host(p22=Service("redis")), make.entry())


def test_an_unapproved_port_has_no_service_to_differ_from() -> None:
    assert not judged("service-mismatch", make.open_host(p22=Service("redis")))


def test_where_two_entries_grant_a_port_either_service_fits() -> None:
    entries = (make.entry(service="ssh", id="a"), make.entry(service="redis", id="b"))
    found = only("service-mismatch", make.open_host(p22=Service("redis")), *entries)
    assert found.verdict is Verdict.CONFORMS
