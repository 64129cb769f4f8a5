"""`report.pdf`: the report on paper, PDF/A-3b, with `evidence.json` attached.

Equal documents give equal bytes, so that "draw it again and compare" is a check anyone can make:
every date is the document's own issue date, and the file identifier comes from the report's id.
Long tables are cut (see `page.PAPER`), because the attachment holds all of it.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NoReturn

from portproof.errors import EvidenceError, RenderError
from portproof.model.evidence import EvidenceDocument
from portproof.render.evidence_json import FILE_NAME as EVIDENCE_NAME
from portproof.render.evidence_json import evidence_bytes, write_whole
from portproof.render.page import PAPER, draw

FILE_NAME: Final = "report.pdf"
APT_PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


class PdfRenderer:
    """Draws `report.pdf`; `templates` is the folder `reports/`."""

    def __init__(self, templates: Path) -> None:
        self._templates = templates

    def render(self, document: EvidenceDocument, out: Path) -> Path:
        """Write `report.pdf` into the folder `out`; gives the file's path.

        Raises:
            RenderError: Pango or WeasyPrint is missing, the template is broken or asks for a
                resource, or the file cannot be written.
            EvidenceError: a field of the document that must be laid out cannot be read.
        """
        path = out / FILE_NAME
        evidence = evidence_bytes(document)
        page = draw(document, templates=self._templates, medium=PAPER, evidence=evidence)
        write_whole(
            path,
            to_pdf(page, evidence=evidence, report_id=document.report.id, issued=_issued(document)),
        )
        return path


def to_pdf(
    page: str, *, evidence: bytes, report_id: str, issued: datetime, name: str = EVIDENCE_NAME
) -> bytes:
    """Turn a page into PDF bytes, the evidence attached by that name; nothing is fetched from anywhere.

    Raises:
        RenderError: Pango or WeasyPrint is missing, or the page asks for a resource.
    """
    weasyprint = _weasyprint()
    attachment = weasyprint.Attachment(
        string=evidence,
        name=name,
        description="The evidence document that this report was drawn from",
        created=issued,
        modified=issued,
        relationship="Data",
    )
    with _nothing_left_out(weasyprint) as fetcher:
        written: bytes = weasyprint.HTML(string=page, url_fetcher=fetcher).write_pdf(
            pdf_variant="pdf/a-3b",
            attachments=[attachment],
            custom_metadata=True,
            pdf_identifier=hashlib.sha256(report_id.encode()).digest()[:16],
        )
    return written


def require_library() -> str:
    """Load what the PDF needs; gives WeasyPrint's version.

    Raises:
        RenderError: Pango or WeasyPrint is missing; the message names the packages to install.
    """
    return str(_weasyprint().__version__)


def _weasyprint() -> ModuleType:
    # Imported here: it loads Pango and takes half a second that no other command should pay.
    try:
        import weasyprint  # noqa: PLC0415
    except ImportError as error:
        raise RenderError(
            f"the PDF report needs WeasyPrint: {error}; pip install weasyprint"
        ) from error
    except OSError as error:
        first_line = str(error).splitlines()[0]
        raise RenderError(
            f"the PDF report needs Pango ({first_line}): apt-get install {APT_PACKAGES}"
        ) from error
    module: ModuleType = weasyprint
    return module


@contextmanager
def _nothing_left_out(weasyprint: ModuleType) -> Iterator[Any]:
    """Give a fetcher that refuses every URL, and turn whatever could not be drawn into an error.

    A report needs no resource: markup that asks for one was injected. WeasyPrint goes on without a
    picture that it cannot load or draw, and only logs it; a report that lacks a figure without
    saying so is not what we hand to an auditor.
    """
    refused: list[str] = []
    told = _Told(level=logging.ERROR)
    logger = logging.getLogger("weasyprint")

    class RefusingFetcher(weasyprint.urls.URLFetcher):  # type: ignore[misc, name-defined]
        def fetch(self, url: str, headers: object = None) -> NoReturn:  # noqa: ARG002 - its contract
            refused.append(url[:200])
            raise ValueError("reports may load nothing")

    logger.addHandler(told)
    try:
        with warnings.catch_warnings():
            # WeasyPrint 70 leaves the colour profile that PDF/A needs open, for the collector to close.
            warnings.filterwarnings("ignore", r"unclosed file .*\.icc", ResourceWarning)
            yield RefusingFetcher()
    finally:
        logger.removeHandler(told)
    if refused:
        raise RenderError(f"the report asked for {refused[0]!r}, and reports may load nothing")
    if told.messages:
        raise RenderError(f"a part of the report could not be drawn: {told.messages[0]}")


class _Told(logging.Handler):
    """Keeps what WeasyPrint reports as errors."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _issued(document: EvidenceDocument) -> datetime:
    text = document.report.issued_at
    try:
        issued = datetime.fromisoformat(text)
    except ValueError as error:
        raise EvidenceError(f"$.report.issued_at is not an RFC 3339 instant: {text!r}") from error
    if issued.tzinfo is None:
        raise EvidenceError(f"$.report.issued_at has no time zone: {text!r}")
    return issued.astimezone(UTC)
