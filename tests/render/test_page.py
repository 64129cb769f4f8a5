from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from evidence_samples import hostile, inconclusive, little, much, typical
from portproof.errors import RenderError
from portproof.model.evidence import EvidenceDocument
from portproof.render.evidence_json import evidence_bytes, read_evidence, write_evidence
from portproof.render.page import PAPER, SCREEN, Medium, draw

REPORTS = Path(__file__).parents[2] / "reports"
# Law 1: an opinion is the assessor's, and "compliant" is no observation.
FORBIDDEN = re.compile(
    r"\b(pass(es|ed|ing)?|fail(s|ed|ing|ures?)?|(non-?)?complian(t|ce)|certif(y|ied|ies)|secured?|securely|guarantee[sd]?)\b",
    re.IGNORECASE,
)
HEADINGS = (
    "Purpose, reader and basis", "Statement of limits", "Scope and authorisation", "Method", "Vantage",
    "Coverage and completeness", "Results by requirement and criterion", "Findings",
    "Waivers and compensating measures", "Register of approved exposures", "Changes since the last comparable run",
    "Operation of the control", "Attestation and sign-off", "Evidence index", "Raw result extract", "Configuration",
    "Glossary and state definitions",
)  # fmt: skip


def page_of(document: EvidenceDocument, medium: Medium = SCREEN) -> str:
    return draw(document, templates=REPORTS, medium=medium, evidence=evidence_bytes(document))


def words_of(page: str) -> str:
    without_style = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", without_style))


def test_sections_stand_in_the_order_an_assessor_expects() -> None:
    page = page_of(typical())
    found = re.findall(r'<h2><span class="number">(\w+)</span> ([^<]+)</h2>', page)
    assert [number for number, _ in found] == [*map(str, range(1, 14)), *"ABCD"]
    assert tuple(title for _, title in found) == HEADINGS


def test_every_link_leads_somewhere_in_the_same_page() -> None:
    for medium in (SCREEN, PAPER):
        page = page_of(typical(), medium)
        targets = set(re.findall(r'\bid="([^"]+)"', page))
        assert set(re.findall(r'href="#([^"]+)"', page)) <= targets


def test_no_identifier_stands_twice() -> None:
    for document in (typical(), hostile(), much()):
        found = re.findall(r'\bid="([^"]+)"', page_of(document))
        assert len(found) == len(set(found))


@pytest.mark.parametrize("template", sorted(REPORTS.rglob("*.j2")), ids=lambda path: path.name)
def test_no_template_says_how_good_something_is(template: Path) -> None:
    words = re.sub(r"\{[#%{].*?[#%}]\}|<[^>]*>", " ", template.read_text(), flags=re.DOTALL)
    assert FORBIDDEN.search(words) is None


@pytest.mark.parametrize(
    "document", [little(), typical(), inconclusive()], ids=["little", "typical", "inconclusive"]
)
def test_no_report_says_how_good_something_is(document: EvidenceDocument) -> None:
    assert FORBIDDEN.search(words_of(page_of(document))) is None


def test_the_first_page_says_what_the_report_is_not() -> None:
    first = page_of(little()).partition('<nav class="contents"')[0]
    assert "What this is not" in first
    assert "not a penetration test" in first


def test_without_findings_the_words_are_no_deviation_within_the_coverage() -> None:
    assert "No deviation was observed within the stated coverage" in words_of(page_of(little()))


def test_an_inconclusive_run_says_insufficient_evidence_and_shows_no_innocent_zero() -> None:
    first = page_of(inconclusive()).partition('<nav class="contents"')[0]
    assert "Insufficient evidence" in first
    assert "fell silent for 19.4 s" in first
    assert 'class="tile critical zero"' not in first
    assert "No deviation was observed" not in words_of(first)
    assert "This run lists no finding because it could not conclude" in page_of(inconclusive())


def test_an_interrupted_run_is_no_complete_one() -> None:
    base = little()
    cut = replace(
        base, run=replace(base.run, status="interrupted", status_reason="Stopped by the operator")
    )
    first = page_of(cut).partition('<nav class="contents"')[0]
    assert "The run is <b>interrupted</b>. Stopped by the operator. It opens" in first


def test_coverage_that_does_not_tie_out_is_said_aloud() -> None:
    base = little()
    document = replace(base, coverage=(replace(base.coverage[0], measured=60_000),))
    assert "no: 65,535 planned, 60,000 accounted for" in words_of(page_of(document))


def test_a_witness_gap_longer_than_allowed_is_marked() -> None:
    assert '<td class="right unmeasured">19.4 s</td>' in page_of(inconclusive())


def test_the_screen_shows_every_finding_and_paper_says_what_it_leaves_out() -> None:
    document = much()
    screen, paper = page_of(document), page_of(document, PAPER)
    assert all(f'id="finding-{each.id}"' in screen for each in document.findings)
    assert "Shown: the first" not in screen
    assert paper.count('<article class="finding') == PAPER.limits.blocks
    assert "Shown: the first 50 of 300 findings, worst first" in words_of(paper)


def test_a_thousand_findings_make_no_longer_paper_than_a_hundred() -> None:
    small, large = (page_of(much(hosts=40, findings=count), PAPER) for count in (320, 1_000))
    assert large.count("<tr") < 1.5 * small.count("<tr")
    assert "Shown: the first 50 of 1,000 findings" in words_of(large)


def test_what_findings_on_paper_lead_to_stands_in_its_index() -> None:
    document = much()
    paper = page_of(document, PAPER)
    shown = document.findings[: PAPER.limits.blocks]
    assert all(f'id="ev-{each.evidence[0]}"' in paper for each in shown)


def test_two_findings_of_one_asset_may_share_an_id_and_the_page_holds_it_once() -> None:
    twin = replace(typical().findings[0], endpoint="203.0.113.1:6379/tcp")
    page = page_of(replace(typical(), findings=(twin, *typical().findings)))
    assert page.count(f'id="finding-{twin.id}"') == 1
    assert page.count('<article class="finding') == len(typical().findings) + 1


def test_a_waiver_that_is_no_longer_listed_is_named_without_a_link() -> None:
    page = page_of(replace(typical(), waivers=()))
    assert "waiver WV-7" in words_of(page)
    assert "#waiver-WV-7" not in page


def test_own_listeners_are_printed_as_such() -> None:
    words = words_of(page_of(typical()))
    assert "portproof's own listener" in words.replace("&#39;", "'")
    assert "attributed and never findings" in words


def test_silence_over_udp_is_told_in_neutral_words() -> None:
    assert "no response (open or filtered)" in words_of(page_of(typical()))


def test_a_run_that_could_not_conclude_stays_in_the_history() -> None:
    assert "not concluded" in words_of(page_of(typical()))


def test_a_draft_carries_a_watermark_on_paper_and_a_signed_report_none() -> None:
    signed = replace(typical(), report=replace(typical().report, draft=False))
    assert '<div class="watermark">DRAFT</div>' in page_of(typical(), PAPER)
    assert "watermark" not in re.sub(
        r"<style>.*?</style>", "", page_of(signed, PAPER), flags=re.DOTALL
    )


@pytest.mark.parametrize("medium", [SCREEN, PAPER], ids=["screen", "paper"])
def test_a_report_from_the_file_equals_the_report_from_memory(
    medium: Medium, tmp_path: Path
) -> None:
    write_evidence(typical(), tmp_path / "evidence.json")
    assert page_of(read_evidence(tmp_path / "evidence.json"), medium) == page_of(typical(), medium)


def test_a_misspelt_field_in_a_template_is_an_error_and_no_empty_cell(tmp_path: Path) -> None:
    (tmp_path / "style").mkdir()
    for sheet in ("common.css", "screen.css"):
        (tmp_path / "style" / sheet).write_text("")
    (tmp_path / "report.html.j2").write_text("{{ doc.report.titel }}")
    with pytest.raises(RenderError, match=r"^the report template is broken: .*titel"):
        draw(little(), templates=tmp_path, medium=SCREEN, evidence=b"{}")


def test_missing_templates_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(
        RenderError, match=r"^cannot read the report's style: .*common\.css: No such file"
    ):
        draw(little(), templates=tmp_path, medium=SCREEN, evidence=b"{}")
