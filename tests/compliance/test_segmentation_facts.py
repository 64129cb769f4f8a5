"""What a kept segmentation matrix means for facts, and for the controls of the shipped frameworks."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

import factories as make
from policy.segmentation_world import (
    arrival,
    host,
    judged,
    judged_then,
    outside,
    policy,
    sink,
    udp_host,
    within,
)
from portproof.compliance.attest import attest
from portproof.compliance.facts import Facts, assert_facts
from portproof.compliance.segmentation_facts import Boundaries, with_boundaries
from portproof.documents import load_facts, load_framework
from portproof.model.compliance import ControlResult, ControlWord
from portproof.model.finding import Finding, FindingStatus, Judgement, Verdict
from portproof.model.observation import PortState
from portproof.model.rule import Polarity
from portproof.model.segmentation import TargetZone
from portproof.model.segmentation_record import KeptMatrix
from portproof.model.segmentation_result import Matrix

POLICIES = Path(__file__).parents[2] / "policies"
FACTS = load_facts(POLICIES / "facts.yaml")
FRAMEWORKS = [
    load_framework(POLICIES / "frameworks" / f"{each}.yaml", FACTS)
    for each in ("pci-dss-4.0.1", "soc2-tsc-2017")
]
SEEN_BY = frozenset({"baseline", "service_rules", "zones", "segmentation_policy"})
RUN = make.run(make.host_outcome())
CROSSING = make.judgement("segmentation-open", facts=("segmentation_open",))
SINK = "203.0.113.7"
TO_INTERNET = TargetZone(name="internet", networks=(ip_network("203.0.113.0/24"),))


def record(matrix: Matrix) -> KeptMatrix:
    return KeptMatrix(judged=judged_then(matrix), seq=41, digest="c" * 64)


WHOLE = record(judged(outside(), within()))
CROSSED = record(judged(outside(host(states={PortState.OPEN: "22"})), within()))
UNPROVED = record(judged(outside()))


def facts(
    kept: KeptMatrix | None,
    *judgements: Judgement,
    findings: tuple[Finding, ...] = (),
    met: frozenset[str] = SEEN_BY,
) -> Facts:
    evaluation = replace(make.evaluation(*judgements), available=met)
    plain = assert_facts(RUN, evaluation, make.baseline(), FACTS)
    held = Boundaries(record=kept, findings=findings)
    return with_boundaries(plain, held, judgements, run_id=RUN.plan.run_id)


def named(known: Facts) -> set[str]:
    return {each.fact for each in known.asserted}


def control(known: Facts, control_id: str) -> ControlResult:
    results = [each for held in FRAMEWORKS for each in attest(held, known, RUN).results]
    return next(each for each in results if each.control.id == control_id)


def test_a_matrix_of_supported_cells_asserts_that_it_is_closed_and_denies_that_it_is_open() -> None:
    known = facts(WHOLE)
    (closed,) = [each for each in known.asserted if each.fact == "segmentation_closed"]
    assert closed.polarity is Polarity.SUPPORT
    assert closed.evidence == (WHOLE.digest,)
    for part in ("leaf 41", "test team", "Q-1", "network team", "2026-11-21T12:00:00Z"):
        assert part in closed.because
    assert "segmentation_open" in known.decided
    assert "segmentation_open" not in named(known)


@pytest.mark.parametrize("control_id", ["1.3.3", "1.4.4"])
def test_a_control_that_rests_on_boundaries_alone_is_then_supported(control_id: str) -> None:
    known = facts(WHOLE)
    known = replace(known, decided=known.decided | {"datastore_exposed"})
    told = control(known, control_id)
    assert told.word is ControlWord.SUPPORTED
    assert [each.evidence for each in told.supporting] == [(WHOLE.digest,)]


@pytest.mark.parametrize("control_id", ["11.4.5", "11.4.6", "CC6.1"])
def test_a_control_that_needs_more_shows_the_record_and_names_what_it_lacks(
    control_id: str,
) -> None:
    told = control(facts(WHOLE), control_id)
    assert told.word is ControlWord.INSUFFICIENT
    assert "segmentation_closed" in {each.fact for each in told.supporting}
    assert "segmentation_open" not in told.because


@pytest.mark.parametrize("control_id", ["1.3.3", "1.4.4", "11.4.5", "11.4.6", "CC6.1"])
def test_one_cell_without_evidence_leaves_every_such_control_without_evidence(
    control_id: str,
) -> None:
    told = control(facts(UNPROVED), control_id)
    assert told.word is ControlWord.INSUFFICIENT
    assert "segmentation_open" in told.because
    assert not {"segmentation_closed"} & {each.fact for each in told.supporting}


def test_what_is_missing_names_the_cell_and_the_record() -> None:
    why = facts(UNPROVED).why_open("segmentation_open")
    assert why == (
        "cells not supported, 1 of 1: office to cde (insufficient evidence) "
        "(segmentation record of leaf 41)"
    )


@pytest.mark.parametrize("control_id", ["1.3.1", "1.3.3", "1.4.4", "11.4.5", "11.4.6", "CC6.1"])
def test_a_path_that_another_run_saw_is_an_exception_wherever_it_counts(control_id: str) -> None:
    told = control(facts(CROSSED), control_id)
    assert told.word is ControlWord.EXCEPTIONS
    (shown,) = [each for each in told.exceptions if each.fact == "segmentation_open"]
    assert shown.subject == "office to cde"
    assert "10.66.0.2:22/tcp answered open" in shown.because


def test_a_path_that_the_run_itself_saw_is_told_by_its_own_judgement_alone() -> None:
    crossed = judged(outside(host(states={PortState.OPEN: "22"}), plan={"run_id": RUN.plan.run_id}))
    known = facts(record(crossed), CROSSING)
    assert [each.subject for each in known.asserted if each.fact == "segmentation_open"] == [
        "10.0.0.5:8080/tcp from internet"
    ]


def test_nothing_is_called_closed_while_the_run_or_a_finding_shows_a_path() -> None:
    assert "segmentation_closed" not in named(facts(WHOLE, CROSSING))
    standing = make.finding(CROSSING)
    known = facts(WHOLE, findings=(standing,))
    assert "segmentation_closed" not in named(known)
    assert standing.fingerprint in known.why_open("segmentation_closed")


def test_a_finding_that_is_closed_stands_against_nothing() -> None:
    gone = replace(make.finding(CROSSING), status=FindingStatus.CLOSED)
    assert "segmentation_closed" in named(facts(WHOLE, findings=(gone,)))


def test_a_waived_path_is_still_a_path() -> None:
    waived = replace(CROSSING, verdict=Verdict.WAIVED)
    assert "segmentation_closed" not in named(facts(WHOLE, waived))


def test_a_matrix_without_controls_supports_nothing() -> None:
    bare = record(judged(outside(samples=()), within()))
    known = facts(bare)
    assert "segmentation_closed" not in named(known)
    assert "no control was asked from office" in known.why_open("segmentation_closed")


def test_without_a_policy_nothing_is_looked_for() -> None:
    known = facts(WHOLE, met=SEEN_BY - {"segmentation_policy"})
    assert "segmentation_closed" not in named(known)
    assert known.why_open("segmentation_closed") == "needs segmentation_policy"


def test_without_a_record_near_the_run_it_is_undecided() -> None:
    known = facts(None)
    assert control(known, "1.3.3").word is ControlWord.INSUFFICIENT
    assert known.why_open("segmentation_open").startswith("no segmentation record of this policy")


def test_a_vantage_zone_that_nobody_declared_lets_nothing_be_called_closed() -> None:
    known = facts(WHOLE, met=SEEN_BY - {"zones"})
    assert "segmentation_closed" not in named(known)
    assert "segmentation_open" not in known.decided


# ---------------------------------------------------------------- egress


def leaving(*arrivals: str, listening: bool = True) -> KeptMatrix:
    """The cde tries a sink in the internet over UDP; the office's datagrams reach it."""
    place = f"{SINK}:9000/udp"
    held = policy(zones=(*policy().zones, TO_INTERNET), tcp=make.ports(""), udp=make.ports("9000"))
    tried = udp_host({PortState.OPEN_FILTERED: "9000"}, SINK)
    reached = host("10.66.0.9", states={PortState.OPEN: "1"}, asked="1")
    inside = within(udp_host({PortState.OPEN: "9000"}), reached, tried)
    office = outside(udp_host({PortState.OPEN_FILTERED: "9000"}), reached, tried)
    told = [arrival("another", place), *(arrival(each, place) for each in arrivals)]
    logs = (sink(*told, place=place),) if listening else ()
    return record(judged(inside, office, held=held, sinks=logs))


def test_our_own_sink_reached_from_a_protected_zone_is_open_egress() -> None:
    run_id = within().plan.run_id
    known = facts(leaving(run_id))
    (shown,) = [each for each in known.asserted if each.fact == "egress_open"]
    assert shown.subject == "cde to internet"
    assert f"{SINK}:9000/udp arrived at the sink" in shown.because
    assert control(known, "1.3.2").word is ControlWord.EXCEPTIONS


def test_egress_is_denied_where_every_cell_from_each_protected_zone_is_supported() -> None:
    kept = leaving()
    cell = kept.matrix.cell("cde", "internet")
    assert cell is not None
    assert (str(cell.state), cell.sinks) == ("supported", (ip_address(SINK),))
    known = facts(kept)
    assert "egress_open" in known.decided
    assert control(known, "1.3.2").word is ControlWord.SUPPORTED


def test_without_a_sink_nothing_is_known_of_egress() -> None:
    known = facts(leaving(listening=False))
    assert "egress_open" not in known.decided | named(known)
    assert "no sink of ours listened for what leaves cde" in known.why_open("egress_open")
    assert control(known, "1.3.2").word is ControlWord.INSUFFICIENT
