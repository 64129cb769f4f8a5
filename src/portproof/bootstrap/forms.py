"""Evidence and runs as text for machines and tables for terminals."""

from __future__ import annotations

from portproof.model.evidence import EvidenceDocument
from portproof.render.evidence_json import evidence_bytes, read_evidence
from portproof.render.jsonl import to_jsonl
from portproof.render.junit import to_junit
from portproof.render.neutral import visible
from portproof.render.run_record import ports_table, to_jsonl_lines
from portproof.render.sarif import to_sarif
from portproof.render.terminal import findings_table, summary_panel

TEXT_FORMATS = ("json", "jsonl", "sarif", "junit")

__all__ = [
    "TEXT_FORMATS",
    "findings_table",
    "ports_table",
    "read_evidence",
    "summary_panel",
    "to_jsonl_lines",
    "to_text",
    "visible",
]


def to_text(document: EvidenceDocument, form: str) -> str:
    """Write the evidence in one of `TEXT_FORMATS`, for standard output."""
    match form:
        case "json":
            return evidence_bytes(document).decode()
        case "jsonl":
            return to_jsonl(document)
        case "sarif":
            return to_sarif(document)
        case _:
            return to_junit(document)
