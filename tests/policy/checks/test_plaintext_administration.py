"""Administration in plain text, approved or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

import factories as make
from policy.judging import judge, judged
from portproof.model.baseline import Mitigation
from portproof.model.finding import Severity
from portproof.model.observation import Service

MITIGATED = Mitigation(measure="reachable through the bastion only", checked_by="monthly test")


@pytest.mark.parametrize(
    ("zone", "severity"), [("internet", Severity.HIGH), ("office", Severity.MEDIUM)]
)
def test_telnet_is_administration_in_plain_text_approved_or_not(
    zone: str, severity: Severity
) -> None:
    vantage = replace(make.VANTAGE, zone=zone)
    run = make.run(make.open_host(p23=Service("telnet")), plan={"vantage": vantage})
    entry = make.entry(port_text="23", zones=(zone,), mitigation=MITIGATED)
    for entries in ((), (entry,)):
        (found,) = (
            each
            for each in judge(run, *entries).deviations
            if each.rule == "plaintext-administration"
        )
        assert (found.severity, found.facts) == (severity, ("plaintext_admin",))


@pytest.mark.parametrize(
    "service",
    [None, Service("ssh"), Service("telnet", tls=make.tls())],
    ids=["unidentified", "ssh", "inside TLS"],
)
def test_only_what_identified_itself_in_clear_text_is_plain_text(service: Service | None) -> None:
    assert not judged("plaintext-administration", make.open_host(p23=service))
