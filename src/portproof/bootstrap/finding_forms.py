"""Findings and what is accepted as text for machines and as tables for terminals."""

from __future__ import annotations

from portproof.render.acceptance_tables import acceptance_tables, to_acceptances_text
from portproof.render.finding_rows import to_findings_text, to_lives_text
from portproof.render.finding_tables import life_told, standing_table
from portproof.render.ticket_tables import ticket_table, to_tickets_text

__all__ = [
    "acceptance_tables",
    "life_told",
    "standing_table",
    "ticket_table",
    "to_acceptances_text",
    "to_findings_text",
    "to_lives_text",
    "to_tickets_text",
]
