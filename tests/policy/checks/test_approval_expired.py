"""Approvals that ended while the port stayed open."""

from __future__ import annotations

from datetime import timedelta

import factories as make
from policy.judging import judge, judged, only
from portproof.model.finding import Severity, Verdict
from portproof.model.observation import Service

CLOSED = make.open_host()
YESTERDAY = make.TODAY - timedelta(days=1)
ENDED = make.approval(review_by=YESTERDAY)


def test_an_expired_approval_of_an_open_port_is_a_finding_beside_the_exposure() -> None:
    entry = make.entry(approval=ENDED)
    rules = {each.rule for each in judge(make.run(make.open_host(p22=None)), entry).deviations}
    assert rules == {"unapproved-exposure", "approval-expired"}
    found = only("approval-expired", make.open_host(p22=None), entry)
    assert found.facts == ("exception_expired",)
    assert "2026-11-20" in found.because


def test_it_is_high_where_the_exposure_is_critical() -> None:
    entry = make.entry(port_text="80,6379", approval=ENDED)
    host = make.open_host(p80=Service("http"), p6379=Service("redis"))
    severities = {
        each.subject.port: each.severity for each in judged("approval-expired", host, entry)
    }
    assert severities == {80: Severity.MEDIUM, 6379: Severity.HIGH}


def test_an_expired_approval_of_a_closed_port_is_no_finding() -> None:
    assert not judged("approval-expired", CLOSED, make.entry(approval=ENDED))


def test_a_port_that_another_entry_grants_is_no_finding() -> None:
    entries = (make.entry(approval=ENDED, id="old"), make.entry(id="new"))
    host = make.open_host(p22=None)
    assert not judged("approval-expired", host, *entries)
    assert only("unapproved-exposure", host, *entries).verdict is Verdict.CONFORMS
