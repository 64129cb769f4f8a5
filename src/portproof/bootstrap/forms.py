"""Evidence and runs as text for machines and tables for terminals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from portproof.model.evidence import EvidenceDocument
from portproof.model.scan import RunRecord
from portproof.render.evidence_json import evidence_bytes, read_evidence
from portproof.render.files import require_writable, write_text
from portproof.render.jsonl import to_jsonl
from portproof.render.junit import to_junit
from portproof.render.neutral import visible
from portproof.render.nmap_grep import nmap_grep
from portproof.render.nmap_normal import nmap_normal
from portproof.render.nmap_xml import nmap_xml
from portproof.render.run_record import ports_table, to_jsonl_lines
from portproof.render.sarif import to_sarif
from portproof.render.terminal import findings_table, summary_panel

TEXT_FORMATS = ("json", "jsonl", "sarif", "junit")
ScanForm: TypeAlias = Literal["normal", "xml", "grep", "jsonl"]
"""The forms of a scan that nmap's users know: -oN, -oX, -oG, and -oJ of masscan."""

__all__ = [
    "TEXT_FORMATS",
    "ScanForm",
    "findings_table",
    "ports_table",
    "read_evidence",
    "require_writable",
    "scan_text",
    "summary_panel",
    "to_jsonl_lines",
    "to_text",
    "visible",
    "write_text",
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


def scan_text(
    record: RunRecord,
    form: ScanForm,
    command: str,
    *,
    open_only: bool = False,
    reason: bool = False,
) -> Iterator[str]:
    """Write a run as nmap would, piece by piece; `command` is the command line of the scan."""
    match form:
        case "normal":
            return nmap_normal(record, command, open_only=open_only, reason=reason)
        case "xml":
            return nmap_xml(record, command, open_only=open_only)
        case "grep":
            return nmap_grep(record, command, open_only=open_only)
        case "jsonl":
            return iter((to_jsonl_lines(record),))
