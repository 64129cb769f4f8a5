"""`custom/…`: what a customer's rule says of each open port, and what it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

import factories as make
from own_rules import judging, rule
from policy.judging import judge, judged, only
from portproof.model.custom_rule import CustomRule
from portproof.model.finding import Evaluation, Severity, Verdict
from portproof.model.observation import PortState, Service
from portproof.model.scan import HostOutcome
from portproof.model.vantage import Vantage

RULE = "custom/odd"
HTTPS = Service("http", "nginx", tls=make.tls())
SSH = Service("ssh", "OpenSSH_9.2")


def by(host: HostOutcome, *rules: CustomRule, **changes: Any) -> Evaluation:
    return judge(make.run(host), custom=judging(*rules), **changes)


def ports_of(evaluation: Evaluation, verdict: Verdict) -> list[str]:
    """Give the ports of a verdict, each host's as a text."""
    found = (each for each in evaluation.judgements if each.rule == RULE)
    held = [each for each in found if each.verdict is verdict]
    return [str(one.ports) for each in held for one in each.extent] or [
        str(each.subject.port) for each in held
    ]


def test_an_open_port_of_which_the_expression_is_true_deviates() -> None:
    host = make.open_host(p22=SSH, p443=HTTPS)
    evaluation = by(host, rule('service == "ssh"', severity=Severity.HIGH))
    assert ports_of(evaluation, Verdict.DEVIATES) == ["22"]
    assert ports_of(evaluation, Verdict.CONFORMS) == ["443"]


def test_a_deviation_carries_all_that_a_finding_has() -> None:
    found = only(
        RULE,
        make.open_host(p22=SSH),
        custom=judging(
            rule(
                'service == "ssh" && tier < 3 || banner.startsWith("OpenSSH")',
                severity=Severity.HIGH,
                because="{banner} on {port} of {{the}} host, tier {tier}",
                action="Close it.",
                controls=("pci:1.2.5",),
                owner="net-team",
            )
        ),
    )
    assert found.title == "Odd port: port 22/tcp"
    assert found.because == (
        "TCP 22 on 10.0.0.5 accepted a connection from ext-1 at 2026-11-21T12:00:00Z (1 attempt); "
        "it identified itself as ssh (protocol answer). "
        "OpenSSH_9.2 on 22 of {the} host, tier (not known). "
        'The rule custom/odd looked at: banner = "OpenSSH_9.2", service = "ssh", tier = (not known).'
    )
    assert (found.severity, found.trace[-1].severity) == (Severity.HIGH, Severity.HIGH)
    assert found.trace[-1].because == "the rule custom/odd in rules.yaml:4 gives it"
    assert (found.owner, found.action, found.controls) == ("net-team", "Close it.", ("pci:1.2.5",))
    assert found.location is not None
    assert (found.location.file, found.location.line) == ("rules.yaml", 4)
    assert found.evidence == ("e" * 64,)


@pytest.mark.parametrize(
    ("asset", "of_rule", "owner"),
    [("web-team", "net-team", "web-team"), ("", "net-team", "net-team"), ("", "", "Web team")],
)
def test_the_owner_is_that_of_the_asset_else_of_the_rule_else_of_the_entry(
    asset: str, of_rule: str, owner: str
) -> None:
    found = only(
        RULE,
        make.open_host(p22=SSH),
        baseline=make.baseline(make.entry(), assets=(make.asset("shop", owner=asset),)),
        custom=judging(rule("port == 22", owner=of_rule)),
    )
    assert (found.owner, found.entry_id) == (owner, "")


@pytest.mark.parametrize("verdict", [Verdict.DEVIATES, Verdict.WAIVED])
def test_a_waiver_accepts_it_by_the_id_with_its_prefix(verdict: Verdict) -> None:
    named = RULE if verdict is Verdict.WAIVED else "custom/other"
    found = only(
        RULE,
        make.open_host(p22=SSH),
        custom=judging(rule("port == 22")),
        waivers=make.waivers(make.waiver(named)),
    )
    assert found.verdict is verdict


# ---------------------------------------------------------------- selectors


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, ["22,443"]),
        ({"tcp": make.ports("443")}, ["443"]),
        ({"tcp": make.ports("")}, []),
        ({"zones": frozenset({"internet"})}, ["22,443"]),
        ({"zones": frozenset({"office"})}, []),
        ({"tags": frozenset({"pci", "other"})}, ["22,443"]),
        ({"tags": frozenset({"other"})}, []),
    ],
)
def test_only_what_the_selectors_leave_reaches_the_expression(
    changes: dict[str, Any], asked: list[str]
) -> None:
    baseline = make.baseline(assets=(make.asset("shop", tags=frozenset({"pci"})),))
    fails = rule("1 / (port - port) == 1", **changes)
    evaluation = by(make.open_host(p22=SSH, p443=HTTPS), fails, baseline=baseline)
    assert ports_of(evaluation, Verdict.UNKNOWN) == asked


def test_a_closed_port_is_nobodys_business() -> None:
    host = make.host_outcome(states={PortState.CLOSED: "22", PortState.OPEN: "80"})
    assert ports_of(by(host, rule("port == 22")), Verdict.DEVIATES) == []


def test_without_rules_there_is_nothing_to_say() -> None:
    assert judged(RULE, make.open_host(p22=SSH)) == ()
    evaluation = by(make.open_host(p22=SSH))
    assert [each for each in evaluation.judgements if each.rule.startswith("custom/")] == []


# ---------------------------------------------------------------- what cannot be told


def test_what_was_not_measured_is_unknown_in_one_judgement_for_each_asset() -> None:
    found = only(RULE, make.open_host(p22=None, p443=None), custom=judging(rule('service == "x"')))
    assert (found.verdict, found.required, found.severity) == (Verdict.UNKNOWN, False, None)
    assert found.title == "Odd port: 2 TCP ports of 10.0.0.5 not judged, not known"
    assert found.because == (
        "The rule custom/odd says nothing of 2 TCP ports (10.0.0.5: 22,443): it reads service, "
        "which has no value: what answers did not identify itself, or was not asked. "
        "Nothing is claimed of them."
    )


def test_a_rule_that_asks_first_whether_it_is_there_has_an_answer() -> None:
    guarded = rule('"service" in known && service == "telnet"')
    evaluation = by(make.open_host(p22=None, p23=Service("telnet")), guarded)
    assert ports_of(evaluation, Verdict.DEVIATES) == ["23"]
    assert ports_of(evaluation, Verdict.CONFORMS) == ["22"]


def test_a_rule_that_fails_is_unknown_and_something_required_was_not_judged() -> None:
    evaluation = by(make.open_host(p22=SSH, p80=None), rule("1 / (port - 22) == 1"))
    (found,) = [each for each in evaluation.unknown if each.rule == RULE]
    assert found.required
    assert "divide by zero" in found.because
    assert "Mend the expression of the rule in rules.yaml:4" in found.action
    assert ports_of(evaluation, Verdict.CONFORMS) == ["80"]


def test_one_rule_that_fails_leaves_the_others_alone() -> None:
    fails = rule("1 / (port - 22) == 1", "failing")
    evaluation = by(make.open_host(p22=SSH), fails, rule("port == 22"))
    assert ports_of(evaluation, Verdict.DEVIATES) == ["22"]


def ticking(seconds: float) -> Callable[[], float]:
    """Give a clock that goes on by so much each time that somebody looks at it."""
    ticks: Iterator[int] = count()
    return lambda: next(ticks) * seconds


def test_when_the_time_is_used_up_the_rest_is_unknown_and_never_silent() -> None:
    host = make.open_host(p1=SSH, p2=SSH, p3=SSH, p4=SSH)
    custom = judging(rule("port > 0"), budget_s=2.5, elapsed_s=ticking(1.0))
    evaluation = judge(make.run(host), custom=custom)
    assert ports_of(evaluation, Verdict.UNKNOWN) == ["3-4"]
    (found,) = [each for each in evaluation.unknown if each.rule == RULE]
    assert found.required
    assert "the 2.5 seconds that custom rules have for one run were used up" in found.because


def test_a_zone_that_a_rule_does_not_look_from_is_none_of_the_ids_judged_by() -> None:
    custom = judging(rule("approved", zones=frozenset({"office"})), rule("approved", "other"))
    assert judge(make.run(), custom=custom).custom_rules == frozenset({"custom/other"})
    desk = Vantage(id="desk", zone="office")
    run = make.run(plan={"vantage": desk})
    assert judge(run, custom=custom).custom_rules == frozenset({"custom/odd", "custom/other"})
    assert judge(run).custom_rules is None
