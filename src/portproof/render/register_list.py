"""The register of approved services: CSV for spreadsheets, Markdown for reviews, HTML for assessors."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Final

from portproof.model.register import Register, RegisterLine
from portproof.render.csv_text import to_csv
from portproof.render.pull_request import code
from portproof.render.standalone import draw_page

_COLUMNS: Final = tuple(RegisterLine.__dataclass_fields__)
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,;:@()/+=-]*")
_TEMPLATE: Final = "register.html.j2"
_SHEETS: Final = ("common.css", "screen.css", "register.css")
_HEADS: Final = ("entry", "service", "from → to", "why", "owner", "approval", "stands")


def register_csv(register: Register) -> str:
    """Write one row per approved service, under the names of the fields."""
    return to_csv(_COLUMNS, (asdict(each) for each in register.lines))


def register_markdown(register: Register) -> str:
    """Write a table; other people's text is quoted, whatever is in it."""
    rows = (f"| {' | '.join(_cells(each))} |\n" for each in register.lines)
    head = f"| {' | '.join(_HEADS)} |\n|{' --- |' * len(_HEADS)}\n"
    return "".join(
        (
            f"# Approved services of {code(register.scope)}\n\n",
            f"As of {register.on} (UTC). {_counted(register)}\n\n",
            head,
            *rows,
            f"\nBaseline {code(register.file)}, SHA-256 `{register.digest}`. {_tame(_reviewed(register))}\n",
            *(f"\n{code(each)}\n" for each in register.statements),
        )
    )


def register_html(register: Register, *, templates: Path) -> str:
    """Draw a page of its own.

    Raises:
        RenderError: the template or a style sheet is missing or broken.
    """
    values = {
        "register": register,
        "counted": _counted(register),
        "reviewed": _reviewed(register),
    }
    return draw_page(_TEMPLATE, values, sheets=_SHEETS, filters={}, templates=templates)


def _cells(line: RegisterLine) -> tuple[str, ...]:
    approved = f"{code(line.approval)}<br>{line.approved_on or 'no date'}"
    return (
        f"{code(line.entry)}<br>{code(line.location)}",
        f"{code(line.service or 'any service')} {code(line.ports)}<br>{line.presence}",
        f"{code(line.from_zones)} → {code(line.hosts)}",
        code(line.justification) or "no reason is given",
        code(line.owner) or "nobody",
        f"{approved} {code(line.ticket)}".rstrip(),
        f"{code(line.standing)}<br>until {line.review_by or 'no date'}",
    )


def _counted(register: Register) -> str:
    lapsed = sum(each.standing != "in force" for each in register.lines)
    told = f"{len(register.lines):,} approved"
    if lapsed:
        told += f", of which {lapsed:,} {_verb(lapsed, 'grants', 'grant')} nothing on that day"
    if register.proposed:
        are = _verb(register.proposed, "is", "are")
        told += f"; {register.proposed:,} more {are} proposed, and not listed"
    return f"{told}."


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _tame(text: str) -> str:
    """Give a sentence as Markdown: as it is where nothing in it can be markup, else as code."""
    return text if _PLAIN.fullmatch(text) else code(text)


def _reviewed(register: Register) -> str:
    if not register.reviewed:
        return "The baseline names no review of the register."
    return f"Reviewed {register.reviewed}."
