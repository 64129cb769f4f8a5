"""Changes of the baseline without a change reference."""

from __future__ import annotations

import pytest

import factories as make
from approvals import by_commit
from policy.judging import judged, only
from portproof.model.approval import Provenance

RULE = "baseline-change-untracked"
CLOSED = make.open_host()
OLD = make.entry(approval=make.approval(ticket="CHG-1"))


@pytest.mark.parametrize("message", ["CHG-7: a port", "a port\n\nRefs: #12"])
def test_a_reference_in_the_commit_message_tracks_the_change(message: str) -> None:
    provenance = by_commit(OLD, message=message, before=OLD)
    assert not judged(RULE, CLOSED, OLD, provenance=provenance)


def test_a_new_ticket_tracks_it_and_that_of_an_earlier_change_does_not() -> None:
    new = make.entry(approval=make.approval(ticket="CHG-2"))
    told = by_commit(new, message="a port", before=OLD)
    assert not judged(RULE, CLOSED, new, provenance=told)
    silent = by_commit(OLD, message="a port", before=OLD)
    found = only(RULE, CLOSED, OLD, provenance=silent)
    assert found.facts == ("baseline_change_untracked",)
    assert "Commit c0ffee000000" in found.because


def test_what_a_reference_looks_like_can_be_said() -> None:
    provenance = by_commit(OLD, message="CHG-7", before=OLD, ticket_pattern=r"RFC\d{4}")
    assert judged(RULE, CLOSED, OLD, provenance=provenance)


def test_an_entry_whose_history_nobody_read_is_not_judged() -> None:
    assert not judged(RULE, CLOSED, OLD)


def test_a_history_that_is_another_one_than_runs_recorded_is_untracked_as_a_whole() -> None:
    why = "the history was rewritten: commit c0ffee is no ancestor of f00d"
    found = only(RULE, CLOSED, OLD, provenance=Provenance(rewritten=why))
    assert found.because == "The history was rewritten: commit c0ffee is no ancestor of f00d."
    assert found.facts == ("baseline_change_untracked",)
    assert found.entry_id == ""
