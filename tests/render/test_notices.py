"""What is said of ends that are near, of late findings, and of what was called false."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console, RenderableType

from evidence_parts import finding
from evidence_samples import typical
from portproof.assets import reports_dir
from portproof.model.evidence import BlameInfo, EvidenceDocument, FindingInfo
from portproof.render.html import HtmlRenderer
from portproof.render.junit import to_junit
from portproof.render.sarif import to_sarif
from portproof.render.terminal import findings_table, summary_panel

FALSE = {"verdict": "DEVIATES", "status": "closed", "closed_by": "false-positive"}


def with_finding(**changes: object) -> EvidenceDocument:
    only: FindingInfo = replace(finding("203.0.113.9:23/tcp", "Telnet"), **changes)  # type: ignore[arg-type]
    return replace(typical(), findings=(only,), unknown=())


def near() -> EvidenceDocument:
    document = typical()
    waivers = tuple(replace(each, notice="ends within 7 days") for each in document.waivers)
    register = tuple(replace(each, notice="ends within 30 days") for each in document.register)
    return replace(document, waivers=waivers, register=register)


def drawn(what: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def page(document: EvidenceDocument, folder: Path) -> str:
    return HtmlRenderer(reports_dir()).render(document, folder).read_text(encoding="utf-8")


def test_ends_that_are_near_stand_in_the_summary_and_in_the_report(tmp_path: Path) -> None:
    shown, report = drawn(summary_panel(near())), page(near(), tmp_path)
    assert "waiver WV-7 ends within 7 days" in shown
    assert "approvals end within 30 days" in shown
    assert "ends within 7 days" in report
    assert "ends within 30 days" in report


def test_many_waivers_that_end_soon_are_counted_and_push_nothing_out_of_sight() -> None:
    document = near()
    (one,) = document.waivers[:1]
    later = replace(one, notice="ends within 30 days")
    shown = drawn(summary_panel(replace(document, waivers=(one, one, later, later, later))))
    assert "5 waivers end within 30 days, 2 of them within 7: `portproof waivers list`" in shown
    assert "waiver WV-7" not in shown


def test_the_nearest_entry_is_named_once_with_its_line_and_why_it_does_not_match() -> None:
    blame = BlameInfo(
        entry="web",
        location="baseline.yaml:3:5",
        commit="c0ffee",
        date="2026-11-01T08:00:00Z",
        author="dev <dev@example.com>",
        note="",
    )
    nearest = "entry web does not match: it covers 80, not 23"
    shown = drawn(findings_table(with_finding(blame=blame, nearest=nearest)))
    assert "nearest entry web at baseline.yaml:3:5 does not match: it covers 80, not 23; last" in (
        " ".join(shown.split())
    )


def test_nothing_is_said_of_ends_that_are_far() -> None:
    assert "ends within" not in drawn(summary_panel(typical()))


def test_a_late_finding_is_marked_and_its_ticket_named(tmp_path: Path) -> None:
    late = with_finding(overdue=True, target_date="2026-11-01", ticket="OPS-12")
    assert "overdue" in drawn(findings_table(late))
    report = page(late, tmp_path)
    assert "(overdue)" in report
    assert "ticket OPS-12" in report


def test_what_was_called_false_is_suppressed_in_sarif_and_skipped_in_junit() -> None:
    document = with_finding(**FALSE)
    (result,) = json.loads(to_sarif(document))["runs"][0]["results"]
    assert result["suppressions"][0]["justification"] == "closed as a false positive"
    case = ET.fromstring(to_junit(document)).findall(".//testcase")[1]
    assert case.find("failure") is None
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.attrib["message"].startswith("closed as a false positive: ")


def test_what_was_called_false_stays_in_the_report_as_a_deviation(tmp_path: Path) -> None:
    assert "closed by false-positive" in page(with_finding(**FALSE), tmp_path)
