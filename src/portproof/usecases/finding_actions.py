"""What a person does to findings: acknowledge, assign, claim a fix, call false, note, comment.

A person moves a finding, and measures nothing: none of this alters a judgement, and only a false
positive, which carries a proof, closes one. Each act is an event of the append-only log, with who
did it, where that name comes from, and why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from portproof.contracts import Clock, Store
from portproof.errors import FindingError
from portproof.model.finding import Actor, Finding, FindingEvent, FindingEventKind, Severity
from portproof.policy.lifecycle_projection import refusal
from portproof.usecases.findings import named

LONGEST_TEXT: Final = 2_000
"""Characters of a reason: what a report prints of one text."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is to be done to findings."""

    kind: FindingEventKind
    """One of `model.finding.PERSONAL`."""
    because: str
    """Why; for a comment, what it says."""
    value: str = ""
    """What it sets: the owner, the ticket's reference, the reference of the proof."""
    digest: str = ""
    """SHA-256 of a false positive's proof, lower-case hex; empty: none."""


def act(
    store: Store, clock: Clock, actor: Actor, names: Sequence[str], wanted: Act
) -> tuple[FindingEvent, ...]:
    """Do one thing to one or several findings, all or none of them; gives the events.

    Raises:
        FindingError: a name is none or ambiguous, a text is missing or too long, or the state of a
            finding does not allow it.
        StoreError: the store cannot be read or written.
    """
    _require_texts(wanted)
    found = named(store.findings(), names)
    refused = [(each, refusal(each, wanted.kind)) for each in found]
    problems = [f"{each.fingerprint}: {why}" for each, why in refused if why]
    if problems:
        raise FindingError(f"nothing was changed; {'; '.join(problems)}")
    now = clock.now()
    events = tuple(
        FindingEvent(
            finding=each.fingerprint,
            kind=wanted.kind,
            at=now,
            run_id=each.run_id,
            severity=_severity(each),
            because=wanted.because.strip(),
            actor=actor,
            value=wanted.value.strip(),
            digest=wanted.digest,
        )
        for each in found
    )
    store.append_actions(events)
    return events


def _severity(finding: Finding) -> Severity:
    return finding.judgement.severity or Severity.INFO


_NEEDS_REASON: Final = {
    FindingEventKind.ACKNOWLEDGED: "why is it acknowledged? Say so with --because",
    FindingEventKind.FIX_CLAIMED: "what was done about it? Say so with --because",
    FindingEventKind.FALSE_POSITIVE: "why is the rule mistaken? Say so with --because",
    FindingEventKind.COMMENTED: "a comment needs a text",
}
_NEEDS_VALUE: Final = {
    FindingEventKind.ASSIGNED: "an owner must be named",
    FindingEventKind.FALSE_POSITIVE: "a false positive needs the reference of a proof",
    FindingEventKind.TICKETED: "the reference of the ticket is missing",
}


def _require_texts(wanted: Act) -> None:
    """Refuse an act without the texts that an auditor would ask for."""
    for text, needed in ((wanted.because, _NEEDS_REASON), (wanted.value, _NEEDS_VALUE)):
        if wanted.kind in needed and not text.strip():
            raise FindingError(needed[wanted.kind])
        if any(0xD800 <= ord(each) <= 0xDFFF for each in text):  # noqa: PLR2004 - the surrogates
            raise FindingError("a text is not UTF-8: write it in the encoding of this terminal")
        if len(text) > LONGEST_TEXT:
            raise FindingError(
                f"a text has {len(text):,} characters, and may have {LONGEST_TEXT:,}: keep the rest "
                "where the ticket or the proof is"
            )
    if wanted.digest and not _DIGEST.fullmatch(wanted.digest):
        raise FindingError(f"{wanted.digest!r} is no SHA-256: 64 digits of 0-9 and a-f")
