"""A reconciliation as Markdown, for a ticket or a pull request."""

from __future__ import annotations

from typing import Final

from portproof.model.reconcile import ReconcileDocument, ReconcileRow, Standing
from portproof.render.pull_request import Comment, code
from portproof.render.reconcile_text import ports_shown
from portproof.render.wording import plural

_FOR: Final = {Standing.STALE: " (for the review of rules, PCI DSS 1.2.7)"}
_WHOLE = "`portproof reconcile --format json` holds everything."


def reconcile_markdown(document: ReconcileDocument) -> str:
    """Write the rows by standing; what does not fit is counted at the end."""
    comment = Comment()
    count = sum(each.contradiction for each in document.rows)
    comment.say(f"### portproof reconcile: {plural(count, 'contradiction')}")
    comment.say(
        f"Run {code(document.run)} ({document.status}), seen from {code(document.vantage)} "
        f"in zone {code(document.zone)}, {document.at}."
    )
    heads = ("", "where", "scan", "listening", "intent")
    for standing in Standing:
        rows = [_row(each) for each in document.rows if each.standing is standing]
        title = f"{standing[0].upper()}{standing[1:]}{_FOR.get(standing, '')}"
        comment.table(title, heads, rows)
    odd = [(code(each),) for each in document.not_understood]
    comment.table("Not understood", ("what",), odd)
    for note in document.notes:
        comment.say(f"- {code(note)}", about="notes")
    return comment.text(_WHOLE)


def _row(row: ReconcileRow) -> tuple[str, ...]:
    place = f"{row.host} {ports_shown(row.ports)}/{row.transport}"
    intent = f"{row.intent} {code(row.rule)}".strip()
    return (
        "⚠" if row.contradiction else "",
        code(place),
        code(row.scan),
        code(row.listening),
        intent,
    )
