"""An approved port that negotiated less than its entry asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import factories as make
from policy.judging import judged, only
from portproof.model.baseline import Status, TlsVersion
from portproof.model.finding import Judgement, Severity, Verdict
from portproof.model.observation import Service
from portproof.model.scan import HostOutcome

RULE = "tls-floor"
DAY_BEFORE = make.NOON.date().replace(year=2025)


def spoke(version: str) -> HostOutcome:
    return make.open_host(p443=Service("http", tls=replace(make.tls(), version=version)))


def found(version: str, floor: TlsVersion | None = TlsVersion.V1_2, **changes: Any) -> Judgement:
    return only(RULE, spoke(version), make.entry(port_text="443", tls_at_least=floor, **changes))


@pytest.mark.parametrize(
    ("version", "floor", "verdict"),
    [
        ("TLSv1.3", "1.2", Verdict.CONFORMS),
        ("TLSv1.2", "1.2", Verdict.CONFORMS),
        ("TLSv1.1", "1.2", Verdict.DEVIATES),
        ("TLSv1", "1.1", Verdict.DEVIATES),
        ("TLSv1", "1.0", Verdict.CONFORMS),
        ("SSLv3", "1.0", Verdict.DEVIATES),
        ("TLSv1.2", "1.3", Verdict.DEVIATES),
        ("DTLSv1", "1.1", Verdict.CONFORMS),
        ("DTLSv1.2", "1.3", Verdict.DEVIATES),
    ],
)
def test_what_was_negotiated_is_held_against_the_floor(
    version: str, floor: str, verdict: Verdict
) -> None:
    assert found(version, TlsVersion(floor)).verdict is verdict


def test_an_older_version_is_a_medium_deviation_and_names_both_versions() -> None:
    judgement = found("TLSv1.1")
    assert judgement.severity is Severity.MEDIUM
    assert judgement.title == "TLS older than 1.2 on port 443/tcp: TLSv1.1"
    assert judgement.facts == ("tls_weak",)
    assert judgement.entry_id == "web"
    assert "negotiated TLSv1.1; entry web asks for TLS 1.2 at least" in judgement.because


def test_a_good_handshake_claims_nothing_of_other_versions() -> None:
    judgement = found("TLSv1.3")
    assert judgement.facts == ()
    assert "not every version that is enabled" in judgement.because


@pytest.mark.parametrize("service", [None, Service("http")])
def test_without_a_handshake_on_record_nothing_is_known(service: Service | None) -> None:
    entry = make.entry(port_text="443", tls_at_least=TlsVersion.V1_2)
    judgement = only(RULE, make.open_host(p443=service), entry)
    assert (judgement.verdict, judgement.required) == (Verdict.UNKNOWN, False)
    assert "no TLS handshake is on record" in judgement.because


def test_a_version_that_nobody_knows_is_unknown() -> None:
    assert found("GMTLSv9").verdict is Verdict.UNKNOWN


def test_an_entry_without_a_floor_says_nothing_of_tls() -> None:
    assert not judged(RULE, spoke("TLSv1"), make.entry(port_text="443"))


@pytest.mark.parametrize(
    "changes",
    [{"status": Status.PROPOSED}, {"approval": make.approval(review_by=DAY_BEFORE)}],
)
def test_an_entry_that_grants_nothing_asks_for_nothing(changes: dict[str, Any]) -> None:
    entry = make.entry(port_text="443", tls_at_least=TlsVersion.V1_3, **changes)
    assert not judged(RULE, spoke("TLSv1"), entry)


def test_of_two_entries_the_stricter_floor_counts() -> None:
    entries = [
        make.entry(port_text="443", id=f"e-{floor}", tls_at_least=floor)
        for floor in (TlsVersion.V1_2, TlsVersion.V1_3, TlsVersion.V1_1)
    ]
    judgement = only(RULE, spoke("TLSv1.2"), *entries)
    assert (judgement.verdict, judgement.entry_id) == (Verdict.DEVIATES, "e-1.3")
