"""The report as HTML text: one template for both media, with what it needs laid out beforehand.

The template may look at the neutralised document and at what is built here: figures, limits, the
digest of the canonical evidence. Autoescape is on for every template, and an undefined name is an
error, so that a misspelt field can never print as an empty, innocent cell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from portproof.model.compliance import ControlWord
from portproof.model.evidence import EvidenceDocument, EvidenceItem
from portproof.model.finding import Severity, Verdict
from portproof.render import wording
from portproof.render.bars import coverage_bar
from portproof.render.evidence_json import FILE_NAME
from portproof.render.exposure import exposure_map
from portproof.render.heatmap import heat_map, legend
from portproof.render.neutral import neutralised
from portproof.render.standalone import Filters, draw_page
from portproof.render.timeline import timeline, timeline_legend

_ALL: Final = 1_000_000
_TEMPLATE: Final = "report.html.j2"
_FILTERS: Final[Filters] = {
    "loss": wording.loss,
    "microseconds": wording.microseconds,
    "short": wording.short,
    "fault": wording.fault,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many rows of each long table a medium shows; the rest is counted and pointed to."""

    findings: int = _ALL
    blocks: int = _ALL
    unknown: int = _ALL
    facts: int = _ALL
    """Per control and kind."""
    register: int = _ALL
    changes: int = _ALL
    operation: int = _ALL
    coverage: int = _ALL
    hosts: int = _ALL
    observations: int = _ALL
    """Per host."""
    index: int = _ALL
    timeline: int = _ALL
    heat_columns: int = _ALL
    heat_rows: int = _ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """Where a report is read: its style sheet, and how much it shows."""

    name: str
    """`screen` or `paper`."""
    limits: Limits


SCREEN: Final = Medium(name="screen", limits=Limits(heat_columns=240))
PAPER: Final = Medium(
    name="paper",
    limits=Limits(
        findings=50, blocks=25, unknown=60, facts=4, register=120, changes=60, operation=40, coverage=60,
        hosts=20, observations=15, index=80, timeline=64, heat_columns=48, heat_rows=60,
    ),
)  # fmt: skip


def draw(document: EvidenceDocument, *, templates: Path, medium: Medium, evidence: bytes) -> str:
    """Draw the whole report as one HTML document; `evidence` is the canonical `evidence.json`.

    Raises:
        RenderError: a template or style sheet is missing or broken.
        EvidenceError: a field of the document that must be laid out cannot be read.
    """
    return draw_page(
        _TEMPLATE,
        _context(document, medium=medium, evidence=evidence),
        sheets=("common.css", f"{medium.name}.css"),
        filters=_FILTERS,
        templates=templates,
    )


def _context(document: EvidenceDocument, *, medium: Medium, evidence: bytes) -> dict[str, Any]:
    index = _index(document, medium.limits)
    return {
        "doc": neutralised(document),
        "medium": medium.name,
        "limits": medium.limits,
        "share": wording.share,
        "severities": tuple(reversed(Severity)),
        "verdicts": tuple(Verdict),
        "words": tuple(ControlWord),
        "evidence_file": FILE_NAME,
        "evidence_digest": hashlib.sha256(evidence).hexdigest(),
        "evidence_bytes": len(evidence),
        "index": neutralised(index),
        "known": frozenset(item.digest for item in index) | {document.run.outcome_digest},
        "blocks": frozenset(each.id for each in document.findings[: medium.limits.blocks]),
        # A fact whose finding stands in section 8 need not repeat its sentence under each requirement.
        "known_findings": frozenset(each.id for each in document.findings),
        "waivers": frozenset(each.id for each in document.waivers),
        "once": _Once(),
        **_figures(document, medium.limits),
    }


def _figures(document: EvidenceDocument, limits: Limits) -> dict[str, Any]:
    exposure = exposure_map(document, max_columns=limits.heat_columns, max_rows=limits.heat_rows)
    stretches, hidden = timeline(document.timeline, max_endpoints=limits.timeline)
    return {
        "exposure": exposure,
        "heat_map": heat_map(exposure),
        "heat_legend": legend(),
        "timeline": stretches,
        "timeline_hidden": hidden,
        "timeline_legend": timeline_legend(),
        "coverage_bars": tuple(coverage_bar(each) for each in document.coverage),
    }


def _index(document: EvidenceDocument, limits: Limits) -> tuple[EvidenceItem, ...]:
    """Give the rows of appendix A; when room is short, what the shown findings lead to comes first."""
    if len(document.index) <= limits.index:
        return document.index
    rank: dict[str, int] = {}
    for digest in _referenced(document, limits):
        rank.setdefault(digest, len(rank))
    return tuple(
        sorted(document.index, key=lambda item: rank.get(item.digest, len(rank)))[: limits.index]
    )


def _referenced(document: EvidenceDocument, limits: Limits) -> Iterable[str]:
    for finding in (*document.findings[: limits.blocks], *document.unknown[: limits.unknown]):
        yield from finding.evidence
    for framework in document.frameworks:
        for control in framework.controls:
            for facts in (control.exceptions, control.supporting, control.context):
                yield from (digest for fact in facts[: limits.facts] for digest in fact.evidence)


class _Once:
    """Gives each identifier as an attribute the first time it is asked for, then nothing.

    Two findings may share an id (two addresses of one asset), and a page may hold an id once.
    """

    def __init__(self) -> None:
        self._given: set[str] = set()

    def __call__(self, identifier: str) -> Markup:
        if identifier in self._given:
            return Markup()
        self._given.add(identifier)
        return Markup(' id="{}"').format(identifier)
