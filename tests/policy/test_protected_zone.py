"""What a zone of the baseline means for a judgement."""

from __future__ import annotations

from dataclasses import replace

import factories as make
from policy.judging import judge
from portproof.model.baseline import BaselineZone, SourceLocation
from portproof.model.finding import Judgement, Severity
from portproof.model.observation import Service

PLANT = BaselineZone(
    name="plant",
    networks=(make.network("10.77.0.0/16"),),
    protected=True,
    location=SourceLocation(file="baseline.yaml", line=3),
)


def seen_from(zone: str, address: str = "10.77.0.9") -> Judgement:
    baseline = replace(make.baseline(), zones=(PLANT,))
    host = make.open_host(address, p80=Service("http"))
    run = make.run(host, plan={"vantage": replace(make.VANTAGE, zone=zone)})
    (found,) = (
        each
        for each in judge(run, baseline=baseline).judgements
        if each.rule == "unapproved-exposure"
    )
    return found


def test_an_unapproved_path_into_a_protected_zone_of_the_baseline_is_at_least_high() -> None:
    found = seen_from("office")
    assert found.severity is Severity.HIGH
    assert found.trace[-1].because.startswith("an unapproved path into the protected zone plant")


def test_a_path_inside_it_or_to_somewhere_else_is_not() -> None:
    assert seen_from("plant").severity is not Severity.HIGH
    assert seen_from("office", "10.78.0.9").severity is not Severity.HIGH
