"""A baseline plan as text for a terminal: one line per statement, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.change_plan import PlanDocument
from portproof.render.neutral import PEER_LIMIT, visible

SECTIONS: Final = (
    ("observed ports that become approved", ("port-becomes-approved",)),
    ("observed ports that become unapproved", ("port-becomes-unapproved",)),
    ("required ports that do not answer", ("port-becomes-missing",)),
    ("zones that weaken", ("zone-weakens",)),
    ("entries without an approver or an end", ("approver-missing", "end-missing")),
    ("entries removed", ("entry-removed",)),
)
"""The sections of a plan for people, with the rules of their lines."""


def plan_text(document: PlanDocument) -> str:
    """Write the whole plan."""
    return "\n".join(_lines(document)) + "\n"


def headline(document: PlanDocument) -> str:
    """Say in one sentence what is held against what."""
    against = f", against run {document.run} from zone {document.zone}" if document.run else ""
    return f"{document.base} to {document.new}{against}, as of {document.day}"


def _lines(document: PlanDocument) -> Iterator[str]:
    yield _plain(f"baseline plan: {headline(document)}")
    for title, rules in SECTIONS:
        held = document.of(*rules)
        if held:
            yield f"{title} ({len(held):,})"
        for each in held:
            zones = f"from {', '.join(each.zones)}: " if each.rule == "zone-weakens" else ""
            place = f"{each.place.file}:{each.place.line}"
            yield _plain(f"  {zones}{each.text}  [{place}]")
    for gap in document.gaps:
        where = f"{gap.host} ({gap.transport}) {gap.ports}"
        yield _plain(f" not known, {gap.reason}: {where}")
    yield from (_plain(f" {each}") for each in document.notes)
    if not document.changes_anything:
        yield "the change does nothing: no port, no zone, no entry is judged otherwise"


def _plain(text: str) -> str:
    return visible(text, 4 * PEER_LIMIT)
