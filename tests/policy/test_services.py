"""Names of services: what is the same, what is another, and what cannot be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from policy.worlds import services
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.model.observation import Identification, Service
from portproof.model.rule import ServiceRules
from portproof.policy.services import Match, RuleBook, compare, identity

IN_TLS = make.tls()
RULES = RuleBook(make.SERVICE_RULES)
TCP = Transport.TCP


@pytest.mark.parametrize(
    ("expected", "seen", "match"),
    [
        ("ssh", Service("ssh"), Match.SAME),
        ("SSH", Service("ssh"), Match.SAME),
        ("sftp", Service("ssh"), Match.SAME),
        ("domain", Service("dns"), Match.SAME),
        ("postgres", Service("postgresql"), Match.SAME),
        ("https", Service("http", tls=IN_TLS), Match.SAME),
        ("https", Service("http"), Match.OTHER),
        ("http", Service("http", tls=IN_TLS), Match.OTHER),
        ("tls", Service("http", tls=IN_TLS), Match.SAME),
        ("tls", Service("tls", tls=IN_TLS), Match.SAME),
        ("tls", Service("ssh"), Match.OTHER),
        ("https", Service("tls", tls=IN_TLS), Match.UNTOLD),
        ("ssh", Service("tls", tls=IN_TLS), Match.OTHER),
        ("http", Service("tls", tls=IN_TLS), Match.OTHER),
        ("smtps", Service("smtp", tls=IN_TLS), Match.SAME),
        ("smtps", Service("smtp"), Match.OTHER),
        ("smtp", Service("smtp", tls=IN_TLS), Match.SAME),
        ("redis", Service("tls", tls=IN_TLS), Match.UNTOLD),
        ("grafana", Service("http"), Match.UNTOLD),
        ("grafana", Service("http", tls=IN_TLS), Match.UNTOLD),
        ("grafana", Service("ssh"), Match.OTHER),
        ("ssh", Service("http"), Match.OTHER),
        ("postgresql", Service("http"), Match.OTHER),
        ("redis", Service("http", tls=IN_TLS), Match.OTHER),
        ("smtps", Service("http", tls=IN_TLS), Match.OTHER),
        ("postgresql", Service("tls", tls=IN_TLS), Match.UNTOLD),
        ("dns", Service("http", tls=IN_TLS), Match.UNTOLD),
        ("postgresql", Service("redis"), Match.OTHER),
        ("ssh", None, Match.UNTOLD),
        ("ssh", Service("ssh", identified_by=Identification.PORT_NUMBER), Match.UNTOLD),
    ],
)
def test_the_table_of_names(expected: str, seen: Service | None, match: Match) -> None:
    assert compare(expected, seen) is match


@given(st.text(), st.none() | services)
def test_any_two_names_compare_and_only_an_identified_service_contradicts(
    expected: str, seen: Service | None
) -> None:
    assert compare(expected, seen) is Match.UNTOLD or identity(seen)


def rule_at(port: int, service: Service | None) -> tuple[str, bool]:
    found = RULES.recognise(TCP, port, service)
    return (found.rule.service if found.rule else "", found.inferred)


def test_what_answered_wins_over_the_port_number() -> None:
    assert rule_at(6379, Service("ssh")) == ("ssh", False)


def test_a_port_number_is_a_hint_where_nothing_identified_itself() -> None:
    assert rule_at(6379, None) == ("redis", True)
    assert rule_at(9999, None) == ("", False)


def test_http_on_the_port_of_an_application_that_speaks_http_may_be_that() -> None:
    assert rule_at(2375, Service("http")) == ("docker-api", True)


def test_http_on_the_port_of_something_that_does_not_is_http() -> None:
    assert rule_at(5432, Service("http")) == ("http", False)


def test_tls_tells_nothing_of_what_is_inside() -> None:
    assert rule_at(6379, Service("tls", tls=IN_TLS)) == ("redis", True)


def test_an_identified_service_without_a_rule_has_none() -> None:
    assert rule_at(6379, Service("gopher")) == ("", False)


def test_transports_have_rules_of_their_own() -> None:
    assert RULES.recognise(Transport.UDP, 53, None).rule is not None
    assert RULES.recognise(TCP, 53, None).rule is None


def test_a_rule_may_stand_for_several_services() -> None:
    either = make.service_rule("grafana-or-dev", "3000", "observability", external=Severity.MEDIUM)
    book = RuleBook(ServiceRules(version="1", rules=(either,), digest=""))
    assert book.named(TCP, "grafana") is either
    assert book.named(TCP, "grafana-or-dev") is either


def test_an_empty_book_is_false() -> None:
    assert not RuleBook(ServiceRules(version="1", rules=(), digest=""))
