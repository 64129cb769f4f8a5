"""`report.html`: one file that asks for nothing else, with everything in it.

It carries its own content security policy: nothing may be loaded, nothing may run, and one style
sheet, admitted by its digest, may apply. So even a mistake in escaping could not make a banner act.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from portproof.model.evidence import EvidenceDocument
from portproof.render.evidence_json import evidence_bytes, write_whole
from portproof.render.page import SCREEN, draw

FILE_NAME: Final = "report.html"


class HtmlRenderer:
    """Draws `report.html`; `templates` is the folder `reports/`."""

    def __init__(self, templates: Path) -> None:
        self._templates = templates

    def render(self, document: EvidenceDocument, out: Path) -> Path:
        """Write `report.html` into the folder `out`; gives the file's path.

        Raises:
            RenderError: the template is broken, or the file cannot be written.
            EvidenceError: a field of the document that must be laid out cannot be read.
        """
        path = out / FILE_NAME
        page = draw(
            document, templates=self._templates, medium=SCREEN, evidence=evidence_bytes(document)
        )
        write_whole(path, page.encode())
        return path
