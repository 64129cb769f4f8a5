"""A run against what is approved: open and unapproved, approved and absent, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

import factories as make
from portproof.model.baseline import BaselineEntry, Status
from portproof.model.drift import GapReason
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunStatus
from portproof.policy.drift_approved import ApprovedDrift, approved_drift, entry_words

DAY = date(2026, 11, 21)
OPEN_22 = make.open_host(p22=Service("ssh", "OpenSSH 9.2"))


def drift(outcome: HostOutcome, *entries: BaselineEntry, on: date = DAY) -> ApprovedDrift:
    return approved_drift(make.run(outcome), make.baseline(*entries), make.VANTAGES, on=on)


def test_an_open_port_without_an_entry_is_unapproved() -> None:
    (held,) = drift(OPEN_22).unapproved
    assert str(held.endpoint) == "10.0.0.5:22/tcp"
    assert (held.state, held.reason, held.service) == (PortState.OPEN, "syn-ack", "ssh OpenSSH 9.2")
    assert held.entry is None


def test_an_approved_open_port_departs_from_nothing() -> None:
    held = drift(OPEN_22, make.entry(port_text="22"))
    assert (held.unapproved, held.absent, held.gaps) == ((), (), ())
    assert held.compared == 1


def test_an_approved_port_that_does_not_answer_is_absent_and_names_its_entry() -> None:
    (held,) = drift(make.host_outcome(), make.required(port_text="5432")).absent
    assert held.state is PortState.CLOSED
    assert entry_words(held, DAY) == "entry db, baseline.yaml:7"


def test_an_entry_that_has_ended_approves_nothing_and_is_named() -> None:
    ended = make.entry(port_text="22", approval=make.approval(review_by=date(2026, 11, 20)))
    (held,) = drift(OPEN_22, ended).unapproved
    assert "ended 2026-11-20" in entry_words(held, DAY)
    assert not drift(OPEN_22, ended, on=date(2026, 11, 20)).unapproved


def test_a_proposed_entry_approves_nothing() -> None:
    assert drift(OPEN_22, make.entry(port_text="22", status=Status.PROPOSED)).unapproved


@pytest.mark.parametrize(
    ("outcome", "port", "reason"),
    [
        (
            make.host_outcome(unmeasured={LocalFault.NO_SOCKETS: "443"}),
            443,
            GapReason.UNMEASURED_AFTER,
        ),
        (make.host_outcome(make.planned_host(tcp="22")), 443, GapReason.NOT_ASKED),
        (
            make.host_outcome(
                make.planned_host(tcp="", udp="53"),
                transport=Transport.UDP,
                states={PortState.OPEN_FILTERED: "53"},
            ),
            53,
            GapReason.NO_ANSWER,
        ),
    ],
    ids=["not measured", "not asked", "silent over UDP"],
)
def test_what_is_not_known_of_an_approved_port_is_never_absent(
    outcome: HostOutcome, port: int, reason: GapReason
) -> None:
    entry = make.entry(port_text=str(port), transport=outcome.transport)
    held = drift(outcome, entry)
    assert not held.absent
    assert [(each.reason, each.ports) for each in held.gaps] == [(reason, PortSet.of(port))]


def test_entries_whose_hosts_were_not_asked_are_listed_instead_of_absent() -> None:
    held = drift(make.host_outcome(), make.entry("10.0.0.99", "443", id="elsewhere"))
    assert not held.absent
    assert [each.id for each in held.unseen] == ["elsewhere"]


def test_an_inconclusive_run_says_nothing() -> None:
    run = replace(make.run(OPEN_22), status=RunStatus.INCONCLUSIVE, status_reason="canary silent")
    held = approved_drift(run, make.baseline(), make.VANTAGES, on=DAY)
    assert held.refused == ("the run is inconclusive: canary silent",)
    assert not held.unapproved
