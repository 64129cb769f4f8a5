"""How findings and what is accepted look on a terminal, and in a machine's form."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

import factories as make
from portproof.model.finding import Actor, FindingEvent, FindingStatus, IdentitySource, Severity
from portproof.model.finding import FindingEventKind as Kind
from portproof.policy.approval_usage import ApprovalUsage, Matched
from portproof.policy.waivers import WaiverStatus, WaiverUsage
from portproof.render.acceptance_tables import acceptance_tables, to_acceptances_text
from portproof.render.finding_rows import to_findings_text, to_lives_text
from portproof.render.finding_tables import life_told, standing_table
from portproof.usecases.findings import Life, Standing
from portproof.usecases.waivers import Acceptances, WaiverLine

HOSTILE = "\x1b[31m [red] \u202e=cmd()"


def drawn(what: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    console.print(what)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def standing(**changes: Any) -> Standing:
    facts = {"due": date(2026, 12, 1), "overdue": False, "wants_ticket": False, "note": ""}
    chosen = {name: changes.pop(name) for name in list(changes) if name in facts}
    judged = make.judgement(**changes.pop("judgement", {}))
    return Standing(finding=make.finding(judged, **changes), **(facts | chosen))  # type: ignore[arg-type]


def happened(kind: Kind, *, days: int = 0, person: bool = False, **changes: Any) -> FindingEvent:
    facts: dict[str, Any] = {
        "finding": "f" * 16,
        "kind": kind,
        "at": make.NOON + timedelta(days=days),
        "run_id": f"run-{days}",
        "severity": Severity.HIGH,
        "because": f"because of {kind}",
        "actor": Actor(name="net-team", source=IdentitySource.OS_USER) if person else None,
    }
    return FindingEvent(**(facts | changes))


def test_a_list_shows_ids_whole_and_counts_what_is_overdue() -> None:
    shown = drawn(standing_table([standing(overdue=True), standing()], 10))
    assert make.judgement().fingerprint in shown
    assert "2 findings, 1 of them overdue" in shown


def test_a_long_list_is_cut_and_says_where_the_rest_is() -> None:
    shown = drawn(standing_table([standing()] * 30, 5))
    assert shown.count(make.judgement().fingerprint) == 5
    assert (
        "30 findings; the first 5 are shown, and all of them in every --format but table" in shown
    )


def test_an_empty_list_says_so() -> None:
    assert drawn(standing_table([], 10)) == "no such finding\n"


@pytest.mark.parametrize("width", [80, 120])
def test_hostile_text_is_shown_as_what_it_is_and_within_the_width(width: int) -> None:
    life = Life(
        standing=standing(judgement={"title": HOSTILE, "because": HOSTILE}, ticket=HOSTILE),
        events=(happened(Kind.COMMENTED, person=True, because=HOSTILE),),
    )
    for shown in (drawn(standing_table([life.standing], 10), width), drawn(life_told(life), width)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert max(map(len, shown.splitlines())) <= width


def test_a_closed_finding_says_what_closed_it_and_a_note_stands_beside_the_state() -> None:
    closed = standing(status=FindingStatus.CLOSED, closed_by="false-positive")
    noted = standing(note="waiver W-1 ended 2026-11-23T12:00:00Z")
    assert "false-positive" in drawn(standing_table([closed], 10))
    assert "ended" in drawn(standing_table([noted], 10))


def test_a_life_tells_each_event_and_sightings_in_a_row_as_one() -> None:
    events = (
        happened(Kind.OPENED),
        *(happened(Kind.SEEN, days=day) for day in range(1, 31)),
        happened(Kind.FALSE_POSITIVE, days=31, person=True, value="OPS-7", digest="a" * 64),
    )
    shown = drawn(life_told(Life(standing=standing(), events=events)), 140)
    assert "seen, 30 times, last by run run-30" in shown
    assert "because of opened" in shown
    assert "because of seen" not in shown
    assert "net-team (os-user, self-declared)" in shown
    assert "proof: OPS-7" in shown
    assert "a" * 64 in shown.replace("\n", "").replace(" ", "")


def test_a_life_names_the_entry_that_governs_or_the_nearest_with_why_not() -> None:
    nearest = "entry web does not match: it covers 443, not 8080"
    near = standing(judgement={"entry_id": "web", "nearest": nearest})
    shown = drawn(life_told(Life(standing=near, events=())), 160)
    assert f"none; the nearest is {nearest}" in shown
    none = drawn(life_told(Life(standing=standing(judgement={"entry_id": ""}), events=())), 160)
    assert "no entry of the baseline" in none


def test_machine_forms_hold_the_exact_text() -> None:
    held = [standing(judgement={"title": HOSTILE})]
    document = json.loads(to_findings_text(held, "json"))
    assert document["schema"] == "portproof.findings/1"
    assert document["findings"][0]["title"] == HOSTILE
    (line,) = to_findings_text(held, "jsonl").splitlines()
    assert json.loads(line)["type"] == "finding"
    (row,) = csv.DictReader(io.StringIO(to_findings_text(held, "csv")))
    assert (row["due"], row["overdue"]) == ("2026-12-01", "no")


def test_the_machine_form_of_a_life_says_that_no_actor_is_proved() -> None:
    life = Life(
        standing=standing(),
        events=(happened(Kind.OPENED), happened(Kind.ACKNOWLEDGED, person=True)),
    )
    (finding,) = json.loads(to_lives_text([life]))["findings"]
    actors = [each["actor"] for each in finding["events"]]
    assert actors == [None, {"name": "net-team", "source": "os-user", "proved": False}]


# ---------------------------------------------------------------- what is accepted


def accepted(**approval: Any) -> Acceptances:
    usage = WaiverUsage(
        waiver=make.waiver(),
        status=WaiverStatus.IN_FORCE,
        matched=0,
        end=make.waiver().expires,
        notice_days=30,
    )
    facts: dict[str, Any] = {
        "entry": make.entry(),
        "end": None,
        "expired": False,
        "notice_days": None,
        "matched": Matched.SEEN,
        "last_matched": make.NOON,
    }
    return Acceptances(
        at=make.NOON,
        waivers=(WaiverLine(usage=usage, ever_matched=False),),
        approvals=(ApprovalUsage(**(facts | approval)),),
        runs=3,
    )


def test_a_waiver_is_shown_with_its_last_instant_and_that_it_never_matched() -> None:
    shown = drawn(acceptance_tables(accepted(), every_approval=False), 160)
    assert "2026-12-06T11:59:59.999999Z" in shown
    assert "ends within 30 days" in shown.replace("\n", " ") or "ends within" in shown
    assert "never matched" in shown


def test_an_approval_without_anything_to_decide_is_shown_when_asked_for() -> None:
    held = accepted()
    few = drawn(acceptance_tables(held, every_approval=False), 160)
    every = drawn(acceptance_tables(held, every_approval=True), 160)
    assert "1 approval without anything to decide" in few
    assert "no end" in every
    assert "no end" not in few


def test_machine_forms_list_all_of_them() -> None:
    held = accepted(matched=Matched.NEVER, last_matched=None)
    document = json.loads(to_acceptances_text(held, "json"))
    assert [document["waivers"][0]["used"], document["approvals"][0]["used"]] == [
        "never matched",
        "never matched",
    ]
    rows = list(csv.DictReader(io.StringIO(to_acceptances_text(held, "csv"))))
    assert [each["kind"] for each in rows] == ["waiver", "approval"]
