"""Comparisons of runs as text for standard output."""

from __future__ import annotations

from portproof.model.drift_document import DiffDocument
from portproof.render.diff_json import diff_json
from portproof.render.diff_markdown import diff_markdown
from portproof.render.diff_text import diff_text

COMPARISON_FORMS = ("text", "json", "md")


def comparison(document: DiffDocument, form: str) -> str:
    """Write a comparison in one of `COMPARISON_FORMS`."""
    match form:
        case "json":
            return diff_json(document)
        case "md":
            return diff_markdown(document)
        case _:
            return diff_text(document)
