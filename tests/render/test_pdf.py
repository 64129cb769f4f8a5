from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from evidence_samples import hostile, inconclusive, little, typical
from portproof.contracts import Renderer
from portproof.errors import EvidenceError, RenderError
from portproof.model.evidence import EvidenceDocument
from portproof.render.evidence_json import evidence_bytes
from portproof.render.pdf import PdfRenderer, require_library, to_pdf

REPORTS = Path(__file__).parents[2] / "reports"
ISSUED = datetime(2026, 11, 20, 23, tzinfo=UTC)


def written(document: EvidenceDocument, out: Path) -> Path:
    renderer: Renderer = PdfRenderer(REPORTS)
    return renderer.render(document, out)


def text_of(path: Path, pages: slice = slice(None)) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(path).pages[pages])


@pytest.fixture(scope="module")
def typical_pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(typical(), tmp_path_factory.mktemp("typical"))


def test_the_first_page_holds_the_result_and_its_limits(typical_pdf: Path) -> None:
    first = text_of(typical_pdf, slice(0, 1))
    assert "6 deviations were observed within the stated coverage." in first
    assert "458,825 of 524,376 (87.49 %)" in first
    assert "What this is not" in first
    assert "not a penetration test" in first
    assert "DRAFT" in first


def test_every_page_carries_the_report_id_its_number_and_the_log_head(typical_pdf: Path) -> None:
    pages = PdfReader(typical_pdf).pages
    head = typical().report.log_head
    for number, page in enumerate(pages, start=1):
        words = " ".join(page.extract_text().split())
        assert "Report PP-2026-0042" in words
        assert f"page {number} of {len(pages)}" in words
        assert f"log head {head[:8]}…{head[-8:]}" in words


def test_all_sections_are_in_the_document_and_its_outline(typical_pdf: Path) -> None:
    words = text_of(typical_pdf)
    for sentence in (
        "Not an ASV scan.", "Tie-out: planned = measured + not measured + missing", "Witnesses of silence",
        "Redis answers without a password and nobody approved it", "Could not be judged", "WV-7", "Owner and approval",
        "State timeline", "Left blank for the assessor.", "Raw result extract",
    ):  # fmt: skip
        assert sentence in words
    outline = [each.title for each in PdfReader(typical_pdf).outline if not isinstance(each, list)]
    assert len(outline) == 17


def test_the_evidence_is_attached_as_data(typical_pdf: Path) -> None:
    reader = PdfReader(typical_pdf)
    assert reader.attachments["evidence.json"] == [evidence_bytes(typical())]
    (file, *_) = reader.trailer["/Root"]["/AF"]
    assert file.get_object()["/AFRelationship"] == "/Data"


def test_it_says_what_it_is_to_machines(typical_pdf: Path) -> None:
    reader = PdfReader(typical_pdf)
    assert reader.metadata is not None
    assert reader.metadata.title.startswith("Network exposure of the customer portal")
    assert reader.metadata.creation_date == ISSUED
    assert reader.trailer["/Root"]["/Lang"] == "en"
    xmp = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in xmp.replace(
        'pdfaid:part="3"', "<pdfaid:part>3</pdfaid:part>"
    )


def test_equal_documents_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (written(little(), tmp_path / name).read_bytes() for name in "ab")
    assert first == second


def test_an_inconclusive_run_says_so_on_page_one(tmp_path: Path) -> None:
    first = text_of(written(inconclusive(), tmp_path), slice(0, 1))
    assert "Insufficient evidence" in first
    assert "not concluded" in first


def test_hostile_text_renders_as_text(tmp_path: Path) -> None:
    base = hostile()
    words = text_of(written(replace(base, findings=base.findings[:10], unknown=()), tmp_path))
    assert "<script>alert(1)</script>" in words
    assert "\\x1b[2J" in words


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="file:///etc/passwd">',
        '<img src="http://127.0.0.1:9/x.png">',
        '<img src="data:image/svg+xml,<svg/>">',
        '<link rel="stylesheet" href="file:///etc/passwd">',
        "<style>@import url(http://127.0.0.1:9/x.css);</style>",
        "<p style=\"background: url('file:///etc/passwd')\">x</p>",
        '<object data="file:///etc/passwd"></object>',
        '<link rel="attachment" href="file:///etc/passwd">',
        "<svg><image href='file:///etc/passwd' width='9' height='9'/></svg>",
        "<style>@font-face { font-family: x; src: url(file:///etc/passwd) } p { font-family: x }</style><p>x</p>",
    ],
)
def test_markup_that_asks_for_a_resource_is_refused(markup: str) -> None:
    with pytest.raises(RenderError, match="reports may load nothing"):
        to_pdf(
            f"<!doctype html><html><body>{markup}</body></html>",
            evidence=b"{}",
            report_id="x",
            issued=ISSUED,
        )


@pytest.mark.parametrize("issued_at", ["soon", "2026-11-20T23:00:00"])
def test_an_issue_date_that_is_no_instant_is_refused(issued_at: str, tmp_path: Path) -> None:
    document = replace(little(), report=replace(little().report, issued_at=issued_at))
    with pytest.raises(EvidenceError, match=r"\$\.report\.issued_at"):
        written(document, tmp_path)


def test_a_machine_without_pango_is_told_which_packages_to_install(tmp_path: Path) -> None:
    (tmp_path / "weasyprint.py").write_text(
        "raise OSError(\"cannot load library 'libpango-1.0-0'\\nmore\")\n"
    )
    told = run_python(
        "from portproof.render.pdf import require_library; require_library()", tmp_path
    )
    assert told.splitlines()[-1] == (
        "portproof.errors.RenderError: the PDF report needs Pango (cannot load library 'libpango-1.0-0'): "
        "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
    )


def test_weasyprint_is_loaded_only_when_a_pdf_is_drawn(tmp_path: Path) -> None:
    program = "import sys, portproof.render.pdf, portproof.render.html; print('weasyprint' in sys.modules)"
    assert run_python(program, tmp_path).strip() == "False"
    assert require_library().split(".")[0] in ("69", "70")


def run_python(program: str, first_on_path: Path) -> str:
    source = str(Path(__file__).parents[2] / "src")
    preamble = f"import sys; sys.path[:0] = [{str(first_on_path)!r}, {source!r}]; "
    done = subprocess.run(
        [sys.executable, "-c", preamble + program], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
