"""What each ticket system is sent, and what only one of them does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from portproof.errors import TicketError
from portproof.model.finding import Severity
from portproof.model.ticket import JiraOptions, ServiceNowOptions, TicketNote
from portproof.policy.ticket_text import LONGEST_TITLE, draft_of
from portproof.tickets.jira_text import document, escaped, texts_in, wiki
from tickets.desk import Answer
from tickets.jira_desk import JiraDesk
from tickets.offices import World, opened, problems, steps
from tickets.servicenow_desk import COLUMNS, ServiceNowDesk

EXPOSED = make.open_host(p8080=None)
MANY = make.open_host(**{f"p{8000 + each}": None for each in range(7)})
HOSTILE = make.finding(
    make.judgement(
        title="h1. {html}<b>[code]x[/code]\x1b[2J\u202e" + "x" * 9_000,
        because="{code}\n* [~admin] !http://evil.example/x.png! \x1b[2J [code]<script>[/code]",
    )
)


@pytest.fixture(params=["cloud", "data-center"])
def jira(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path, JiraDesk(cloud=request.param == "cloud")) as made:
        yield made


@pytest.fixture
def servicenow(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path, ServiceNowDesk()) as made:
        yield made


def jira_of(world: World) -> JiraDesk:
    assert isinstance(world.desk, JiraDesk)
    return world.desk


def options(world: World, **changes: object) -> JiraOptions | ServiceNowOptions:
    return replace(world.options(), **changes)


# ---------------------------------------------------------------- Jira


def test_an_issue_carries_the_mark_and_what_was_configured(jira: World) -> None:
    jira.run(EXPOSED, days=0)
    asked = {"labels": ("audit",), "priorities": {Severity.MEDIUM: "Low"}, "due_date": True}
    jira.sync(options=options(jira, issue_type="Bug", **asked))
    (issue,) = jira_of(jira).issues
    finding = jira.findings()[8080]
    assert issue.fields["labels"] == ["portproof", f"portproof-{finding.fingerprint}", "audit"]
    assert issue.fields["issuetype"] == {"name": "Bug"}
    assert issue.fields["priority"] == {"name": "Low"}
    assert issue.fields["duedate"] == "2027-02-19"
    assert issue.fields["summary"].startswith("medium: ")
    told = texts_in(issue.fields["description"])
    assert finding.fingerprint in told
    assert "a fix is claimed" in told


def test_every_page_of_an_answer_is_read(jira: World) -> None:
    jira.run(MANY, days=0)
    jira.sync()
    assert steps(jira.sync()) == []
    paged = [each.body for each in jira.desk.asked if "search" in each.path]
    assert len(paged) > 4


def test_a_comment_on_a_later_page_is_not_made_again(jira: World) -> None:
    jira.run(EXPOSED, days=0)
    jira.sync()
    jira.run(make.host_outcome(), days=1)
    jira.desk.trouble("POST", "/comment", Answer(201, lost=True), carried_out=True)
    with pytest.raises(TicketError):
        jira.sync()
    (issue,) = jira_of(jira).issues
    issue.comments += [issue.comments[0].__class__()] * 5  # five people said something since
    assert steps(jira.sync()) == ["comment"]
    assert len(issue.comments) == 6


def test_a_workflow_that_does_not_say_when_it_closed_claims_a_fix_once(tmp_path: Path) -> None:
    with opened(tmp_path, JiraDesk(cloud=False, dated=False)) as world:
        world.run(EXPOSED, days=0)
        world.sync()
        world.close("OPS-1")
        assert steps(world.sync()) == ["claim-fixed"]
        world.run(EXPOSED, days=1)
        assert steps(world.sync()) == ["comment"]
        assert steps(world.sync()) == []


def test_a_transition_that_the_workflow_does_not_have_is_told_with_those_it_has(
    jira: World,
) -> None:
    jira.run(EXPOSED, days=0)
    jira.sync()
    jira.run(make.host_outcome(), days=1)
    (problem,) = problems(jira.sync(options=options(jira, on_resolved="Close it")))
    assert "no transition 'Close it' from here; there are: Start, Resolve" in problem
    assert len(jira.comments()) == 1
    jira.sync(options=options(jira, on_resolved="Resolve"))
    assert (len(jira.comments()), jira.is_closed("OPS-1")) == (1, True)


def test_an_issue_that_moved_to_another_project_is_followed_there(jira: World) -> None:
    jira.run(EXPOSED, days=0)
    jira.sync()
    (issue,) = jira_of(jira).issues
    issue.key, issue.former = "NET-7", ("OPS-1",)
    assert steps(jira.sync()) == []
    jira.close("NET-7")
    assert steps(jira.sync()) == ["claim-fixed"]


# ---------------------------------------------------------------- ServiceNow


def test_a_record_carries_the_mark_and_what_was_configured(servicenow: World) -> None:
    servicenow.run(EXPOSED, days=0)
    fields = {
        "fields": {"assignment_group": "a" * 32},
        "by_severity": {Severity.MEDIUM: {"urgency": "2"}},
    }
    servicenow.sync(options=options(servicenow, **fields))
    assert isinstance(servicenow.desk, ServiceNowDesk)
    (record,) = servicenow.desk.records
    assert record["correlation_id"] == servicenow.findings()[8080].fingerprint
    assert record["correlation_display"] == "portproof"
    assert (record["assignment_group"], record["urgency"]) == ("a" * 32, "2")


def test_a_table_that_keeps_no_mark_ends_the_sync_before_a_second_ticket(tmp_path: Path) -> None:
    columns = {name: most for name, most in COLUMNS.items() if name != "correlation_id"}
    with opened(tmp_path, ServiceNowDesk(columns=columns)) as world:
        world.run(MANY, days=0)
        with pytest.raises(TicketError, match="kept no mark of the finding"):
            world.sync()
        assert len(world.held()) == 1
        assert sum(bool(each.ticket) for each in world.findings().values()) == 1


def test_records_that_a_condition_let_through_are_not_taken_for_ours(tmp_path: Path) -> None:
    columns = {name: most for name, most in COLUMNS.items() if name != "correlation_id"}
    desk = ServiceNowDesk(columns=columns)
    with opened(tmp_path, desk) as world:
        desk._create({"short_description": "somebody's printer"})
        world.run(EXPOSED, days=0)
        assert steps(world.sync(write=False)) == ["open"]


def test_a_resolved_record_that_is_closed_later_is_no_second_claim(servicenow: World) -> None:
    servicenow.run(EXPOSED, days=0)
    servicenow.sync()
    servicenow.close("INC0000001")
    assert steps(servicenow.sync()) == ["claim-fixed"]
    servicenow.run(EXPOSED, days=1)
    servicenow.sync()
    assert isinstance(servicenow.desk, ServiceNowDesk)
    servicenow.desk.set_state("INC0000001", "7")
    assert steps(servicenow.sync()) == []


@pytest.mark.parametrize("body", [{}, {"result": {}}, {"result": [{"number": "x"}]}, []])
def test_an_answer_of_another_shape_is_no_empty_list(servicenow: World, body: object) -> None:
    servicenow.run(EXPOSED, days=0)
    servicenow.desk.trouble("GET", "/incident", Answer(200, body))
    with pytest.raises(TicketError, match="its answer is not that of a Table API"):
        servicenow.sync()


# ---------------------------------------------------------------- strangers' texts


def test_what_a_peer_said_is_text_in_a_ticket_and_nothing_else(jira: World) -> None:
    with jira.office() as office:
        office.system.open(draft_of(HOSTILE, None))
    (issue,) = jira_of(jira).issues
    told = texts_in(issue.fields["description"])
    assert not [each for each in told if each != "\n" and not each.isprintable()]
    assert "\\x1b" in unescape(told)
    if not jira_of(jira).cloud:
        assert not set("{}[]<>") & set(told)
    assert len(issue.fields["summary"]) == LONGEST_TITLE


def test_no_journal_field_shows_a_strangers_text_as_html(servicenow: World) -> None:
    assert isinstance(servicenow.desk, ServiceNowDesk)
    with servicenow.office() as office:
        ticket = office.system.open(draft_of(HOSTILE, None))
        office.system.tell(ticket, TicketNote(mark="a" * 12, lines=("[CODE]<b>[/code]" * 400,)))
    (record,) = servicenow.desk.records
    (note,) = servicenow.comments()
    for told in (record["description"], record["short_description"], note):
        assert "[code]" not in told.lower()
    assert note.endswith("portproof " + "a" * 12)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_escaped_text_has_no_markup_left_and_reads_the_same(text: str) -> None:
    made = escaped(text)
    bare = re.sub(r"&#[0-9]+;", "", made)
    assert not set("{}[]()*-+^~|!?#@:\\<>_`&") & set(bare)
    assert unescape(made) == text


def test_the_two_rich_texts_say_the_same() -> None:
    lines = [("Where", "10.0.0.5:22/tcp"), ("", "and no name")]
    assert wiki(lines) == "*Where:* 10.0.0.5&#58;22/tcp\n\nand no name"
    assert " ".join(texts_in(document(lines)).split()) == "Where: 10.0.0.5:22/tcp and no name"
