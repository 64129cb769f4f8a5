"""Severities by docs/severity.md, each with the steps that led there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

import factories as make
from policy.judging import judge, only
from policy.worlds import baselines, runs
from portproof.model.baseline import Baseline
from portproof.model.finding import Judgement, Severity
from portproof.model.observation import Service
from portproof.model.scan import RunRecord

OFFICE = replace(make.VANTAGE, id="desk", zone="office")
REDIS = Service("redis")


def exposure(
    address: str = make.HOST,
    *,
    vantage: Any = make.VANTAGE,
    tags: str = "",
    **ports: Service | None,
) -> Judgement:
    tagged = make.asset("shop", address, tags=frozenset(tags.split()))
    run = make.run(make.open_host(address, **ports), plan={"vantage": vantage})
    (found,) = judge(run, baseline=make.baseline(assets=(tagged,) if tags else ())).deviations
    return found


def steps(found: Judgement) -> list[tuple[str, str]]:
    return [(step.rule, step.severity.value) for step in found.trace]


def test_the_external_column_applies_from_an_untrusted_zone() -> None:
    assert steps(exposure(p6379=REDIS)) == [("SVC-redis", "critical")]


def test_the_internal_column_applies_from_a_trusted_zone() -> None:
    assert steps(exposure(vantage=OFFICE, p6379=REDIS)) == [("SVC-redis", "medium")]


def test_a_host_in_the_zone_of_the_vantage_is_one_step_lower() -> None:
    found = exposure("10.9.0.7", vantage=OFFICE, p6379=REDIS)
    assert steps(found) == [("SVC-redis", "medium"), ("same zone", "low")]


def test_the_same_zone_never_lowers_below_low() -> None:
    found = exposure("10.9.0.7", vantage=OFFICE, p80=Service("http"))
    assert steps(found) == [("SVC-http", "low")]


def test_loopback_is_always_in_the_zone_of_the_vantage() -> None:
    found = exposure("127.0.0.1", vantage=OFFICE, p6379=REDIS)
    assert found.severity is Severity.LOW


def test_a_severity_by_port_number_alone_says_so_and_is_capped_at_high() -> None:
    found = exposure(p6379=None)
    assert steps(found) == [("SVC-redis", "critical"), ("port number only", "high")]
    assert "inferred from port number" in found.trace[0].because
    assert "inferred from port number" in found.because


@pytest.mark.parametrize(
    ("vantage", "severity"), [(make.VANTAGE, Severity.MEDIUM), (OFFICE, Severity.LOW)]
)
def test_a_service_without_a_rule_is_medium_outside_and_low_inside(
    vantage: Any, severity: Severity
) -> None:
    assert exposure(vantage=vantage, p9999=None).severity is severity
    assert exposure(vantage=vantage, p6379=Service("gopher")).severity is severity


def test_an_unapproved_path_into_a_protected_zone_is_at_least_high() -> None:
    found = exposure("10.66.0.9", vantage=OFFICE, p80=Service("http"))
    assert steps(found) == [("SVC-http", "low"), ("protected zone", "high")]


def test_a_data_store_in_a_protected_zone_is_critical() -> None:
    found = exposure("10.66.0.9", vantage=OFFICE, p6379=REDIS)
    assert steps(found)[-1] == ("protected zone", "critical")


def test_a_path_inside_a_protected_zone_is_not_a_path_into_it() -> None:
    inside = replace(make.VANTAGE, id="probe", zone="cde")
    assert exposure("10.66.0.9", vantage=inside, p80=Service("http")).severity is Severity.LOW


@pytest.mark.parametrize("tag", ["stores_chd", "pii", "crown-jewel"])
def test_a_tagged_asset_raises_by_one_step(tag: str) -> None:
    assert steps(exposure(tags=tag, p80=Service("http")))[-1] == ("asset tag", "medium")


def test_several_tags_raise_by_one_step_only() -> None:
    found = exposure(tags="pii crown-jewel", p80=Service("http"))
    assert found.severity is Severity.MEDIUM


def test_a_service_that_asks_for_no_credentials_raises_by_one_step() -> None:
    found = exposure(vantage=OFFICE, p6379=Service("redis", attributes={"auth": "none"}))
    assert steps(found) == [("SVC-redis", "medium"), ("no authentication", "high")]


def test_critical_is_the_end_of_the_scale() -> None:
    found = exposure(tags="pii", p6379=Service("redis", attributes={"auth": "none"}))
    assert steps(found) == [("SVC-redis", "critical")]


def test_an_insecure_service_approved_without_mitigation_is_one_step_lower() -> None:
    found = only("insecure-service", make.open_host(p21=Service("ftp")), make.entry(port_text="21"))
    assert steps(found) == [("SVC-ftp", "high"), ("approved", "medium")]


@given(runs(), baselines())
@settings(max_examples=100, deadline=None)
def test_a_trace_always_moves_and_its_reasons_are_told(run: RunRecord, baseline: Baseline) -> None:
    for found in judge(run, baseline=baseline).deviations:
        assert all(step.because for step in found.trace)
        assert found.trace[-1].severity is found.severity
