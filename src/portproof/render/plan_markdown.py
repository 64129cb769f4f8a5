"""A baseline plan as Markdown, for a comment on the pull request that changes the baseline."""

from __future__ import annotations

from portproof.model.change_plan import PlanDocument, PlanLine
from portproof.render.plan_text import SECTIONS
from portproof.render.pull_request import Comment, code
from portproof.render.wording import plural

_WHOLE = "`portproof baseline plan --format json` holds everything."


def plan_markdown(document: PlanDocument) -> str:
    """Write the plan, what is observed first; what does not fit is counted at the end."""
    comment = Comment()
    changed = sum(each.changed for each in document.lines)
    result = f"{plural(changed, 'statement')} to review" if changed else "nothing changes"
    comment.say(f"### portproof baseline plan: {result}")
    run = f", against run {code(document.run)} from zone {code(document.zone)}"
    sides = f"{code(document.base)} to {code(document.new)}{run if document.run else ''}"
    comment.say(f"From {sides}, as of {document.day}.")
    for title, rules in SECTIONS:
        rows = [_row(each) for each in document.of(*rules)]
        comment.table(f"{title[0].upper()}{title[1:]}", ("what", "from zone", "where"), rows)
    gaps = [
        (gap.reason, code(f"{gap.host} ({gap.transport})"), code(gap.ports))
        for gap in document.gaps
    ]
    comment.table("Not known", ("why", "host", "ports"), gaps)
    for note in document.notes:
        comment.say(f"- {code(note)}", about="notes")
    return comment.text(_WHOLE)


def _row(line: PlanLine) -> tuple[str, str, str]:
    zones = ", ".join(code(each) for each in line.zones)
    return code(line.text), zones, code(f"{line.place.file}:{line.place.line}")
