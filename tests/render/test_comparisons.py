"""Comparisons, plans and reconciliations as text, Markdown, JSON and SARIF: readable and harmless."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from portproof.documents.json_schema import json_schemas
from portproof.model.change_plan import Place, PlanDocument, PlanGap, PlanLine
from portproof.model.drift_document import (
    BetweenLine,
    ChangeLine,
    DiffDocument,
    DifferenceLine,
    GapLine,
    ShiftLine,
)
from portproof.model.reconcile import ReconcileDocument, ReconcileRow, Standing
from portproof.render.diff_json import diff_json
from portproof.render.diff_markdown import diff_markdown
from portproof.render.diff_text import diff_text
from portproof.render.plan_json import plan_json
from portproof.render.plan_markdown import plan_markdown
from portproof.render.plan_sarif import plan_sarif
from portproof.render.plan_text import plan_text
from portproof.render.pull_request import LARGEST, code
from portproof.render.reconcile_json import reconcile_json
from portproof.render.reconcile_markdown import reconcile_markdown
from portproof.render.reconcile_text import reconcile_text

HOSTILE = (
    "`</code>|<img src=x onerror=alert(1)>\n@everyone #1 **x** https://evil.example \x1b[2J\u202e"
)


def change(number: int = 22, **fields: Any) -> ChangeLine:
    given = {
        "kind": "opened",
        "endpoint": f"10.0.0.5:{number}/tcp",
        "before": "closed",
        "after": "open",
    }
    return ChangeLine(**(given | {"reason_before": "reset", "reason_after": "syn-ack"} | fields))


def diff(**fields: Any) -> DiffDocument:
    given = {
        "against": "run",
        "before": "run-1",
        "after": "run-2",
        "vantage": "ext-1",
        "zone": "internet",
    }
    times = {"before_at": "2026-11-20T12:00:00Z", "after_at": "2026-11-21T12:00:00Z"}
    return DiffDocument(**(given | times | fields))


def line(**fields: Any) -> PlanLine:
    place = Place(file="policy/base line.yaml", line=7, column=3)
    given = {
        "rule": "zone-weakens",
        "subject": "web",
        "text": "entry web: more ports",
        "zones": ("internet",),
    }
    return PlanLine(**(given | {"changed": True, "place": place} | fields))


def plan(*lines: PlanLine, **fields: Any) -> PlanDocument:
    given = {
        "base": "main:baseline.yaml",
        "new": "baseline.yaml",
        "run": "run-1",
        "zone": "internet",
    }
    rest = {"day": "2026-11-21", "tool_version": "1", "lines": lines, "gaps": (), "notes": ()}
    return PlanDocument(**(given | rest | fields))


def row(**fields: Any) -> ReconcileRow:
    given = {"standing": Standing.MIDDLEBOX, "host": "10.0.0.5", "transport": "tcp", "ports": "443"}
    rest = {"count": 1, "scan": "open", "listening": "no", "intent": "", "rule": ""}
    return ReconcileRow(**(given | rest | {"contradiction": True} | fields))


def reconciliation(*rows: ReconcileRow, **fields: Any) -> ReconcileDocument:
    given = {"run": "run-1", "status": "complete", "at": "2026-11-21T12:00:00Z", "vantage": "ext-1"}
    rest = {"zone": "internet", "documents": (), "rows": rows, "not_understood": (), "notes": ()}
    return ReconcileDocument(**(given | rest | fields))


FULL = diff(
    differences=(
        DifferenceLine(what="engine", before="connect", after="syn", consequence="some is not"),
        DifferenceLine(what="scope", before="a", after="b", consequence=""),
    ),
    changes=(
        change(22, kind="closed", before="open", after="closed", service_before="ssh OpenSSH 9.2"),
        change(8080, service_after="http nginx", note="first seen open 2026-11-21T11:00:00Z"),
    ),
    shifts=(
        ShiftLine(address="10.0.0.5", transport="tcp", ports="-", before="closed", after="filtered"),
    ),
    gaps=(
        GapLine(reason="not measured in the later run", host="10.0.0.6", transport="udp", ports="53", count=1),
        *(
            GapLine(reason="asked in the later run only", host=f"10.0.1.{number}", transport="tcp", ports="1-1024", count=1024)
            for number in range(10)
        ),
    ),
    between=(
        BetweenLine(endpoint="10.0.0.5:9/tcp", state="open", first_seen="A", last_seen="B"),
    ),
    notes=("a note",),
    compared=65535,
    uncompared=10241,
)  # fmt: skip


def test_a_comparison_reads_as_ndiff_does() -> None:
    assert (
        diff_text(FULL)
        == """\
-run run-1 (ended 2026-11-20T12:00:00Z)
+run run-2 (ended 2026-11-21T12:00:00Z)
 from ext-1 in zone internet
 the runs are unlike in:
   engine: connect, then syn; so some is not
   scope: a, then b; nothing follows from it
-10.0.0.5:22/tcp  open          reset        ssh OpenSSH 9.2
+10.0.0.5:22/tcp  closed        syn-ack
-10.0.0.5:8080/tcp  closed        reset
+10.0.0.5:8080/tcp  open          syn-ack      http nginx  (first seen open 2026-11-21T11:00:00Z)
-10.0.0.5:1-65535/tcp  closed
+10.0.0.5:1-65535/tcp  filtered
 10.0.0.5:9/tcp was open A to B
 not compared, asked in the later run only: 10,240 endpoints
   10.0.1.0 (tcp) 1-1024
   10.0.1.1 (tcp) 1-1024
   10.0.1.2 (tcp) 1-1024
   10.0.1.3 (tcp) 1-1024
   10.0.1.4 (tcp) 1-1024
   10.0.1.5 (tcp) 1-1024
   10.0.1.6 (tcp) 1-1024
   10.0.1.7 (tcp) 1-1024
   and 2 more hosts; --format json names them all
 not compared, not measured in the later run: 1 endpoint
   10.0.0.6 (udp) 53
 a note
"""
    )


def test_a_refused_comparison_never_says_that_nothing_differs() -> None:
    for text in (diff_text(diff(refused=("other vantage",))), diff_markdown(diff(refused=("x",)))):
        assert "not comparable" in text.lower()
        assert "no difference" not in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("diff", diff_json(FULL)),
        ("plan", plan_json(plan(line(), gaps=(PlanGap(reason="r", host="h", transport="tcp", ports="1", count=1),)))),
        ("reconcile", reconcile_json(reconciliation(row()))),
    ],
)  # fmt: skip
def test_json_is_of_its_schema_and_names_it_first(name: str, text: str) -> None:
    document = json.loads(text)
    schema = json_schemas()[name]
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)
    assert next(iter(document)) == "schema"
    assert text.isascii()


def test_strangers_text_cannot_leave_its_code_element() -> None:
    inner = code(HOSTILE).removeprefix("<code>").removesuffix("</code>")
    assert re.fullmatch(r"(?:[A-Za-z0-9 ]|&#[0-9]+;)*", inner)


@pytest.mark.parametrize(
    "text",
    [
        diff_markdown(
            diff(changes=(change(service_after=HOSTILE, note=HOSTILE),), notes=(HOSTILE,))
        ),
        plan_markdown(plan(line(text=HOSTILE, zones=(HOSTILE,)), base=HOSTILE, notes=(HOSTILE,))),
        reconcile_markdown(
            reconciliation(row(listening=HOSTILE, rule=HOSTILE), not_understood=(HOSTILE,))
        ),
    ],
    ids=["diff", "plan", "reconcile"],
)
def test_markdown_holds_no_markup_of_strangers(text: str) -> None:
    for harm in ("<img", "@everyone", "**x**", "https://evil", "\x1b", "\u202e", "`</code>"):
        assert harm not in text


@pytest.mark.parametrize(
    "text",
    [
        diff_text(diff(changes=(change(service_after=HOSTILE),))),
        plan_text(plan(line(text=HOSTILE))),
        reconcile_text(reconciliation(row(listening=HOSTILE))),
    ],
    ids=["diff", "plan", "reconcile"],
)
def test_text_steers_no_terminal(text: str) -> None:
    assert all(each.isprintable() or each == "\n" for each in text)


MANY = tuple(change(number, service_after="x" * 150) for number in range(1, 5000))


@pytest.mark.parametrize(
    "text",
    [
        diff_markdown(diff(changes=MANY, notes=("a note",))),
        plan_markdown(plan(*(line(text="y" * 150) for _ in range(5000)))),
        reconcile_markdown(reconciliation(*(row(rule="z" * 150) for _ in range(5000)))),
    ],
    ids=["diff", "plan", "reconcile"],
)
def test_markdown_fits_a_comment_folds_what_is_long_and_says_what_it_left_out(text: str) -> None:
    assert len(text) <= LARGEST
    assert text.count("<details>") == text.count("</details>") == 1
    shown = sum(each.startswith("| ") for each in text.splitlines()) - 2
    (left,) = re.findall(r"\*\*Left out for room:\*\* ([0-9,]+) of", text)
    assert shown + int(left.replace(",", "")) in (4999, 5000)
    assert "--format json" in text


def sarif(document: PlanDocument) -> dict[str, Any]:
    (run,) = json.loads(plan_sarif(document))["runs"]
    return dict(run)


RULES = (
    "port-becomes-approved",
    "port-becomes-unapproved",
    "port-becomes-missing",
    "zone-weakens",
    "approver-missing",
    "end-missing",
    "entry-removed",
)


def test_every_result_of_sarif_has_a_relative_place_and_a_rule() -> None:
    run = sarif(plan(*(line(rule=each) for each in RULES)))
    names = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) == len(RULES)
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "policy/base%20line.yaml"
        assert place["region"] == {"startLine": 7, "startColumn": 3}
        assert names[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")


def test_what_was_so_before_the_change_is_only_a_note() -> None:
    (result,) = sarif(plan(line(rule="approver-missing", changed=False)))["results"]
    assert result["level"] == "note"


def test_sarif_keeps_the_worst_of_too_many_results_and_says_so() -> None:
    lines = [line(rule="entry-removed", subject=str(each)) for each in range(5000)]
    run = sarif(plan(*lines, line(rule="approver-missing")))
    assert len(run["results"]) == 5000
    assert run["results"][0]["ruleId"] == "approver-missing"
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("1 results are left out")


def test_a_plan_groups_its_lines_and_names_their_places() -> None:
    document = plan(
        line(),
        line(
            rule="port-becomes-approved", subject="10.0.0.5:22/tcp", text="10.0.0.5:22/tcp is open"
        ),
        gaps=(
            PlanGap(reason="not measured", host="10.0.0.6", transport="tcp", ports="22", count=1),
        ),
        notes=("a note",),
    )
    assert (
        plan_text(document)
        == """\
baseline plan: main:baseline.yaml to baseline.yaml, against run run-1 from zone internet, as of 2026-11-21
observed ports that become approved (1)
  10.0.0.5:22/tcp is open  [policy/base line.yaml:7]
zones that weaken (1)
  from internet: entry web: more ports  [policy/base line.yaml:7]
 not known, not measured: 10.0.0.6 (tcp) 22
 a note
"""
    )


def test_a_reconciliation_marks_what_contradicts() -> None:
    stale = row(standing=Standing.STALE, ports="-", rule="r (f:1)", intent="allow", scan="closed")
    calm = row(standing=Standing.EXPOSED, listening="nginx", contradiction=False)
    document = reconciliation(stale, calm, not_understood=("f:2: -m limit",), notes=("a note",))
    assert (
        reconcile_text(document)
        == """\
run run-1 (complete, 2026-11-21T12:00:00Z) from ext-1 in zone internet
exposed and listening (1)
  10.0.0.5 443/tcp  scan: open; listening: nginx
allowed but nothing listening (1), for the review of rules (PCI DSS 1.2.7)
! 10.0.0.5 1-65535/tcp  scan: closed; listening: no; intent: allow by r (f:1)
not understood (1)
  f:2: -m limit
 a note
"""
    )
