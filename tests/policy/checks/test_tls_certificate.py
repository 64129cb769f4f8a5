"""Certificates: what the handshake showed, and nothing beyond it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from policy.judging import judged, only
from portproof.model.finding import Judgement, Severity, Verdict
from portproof.model.observation import PortState, Service, TlsFacts
from portproof.policy.checks.tls_certificate import names_host

RULE = "tls-certificate"
DAY = timedelta(days=1)


def shown(
    name: str | None = None, sni: str | None = None, tags: str = "", **leaf: Any
) -> Judgement:
    tls = make.tls(make.certificate(**leaf), server_name=sni)
    host = make.planned_host(name=name, tcp="443")
    outcome = make.host_outcome(
        host, states={PortState.OPEN: "443"}, services={443: Service("http", tls=tls)}
    )
    assets = (make.asset("shop", tags=frozenset(tags.split())),)
    return only(RULE, outcome, baseline=make.baseline(assets=assets))


def test_a_certificate_without_a_problem_conforms() -> None:
    assert shown().verdict is Verdict.CONFORMS


def test_an_expired_certificate_deviates_from_after_its_last_instant_on() -> None:
    assert "ends soon" in shown(not_after=make.NOON).title
    found = shown(not_after=make.NOON - timedelta(microseconds=1))
    assert (found.verdict, found.severity) == (Verdict.DEVIATES, Severity.MEDIUM)
    assert found.title == "TLS certificate on port 443/tcp: expired"
    assert found.facts == ("tls_cert_problem",)


def test_an_expired_certificate_where_cards_are_paid_is_high() -> None:
    for tags in ("payment", "Payment"):
        assert shown(tags=tags, not_after=make.NOON - DAY).severity is Severity.HIGH


def test_a_certificate_that_begins_tomorrow_is_not_yet_valid() -> None:
    assert "not yet valid" in shown(not_before=make.NOON + DAY).title


@pytest.mark.parametrize(
    ("left", "verdict"), [(29, Verdict.DEVIATES), (30, Verdict.DEVIATES), (31, Verdict.CONFORMS)]
)
def test_a_certificate_that_ends_within_thirty_days_is_low(left: int, verdict: Verdict) -> None:
    found = shown(not_after=make.NOON + left * DAY)
    assert found.verdict is verdict
    assert found.severity in (Severity.LOW, None)


def test_a_name_is_compared_only_when_it_was_listed_and_sent() -> None:
    other = "shop.example.com"
    assert shown(name=other, sni=other).verdict is Verdict.DEVIATES
    assert shown(name=other, sni=None).verdict is Verdict.CONFORMS
    assert shown(name=None).verdict is Verdict.CONFORMS
    assert shown(name="www.example.com", sni="www.example.com").verdict is Verdict.CONFORMS


def test_a_self_signed_certificate_is_no_deviation_because_nothing_was_verified() -> None:
    assert shown(self_signed=True, issuer="CN=www.example.com").verdict is Verdict.CONFORMS


def test_several_problems_are_one_finding_with_the_worst_severity() -> None:
    found = shown(name="a.org", sni="a.org", tags="payment", not_after=make.NOON - DAY)
    assert found.severity is Severity.HIGH
    assert [step.rule for step in found.trace] == ["other name", "expired"]


def test_a_certificate_that_could_not_be_read_is_unknown() -> None:
    bare = TlsFacts(version="TLSv1.3", cipher="x", certificate=None)
    found = only(RULE, make.open_host(p443=Service("tls", tls=bare)))
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, False)


def test_a_port_without_tls_has_no_certificate() -> None:
    assert not judged(RULE, make.open_host(p80=Service("http")))


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (("www.example.com",), "WWW.example.com.", True),
        (("*.example.com",), "www.example.com", True),
        (("*.example.com",), "a.b.example.com", False),
        (("*.example.com",), "example.com", False),
        (("example.com",), "www.example.com", False),
        ((), "www.example.com", False),
        (("*",), "localhost", False),
        (("*.",), "localhost", False),
    ],
)
def test_a_wildcard_stands_for_the_whole_leftmost_label(
    names: tuple[str, ...], host: str, *, fits: bool
) -> None:
    assert names_host(make.certificate(names=names), host) is fits


@given(st.lists(st.text(max_size=20), max_size=3), st.text(max_size=20))
def test_no_name_breaks_the_comparison(names: list[str], host: str) -> None:
    assert names_host(make.certificate(names=tuple(names)), host) in (True, False)
