"""Tickets and findings in step, over HTTP against each system as it documents itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import factories as make
from portproof.errors import TicketError
from portproof.model.finding import FindingEventKind as Kind
from portproof.model.finding import FindingStatus, Severity
from portproof.model.observation import Service
from portproof.model.ticket import TicketRules
from portproof.store import verify_log
from portproof.usecases.finding_actions import Act, act
from portproof.usecases.tickets import Waiting
from tickets.desk import Answer
from tickets.offices import DAY, DESKS, World, opened, problems, steps
from usecases.finding_stores import NET_TEAM

EXPOSED = make.open_host(p8080=None)
BOTH = make.open_host(p8080=None, p6379=Service("redis"))
GONE = make.host_outcome()
LIFE = [Kind.OPENED, Kind.TICKETED]


@pytest.fixture(params=["jira-cloud", "servicenow"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path, DESKS[request.param]()) as made:
        yield made


def creations(world: World) -> int:
    ends = ("/issue", "/incident")
    return sum(each.method == "POST" and each.path.endswith(ends) for each in world.desk.asked)


# ---------------------------------------------------------------- opening


def test_a_finding_gets_a_ticket_and_doing_it_again_changes_nothing(world: World) -> None:
    world.run(BOTH, days=0)
    assert steps(world.sync()) == ["open", "open"]
    held = world.held()
    assert {each.ticket for each in world.findings().values()} == set(held)
    assert len(held) == 2
    wrote = len(world.desk.wrote())
    assert steps(world.sync()) == []
    assert (world.held(), len(world.desk.wrote())) == (held, wrote)
    assert world.events(8080) == LIFE
    assert verify_log(world.store) == []


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(world: World) -> None:
    world.run(BOTH, days=0)
    assert steps(world.sync(write=False)) == ["open", "open"]
    assert (world.held(), world.events(8080)) == ([], [Kind.OPENED])
    assert world.desk.wrote() == []


def test_only_what_is_bad_enough_gets_a_ticket_and_the_worst_first(world: World) -> None:
    world.run(BOTH, days=0)
    world.rules = TicketRules(from_severity=Severity.CRITICAL)
    assert steps(world.sync()) == ["open"]
    assert world.findings()[6379].ticket
    world.rules = TicketRules(from_severity=Severity.HIGH)
    assert steps(world.sync()) == []


def test_a_flood_of_findings_becomes_tickets_some_at_a_time(world: World) -> None:
    world.run(BOTH, days=0)
    world.rules = TicketRules(most_new=1)
    first = world.sync()
    assert (steps(first), first[-1]) == (["open"], Waiting(1))
    assert world.findings()[6379].ticket
    assert steps(world.sync()) == ["open"]


def test_what_a_person_looks_after_elsewhere_gets_no_second_ticket(world: World) -> None:
    world.run(EXPOSED, days=0)
    name = world.findings()[8080].fingerprint
    act(world.store, world.clock, NET_TEAM, [name], Act(kind=Kind.TICKETED, because="", value="#9"))
    assert steps(world.sync()) == []
    assert world.held() == []


def test_a_waived_finding_and_a_claimed_fix_get_no_ticket(world: World) -> None:
    waivers = make.waivers(make.waiver(expires=make.NOON + 9 * DAY))
    world.run(EXPOSED, days=0, waivers=waivers)
    world.waivers = waivers
    assert steps(world.sync()) == []


# ---------------------------------------------------------------- opened there, not noted here


def test_a_ticket_whose_answer_was_lost_is_found_again_and_not_opened_twice(world: World) -> None:
    world.run(EXPOSED, days=0)
    path = "/issue" if world.is_jira else "/incident"
    world.desk.trouble("POST", path, Answer(201, lost=True), carried_out=True)
    with pytest.raises(TicketError):
        world.sync()
    assert len(world.held()) == 1
    assert world.findings()[8080].ticket == ""
    assert steps(world.sync()) == ["link"]
    assert world.findings()[8080].ticket == world.held()[0]
    assert (steps(world.sync()), creations(world)) == ([], 1)


def test_a_ticket_that_was_lost_hears_of_its_findings_end_all_the_same(world: World) -> None:
    world.run(EXPOSED, days=0)
    path = "/issue" if world.is_jira else "/incident"
    world.desk.trouble("POST", path, Answer(201, lost=True), carried_out=True)
    with pytest.raises(TicketError):
        world.sync()
    world.run(GONE, days=1)
    assert steps(world.sync()) == ["link", "comment"]
    assert "It is gone" in world.comments()[0]
    assert steps(world.sync()) == []


# ---------------------------------------------------------------- following


def test_a_ticket_closed_there_claims_a_fix_and_only_a_run_closes_the_finding(world: World) -> None:
    world.run(EXPOSED, days=0)
    world.sync()
    (reference,) = world.held()
    world.close(reference)
    assert steps(world.sync()) == ["claim-fixed"]
    finding = world.findings()[8080]
    assert finding.status is FindingStatus.FIX_CLAIMED
    claim = world.store.finding_events(finding.fingerprint)[-1]
    assert str(claim.actor).endswith("(ticket-system, self-declared)")
    assert claim.value.startswith(f"{reference} closed 2026-11-21T12:")
    assert steps(world.sync()) == []
    world.run(GONE, days=1)
    assert world.findings()[8080].status is FindingStatus.CLOSED
    assert verify_log(world.store) == []


def test_a_refuted_fix_is_told_and_the_same_closing_claims_nothing_again(world: World) -> None:
    world.moves = True
    world.run(EXPOSED, days=0)
    world.sync()
    (reference,) = world.held()
    world.close(reference)
    world.sync()
    world.run(EXPOSED, days=1)
    assert steps(world.sync()) == ["move", "comment"]
    assert "It is still there" in world.comments()[-1]
    assert not world.is_closed(reference)
    assert steps(world.sync()) == []
    world.close(reference)
    assert steps(world.sync()) == ["claim-fixed"]


def test_without_a_configured_transition_a_refuted_fix_leaves_the_ticket_where_it_is(
    world: World,
) -> None:
    world.run(EXPOSED, days=0)
    world.sync()
    (reference,) = world.held()
    world.close(reference)
    world.sync()
    world.run(EXPOSED, days=1)
    assert steps(world.sync()) == ["comment"]
    assert world.is_closed(reference)
    assert steps(world.sync()) == []
    assert world.findings()[8080].status is FindingStatus.OPEN


def test_a_finding_that_is_gone_and_back_tells_its_ticket_once_each(world: World) -> None:
    world.moves = True
    world.run(EXPOSED, days=0)
    world.sync()
    (reference,) = world.held()
    world.run(GONE, days=1)
    assert steps(world.sync()) == ["move", "comment"]
    assert world.is_closed(reference)
    assert "It is gone (rescan)" in world.comments()[-1]
    assert steps(world.sync()) == []
    world.run(EXPOSED, days=2)
    assert steps(world.sync()) == ["move", "comment"]
    assert not world.is_closed(reference)
    assert "It is back" in world.comments()[-1]
    assert steps(world.sync()) == []
    assert len(world.comments()) == 2


def test_our_own_closing_of_a_ticket_is_no_claim_when_an_older_run_brings_the_finding_back(
    world: World,
) -> None:
    world.moves = True
    world.run(EXPOSED, days=0)
    world.sync()
    world.run(GONE, days=1)
    world.clock.at += 5 * DAY  # the ticket is closed long after the run that follows had finished
    world.sync()
    world.run(EXPOSED, days=2)
    world.clock.at += 6 * DAY
    assert steps(world.sync()) == ["move", "comment"]
    assert world.findings()[8080].status is FindingStatus.OPEN


def test_several_changes_between_two_syncs_are_one_comment(world: World) -> None:
    world.run(EXPOSED, days=0)
    world.sync()
    world.run(GONE, days=1)
    world.run(EXPOSED, days=2)
    assert steps(world.sync()) == ["comment"]
    (said,) = world.comments()
    assert said.index("It is gone") < said.index("It is back")


def test_a_comment_whose_answer_was_lost_is_not_made_twice(world: World) -> None:
    world.run(EXPOSED, days=0)
    world.sync()
    world.run(GONE, days=1)
    lost = Answer(201, lost=True)
    where = ("POST", "/comment") if world.is_jira else ("PATCH", "1")
    world.desk.trouble(*where, lost, carried_out=True)
    with pytest.raises(TicketError):
        world.sync()
    assert steps(world.sync()) == ["comment"]
    assert len(world.comments()) == 1


def test_a_ticket_that_is_not_there_any_more_is_a_problem_of_that_finding_alone(
    world: World,
) -> None:
    world.run(EXPOSED, days=0)
    name = world.findings()[8080].fingerprint
    gone = "OPS-404" if world.is_jira else "INC0000404"
    act(world.store, world.clock, NET_TEAM, [name], Act(kind=Kind.TICKETED, because="", value=gone))
    world.run(BOTH, days=1)
    told = world.sync()
    assert problems(told) == [
        f"its ticket {gone} is not there, or may not be seen: note another one"
    ]
    assert world.findings()[6379].ticket == world.held()[0]


def test_a_ticket_that_a_person_noted_is_followed_without_our_mark(world: World) -> None:
    world.run(BOTH, days=0)
    world.rules = TicketRules(from_severity=Severity.CRITICAL)
    world.sync()
    (reference,) = world.held()
    other = world.findings()[8080].fingerprint
    noted = Act(kind=Kind.TICKETED, because="", value=reference)
    act(world.store, world.clock, NET_TEAM, [other], noted)
    world.close(reference)
    assert steps(world.sync()) == ["claim-fixed", "claim-fixed"]


# ---------------------------------------------------------------- waivers


def test_a_waiver_that_ended_opens_its_finding_which_then_gets_its_ticket(world: World) -> None:
    end = make.NOON + 2 * DAY
    waivers = make.waivers(make.waiver(expires=end))
    world.run(EXPOSED, days=0, waivers=waivers)
    world.waivers = waivers
    world.clock.at = end - timedelta(hours=1)
    assert steps(world.sync()) == []
    world.clock.at = end
    assert steps(world.sync(write=False)) == ["reopen", "open"]
    assert steps(world.sync()) == ["reopen", "open"]
    assert world.events(8080) == [Kind.OPENED, Kind.WAIVED, Kind.WAIVER_ENDED, Kind.TICKETED]
    assert steps(world.sync()) == []


def test_a_ticket_hears_that_its_finding_is_accepted_and_open_again(world: World) -> None:
    world.run(EXPOSED, days=0)
    world.sync()
    waivers = make.waivers(make.waiver(expires=make.NOON + 2 * DAY))
    world.run(EXPOSED, days=1, waivers=waivers)
    world.waivers = waivers
    assert steps(world.sync()) == ["comment"]
    world.clock.at = make.NOON + 3 * DAY
    assert steps(world.sync()) == ["reopen", "comment"]
    assert "It is no longer accepted" in world.comments()[-1]


def test_findings_of_before_keep_their_first_sighting(world: World) -> None:
    waivers = make.waivers(make.waiver(expires=make.NOON + 2 * DAY))
    world.run(EXPOSED, days=0, waivers=waivers)
    world.waivers = replace(waivers)
    world.clock.at = make.NOON + 3 * DAY
    world.sync()
    assert world.findings()[8080].first_seen == make.NOON
