"""What a changed baseline would do: to observed ports, to zones, and what its entries lack."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

import factories as make
from policy.worlds import baselines, runs
from portproof.model.baseline import (
    BaselineEntry,
    BaselineZone,
    Mitigation,
    Presence,
    SourceLocation,
    Status,
    TlsVersion,
)
from portproof.model.change_plan import ChangePlan, Effect, LackKind, WeakeningKind
from portproof.model.drift import GapReason
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, Service
from portproof.model.scan import RunRecord, RunStatus
from portproof.policy.plan_change import plan_change

DAY = date(2026, 11, 21)
RUN = make.run(make.open_host(p22=Service("ssh"), p8080=None))


def plan(
    before: tuple[BaselineEntry, ...],
    after: tuple[BaselineEntry, ...],
    run: RunRecord | None = RUN,
) -> ChangePlan:
    return plan_change(make.baseline(*before), make.baseline(*after), run, make.VANTAGES, on=DAY)


def test_observed_ports_become_approved_or_unapproved() -> None:
    held = plan((make.entry(port_text="22"),), (make.entry(port_text="8080"),))
    assert [(each.effect, str(each.endpoint), each.service) for each in held.effects] == [
        (Effect.BECOMES_APPROVED, "10.0.0.5:8080/tcp", ""),
        (Effect.BECOMES_UNAPPROVED, "10.0.0.5:22/tcp", "ssh"),
    ]


def test_a_port_whose_entry_was_removed_has_no_line_of_its_own_any_more() -> None:
    (effect,) = plan((make.entry(port_text="22"),), ()).effects
    assert (effect.entry.id, effect.kept) == ("web", None)
    assert [each.id for each in plan((make.entry(),), ()).removed] == ["web"]


def test_a_closed_port_that_becomes_required_would_be_missing() -> None:
    allowed = make.entry(port_text="5432", id="db")
    (effect,) = plan((allowed,), (make.required(port_text="5432"),)).effects
    assert effect.effect is Effect.BECOMES_MISSING


def test_what_the_run_did_not_measure_is_a_gap_and_no_effect() -> None:
    lost = make.run(make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "22"}))
    held = plan((), (make.entry(port_text="22"),), lost)
    assert not held.effects
    assert [each.reason for each in held.gaps] == [GapReason.UNMEASURED_AFTER]
    narrow = make.run(make.host_outcome(make.planned_host(tcp="80")))
    held = plan((), (make.entry(port_text="22"),), narrow)
    assert [each.reason for each in held.gaps] == [GapReason.NOT_ASKED]


def test_changed_entries_that_the_run_shows_nothing_of_are_listed() -> None:
    held = plan((), (make.entry("10.0.0.77", id="far"), make.entry(zones=("office",), id="in")))
    assert [each.id for each in held.unseen] == ["far", "in"]


def test_without_a_run_nothing_is_said_of_observed_ports() -> None:
    held = plan((), (make.entry(),), run=None)
    assert (held.effects, held.gaps, held.unseen) == ((), (), ())
    assert held.weakenings


MITIGATED = Mitigation(measure="a proxy")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ({}, {"zones": ("internet", "office")}, WeakeningKind.MORE_ZONES),
        ({"networks": (make.network("10.0.0.5"),)}, {"networks": (make.network("10.0.0.4/31"),)}, WeakeningKind.MORE_HOSTS),
        ({}, {"names": ("www.example.com",)}, WeakeningKind.MORE_HOSTS),
        ({}, {"ports": make.ports("22,23")}, WeakeningKind.MORE_PORTS),
        ({}, {"approval": make.approval(review_by=date(2028, 1, 1))}, WeakeningKind.LONGER),
        ({}, {"approval": make.approval(review_by=None)}, WeakeningKind.LONGER),
        ({}, {"approval": make.approval(approved_on=date(2026, 1, 1))}, WeakeningKind.LONGER),
        ({"presence": Presence.REQUIRED}, {}, WeakeningKind.NOT_REQUIRED),
        ({"tls_at_least": TlsVersion.V1_3}, {"tls_at_least": TlsVersion.V1_2}, WeakeningKind.LOWER_TLS),
        ({"tls_at_least": TlsVersion.V1_2}, {}, WeakeningKind.LOWER_TLS),
        ({"service": "ssh"}, {}, WeakeningKind.ANY_SERVICE),
        ({"mitigation": MITIGATED}, {}, WeakeningKind.NO_MITIGATION),
        ({}, {"transport": Transport.UDP}, WeakeningKind.NEW_ENTRY),
        ({"status": Status.PROPOSED}, {}, WeakeningKind.NEW_ENTRY),
    ],
    ids=lambda each: str(each) if isinstance(each, WeakeningKind) else "",
)  # fmt: skip
def test_a_weaker_entry_is_named_with_how_and_its_reverse_is_not(
    before: dict[str, Any], after: dict[str, Any], kind: WeakeningKind
) -> None:
    old, new = make.entry(**before), make.entry(**after)
    assert [each.kind for each in plan((old,), (new,)).weakenings] == [kind]
    if kind is not WeakeningKind.NEW_ENTRY:
        assert not plan((new,), (old,)).weakenings


def test_hosts_that_two_networks_covered_together_are_no_more_hosts() -> None:
    halves = (make.network("10.0.0.0/25"), make.network("10.0.0.128/25"))
    whole = make.entry(networks=(make.network("10.0.0.0/24"),))
    assert not plan((make.entry(networks=halves),), (whole,)).weakenings


def test_a_requirement_that_is_dropped_weakens() -> None:
    (held,) = plan((make.required(),), ()).weakenings
    assert (held.kind, held.location) == (WeakeningKind.REQUIREMENT_DROPPED, None)


def zone(**changes: Any) -> BaselineZone:
    location = SourceLocation(file="baseline.yaml", line=3)
    return BaselineZone(
        **({"name": "cde", "approvals": 2, "protected": True, "location": location} | changes)
    )


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        ((zone(approvals=1),), [WeakeningKind.FEWER_APPROVALS]),
        ((zone(protected=False),), [WeakeningKind.UNPROTECTED]),
        ((), [WeakeningKind.FEWER_APPROVALS, WeakeningKind.UNPROTECTED]),
    ],
)
def test_a_zone_that_asks_for_less_weakens(
    after: tuple[BaselineZone, ...], kinds: list[WeakeningKind]
) -> None:
    base, new = make.baseline(zones=(zone(),)), make.baseline(zones=after)
    held = plan_change(base, new, None, make.VANTAGES, on=DAY)
    assert [each.kind for each in held.weakenings] == kinds


def test_entries_without_an_approver_or_an_end_are_told_apart_by_whether_the_change_brought_them() -> (
    None
):
    old = make.entry(id="old", approval=make.approval(approver=" "))
    new = make.entry("10.0.0.6", id="new", approval=make.approval(review_by=None))
    held = plan((old,), (old, new)).lacks
    assert [(each.kind, each.entry.id, each.changed) for each in held] == [
        (LackKind.APPROVER, "old", False),
        (LackKind.END, "new", True),
    ]


@given(baselines(), runs(RunStatus.COMPLETE))
@settings(max_examples=40, deadline=None)
def test_a_baseline_that_did_not_change_does_nothing(baseline: Any, run: RunRecord) -> None:
    held = plan_change(baseline, baseline, run, make.VANTAGES, on=DAY)
    assert (held.effects, held.weakenings, held.removed, held.gaps) == ((), (), (), ())
    assert not any(each.changed for each in held.lacks)
