"""Scan, listeners and intent side by side: every cell of the table, and nothing guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories as make
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.ports import PortSet
from portproof.model.reconcile import (
    Action,
    Filter,
    Intent,
    IntentRule,
    Listener,
    Listening,
    ReconcileRow,
    Standing,
)
from portproof.model.scan import HostOutcome
from portproof.policy.reconcile import HostAccounts, Vicinity, let_through, reconcile

HERE = Vicinity(zone="internet", networks=(make.network("198.51.100.7"),))
ADDRESS = make.endpoint("10.0.0.5:1/tcp").address


def listening(*ports: int, **changes: Any) -> Listening:
    held = (
        Listener(
            **(
                {
                    "transport": Transport.TCP,
                    "port": each,
                    "address": None,
                    "versions": (4,),
                    "process": "nginx",
                }
                | changes
            )
        )
        for each in ports
    )
    return Listening(file="ss.txt", listeners=tuple(held))


def rule(port_text: str, action: Action = Action.ALLOW, **changes: Any) -> IntentRule:
    location = SourceLocation(file="rules.csv", line=2)
    return IntentRule(
        **(
            {
                "action": action,
                "text": "a rule",
                "location": location,
                "ports": make.ports(port_text),
            }
            | changes
        )
    )


def intent(*rules: IntentRule, default: Action = Action.DENY) -> Intent:
    return Intent(file="rules.csv", filters=(Filter(name="input", rules=rules, default=default),))


def rows(
    outcome: HostOutcome, held: Listening | None, *intents: Intent, **changes: Any
) -> tuple[ReconcileRow, ...]:
    accounts = {ADDRESS: HostAccounts(listening=held, intents=intents)}
    return reconcile(make.run(outcome, **changes), accounts, HERE)


def told(held: Sequence[ReconcileRow]) -> list[tuple[Standing, str, str]]:
    return [(each.standing, each.ports, each.intent) for each in held]


def test_open_and_listening_is_exposed_and_names_the_program() -> None:
    (row,) = rows(make.open_host(p443=None), listening(443), intent(rule("443")))
    assert (row.standing, row.scan, row.listening, row.intent) == (
        Standing.EXPOSED,
        "open",
        "nginx",
        "allow",
    )
    assert not row.contradiction


def test_open_although_intent_denies_it_contradicts() -> None:
    (row,) = rows(make.open_host(p443=None), listening(443), intent())
    assert (row.standing, row.intent, row.contradiction) == (Standing.EXPOSED, "deny", True)


def test_open_where_nothing_listens_was_answered_by_a_middlebox() -> None:
    (row,) = rows(make.open_host(p443=None), listening())
    assert (row.standing, row.contradiction) == (Standing.MIDDLEBOX, True)


@pytest.mark.parametrize("state", [PortState.CLOSED, PortState.FILTERED])
def test_listening_and_not_reachable_is_filtered_and_contradicts_only_an_allowing_intent(
    state: PortState,
) -> None:
    outcome = make.host_outcome(states={state: "443"})
    (denied,) = rows(outcome, listening(443), intent())
    assert (denied.standing, denied.contradiction) == (Standing.FILTERED, False)
    (allowed,) = rows(outcome, listening(443), intent(rule("443")))
    assert (allowed.standing, allowed.contradiction) == (Standing.FILTERED, True)


def test_a_rule_that_lets_through_to_nobody_is_stale_and_is_one_row() -> None:
    (row,) = rows(make.host_outcome(), listening(), intent(rule("8000-8010,9000")))
    assert (row.standing, row.ports, row.count) == (Standing.STALE, "8000-8010,9000", 12)
    assert (row.rule, row.contradiction) == ("a rule (rules.csv:2)", True)


def test_what_a_default_lets_through_is_no_stale_rule() -> None:
    assert not rows(make.host_outcome(), listening(), intent(default=Action.ALLOW))


@pytest.mark.parametrize(
    ("outcome", "scan"),
    [
        (
            make.host_outcome(unmeasured={LocalFault.NO_SOCKETS: "443"}),
            "not measured (no-sockets)",
        ),
        (make.host_outcome(make.planned_host(tcp="22")), "not asked"),
        (make.host_outcome(states={PortState.OPEN_FILTERED: "443"}), "open|filtered"),
        (make.host_outcome(fill=None), "missing"),
    ],
    ids=["fault", "not asked", "silent", "missing"],
)
def test_a_listener_that_the_run_tells_nothing_of_is_not_measured(
    outcome: HostOutcome, scan: str
) -> None:
    (row,) = rows(outcome, listening(443))
    assert (row.standing, row.scan) == (Standing.NOT_MEASURED, scan)


def test_without_a_list_of_listeners_an_open_port_is_not_called_a_middlebox() -> None:
    (row,) = rows(make.open_host(p443=None), None, intent(rule("443,8080")))
    assert (row.standing, row.listening) == (Standing.NOT_MEASURED, "not known")


def test_a_listener_on_loopback_serves_no_other_address() -> None:
    inside = make.endpoint("127.0.0.1:1/tcp").address
    assert not rows(make.host_outcome(), listening(443, address=inside))


def test_a_socket_that_may_be_dual_stack_is_not_known() -> None:
    unsure = listening(443, versions=(6,), unsure=(4,))
    (row,) = rows(make.open_host(p443=None), unsure)
    assert (row.standing, row.listening) == (Standing.NOT_MEASURED, "not known")


def test_our_own_listeners_are_left_out() -> None:
    own = make.endpoint("10.0.0.5:443/tcp")
    assert not rows(make.open_host(p443=None), listening(443), own_listeners=(own,))


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (None, Action.ALLOW),
        ((make.network("0.0.0.0/0"),), Action.ALLOW),
        ((make.network("198.51.100.0/24"),), Action.ALLOW),
        ((make.network("10.9.0.0/16"),), Action.DENY),
        ((make.network("2001:db8::/32"),), Action.DENY),
    ],
)
def test_a_rule_counts_for_the_addresses_of_the_vantage(
    sources: tuple[Network, ...] | None, expected: Action
) -> None:
    let = let_through([intent(rule("22", sources=sources))], ADDRESS, Transport.TCP, HERE)
    assert let is not None
    assert let.of(22) is expected


@pytest.mark.parametrize(
    "vicinity",
    [
        Vicinity(zone="internet", networks=()),
        Vicinity(zone="internet", networks=(make.network("10.8.0.0/15"),)),
    ],
    ids=["addresses not declared", "some of them"],
)
def test_where_only_some_addresses_of_the_vantage_may_match_nothing_is_guessed(
    vicinity: Vicinity,
) -> None:
    some = intent(rule("22", sources=(make.network("10.9.0.0/16"),)))
    let = let_through([some], ADDRESS, Transport.TCP, vicinity)
    assert let is not None
    assert let.of(22) is Action.UNKNOWN
    assert let.of(23) is Action.DENY


def test_the_first_rule_that_matches_for_certain_counts() -> None:
    held = intent(rule("22", Action.DENY), rule("1-100"))
    let = let_through([held], ADDRESS, Transport.TCP, HERE)
    assert let is not None
    assert (let.of(22), let.of(23), let.of(101)) == (Action.DENY, Action.ALLOW, Action.DENY)


def test_a_rule_that_is_not_understood_blurs_its_own_ports_only() -> None:
    held = intent(rule("22", exact=False), rule("22,23"))
    let = let_through([held], ADDRESS, Transport.TCP, HERE)
    assert let is not None
    assert (let.of(22), let.of(23)) == (Action.ALLOW, Action.ALLOW)
    denied = intent(rule("22", exact=False))
    let = let_through([denied], ADDRESS, Transport.TCP, HERE)
    assert let is not None
    assert (let.of(22), let.of(23)) == (Action.UNKNOWN, Action.DENY)


def test_every_filter_has_to_allow() -> None:
    let = let_through([intent(rule("22,80")), intent(rule("22"))], ADDRESS, Transport.TCP, HERE)
    assert let is not None
    assert (let.of(22), let.of(80)) == (Action.ALLOW, Action.DENY)


some_rules = st.lists(
    st.builds(
        lambda ports, action, exact: rule(ports, action, exact=exact),
        st.sampled_from(["22", "22,80", "1-100", "-"]),
        st.sampled_from(Action),
        st.booleans(),
    ),
    max_size=5,
)


@given(some_rules, st.sampled_from([Action.ALLOW, Action.DENY]))
@settings(max_examples=60, deadline=None)
def test_every_port_is_allowed_denied_or_not_understood(
    rules: list[IntentRule], default: Action
) -> None:
    let = let_through([intent(*rules, default=default)], ADDRESS, Transport.TCP, HERE)
    assert let is not None
    assert let.allowed | let.denied | let.unknown == PortSet.all_ports()
    assert not (let.allowed & let.denied) | (let.unknown & (let.allowed | let.denied))
    certain = all(each.exact and each.action is not Action.UNKNOWN for each in rules)
    assert not (certain and let.unknown)
