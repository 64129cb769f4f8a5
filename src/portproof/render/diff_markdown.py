"""A comparison as Markdown, for a comment on a pull request or a ticket."""

from __future__ import annotations

from typing import Final

from portproof.model.drift_document import ChangeLine, DiffDocument
from portproof.render.diff_text import by_reason
from portproof.render.pull_request import Comment, code
from portproof.render.wording import plural

_TITLES: Final = {
    "opened": "Opened",
    "closed": "No longer open",
    "service": "Another service",
    "own listener": "portproof's own listener in one run",
    "unapproved": "Open and not approved",
    "absent": "Approved and absent",
}
_WHOLE: Final = "`portproof diff --format json` holds everything."


def diff_markdown(document: DiffDocument) -> str:
    """Write the comparison, changes first; what does not fit is counted at the end."""
    comment = Comment()
    comment.say(f"### portproof diff: {_result(document)}")
    sides = (
        f"From {code(document.before)} ({code(document.before_at)}) to run {code(document.after)}"
    )
    seen = "the later one seen from" if document.refused else "seen from"
    comment.say(f"{sides}, {seen} {code(document.vantage)} in zone {code(document.zone)}.")
    for reason in document.refused:
        comment.say(f"**Not comparable:** {code(reason)}", about="reasons")
    for kind, title in _TITLES.items():
        rows = [_row(each) for each in document.changes if each.kind == kind]
        comment.table(title, ("where", "was", "is", "note"), rows)
    _shifts(comment, document)
    _between(comment, document)
    _differences(comment, document)
    _gaps(comment, document)
    for note in document.notes:
        comment.say(f"- {code(note)}", about="notes")
    return comment.text(_WHOLE)


def _result(document: DiffDocument) -> str:
    if document.refused:
        return "not comparable"
    count = len(document.changes) + len(document.shifts)
    among = f"among {plural(document.compared, 'endpoint')} compared"
    left = f", {document.uncompared:,} not compared" if document.uncompared else ""
    return f"{plural(count, 'change') if count else 'no difference'} {among}{left}"


def _row(each: ChangeLine) -> tuple[str, str, str, str]:
    return (
        code(each.endpoint),
        _seen(each.before, each.reason_before, each.service_before),
        _seen(each.after, each.reason_after, each.service_after),
        code(each.note),
    )


def _seen(state: str, reason: str, service: str) -> str:
    return " ".join(code(each) for each in (state, reason, service) if each)


def _shifts(comment: Comment, document: DiffDocument) -> None:
    rows = [
        (
            code(each.address),
            f"{each.transport} {code(each.ports)}",
            _seen(each.before, each.reason_before, ""),
            _seen(each.after, each.reason_after, ""),
        )
        for each in document.shifts
    ]
    comment.table("Between states that are not open", ("host", "ports", "was", "is"), rows)


def _between(comment: Comment, document: DiffDocument) -> None:
    rows = [
        (code(each.endpoint), code(each.state), each.first_seen, each.last_seen)
        for each in document.between
    ]
    comment.table("Seen in between only", ("where", "state", "first", "last"), rows)


def _differences(comment: Comment, document: DiffDocument) -> None:
    rows = [
        (each.what, code(each.before), code(each.after), code(each.consequence or "nothing"))
        for each in document.differences
    ]
    comment.table("The runs are unlike in", ("what", "was", "is", "what follows"), rows)


def _gaps(comment: Comment, document: DiffDocument) -> None:
    rows = [
        (reason, code(f"{each.host} ({each.transport})"), code(each.ports), f"{each.count:,}")
        for reason, held in by_reason(document.gaps)
        for each in held
    ]
    comment.table("Not compared", ("why", "host", "ports", "endpoints"), rows)
