"""What `portproof tickets sync` prints: its steps, for people and for machines."""

from __future__ import annotations

from typing import Any, Final

from portproof.bootstrap.forms import visible
from portproof.policy.wording import counted
from portproof.usecases.tickets import Done, Problem, Step, Told, Waiting

_DID: Final = {
    Step.REOPEN: "open again",
    Step.OPEN: "ticket opened",
    Step.LINK: "ticket noted",
    Step.CLAIM: "fix claimed by",
    Step.MOVE: "ticket moved",
    Step.TELL: "ticket told",
}
_WOULD_DO: Final = {
    Step.REOPEN: "would be open again",
    Step.OPEN: "a ticket would be opened",
    Step.LINK: "would be linked to",
    Step.CLAIM: "a fix would be claimed by",
    Step.MOVE: "would move ticket",
    Step.TELL: "would tell ticket",
}


def line_of(told: Told, *, dry_run: bool) -> str:
    """Say one step of a sync in a line."""
    match told:
        case Done():
            does = _WOULD_DO if dry_run else _DID
            reference = f" {told.reference}" if told.reference else ""
            detail = f": {visible(told.detail)}" if told.detail else ""
            title = visible(told.finding.judgement.title)
            return (
                f"{told.finding.fingerprint} {does[told.step]}{reference}{detail or f': {title}'}"
            )
        case Problem():
            return f"{told.finding.fingerprint}: {visible(told.because)}"
        case Waiting():
            waiting = counted(told.number, "more finding")
            return f"{waiting} without a ticket left for the next time (most_new)"


def told_json(told: Told, *, dry_run: bool) -> dict[str, Any]:
    """Give one step of a sync as plain values."""
    match told:
        case Done():
            return {
                "type": told.step,
                "finding": told.finding.fingerprint,
                "ticket": told.reference,
                "detail": told.detail,
                "done": not dry_run,
            }
        case Problem():
            return {"type": "problem", "finding": told.finding.fingerprint, "because": told.because}
        case Waiting():
            return {"type": "waiting", "findings": told.number}
