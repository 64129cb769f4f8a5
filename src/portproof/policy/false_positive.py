"""False positives: until when a person's word that a rule was mistaken holds.

Someone looked at what was seen, and proved that the rule drew the wrong conclusion. That covers what
was seen then, and nothing that is seen later and was not part of it. The finding stays closed while
a judgement of it shows, against the one that was called false (which the finding keeps)::

    endpoints     none that was not among them: fewer are covered, another address is not
    service       the same name, or none as before: what stopped to identify itself may be another
    reasons       no fact, and no step of the severity, that was not there
    severity      not worse

Banners, times and counts do not matter, as they do not for the fingerprint of the finding itself.
Facts that only say that a waiver ended are left out: they are about a document.
"""

from __future__ import annotations

from typing import Final

from portproof.model.finding import Judgement, Severity
from portproof.policy.subjects import endpoints_of

_OF_DOCUMENTS: Final = frozenset({"exception_expired"})


def beyond(called_false: Judgement, judged: Judgement) -> str:
    """Say what a judgement shows beyond the one that was called false; empty: nothing."""
    return "; ".join(
        told
        for told in (
            _endpoints(called_false, judged),
            _service(called_false, judged),
            _reasons(called_false, judged),
            _severity(called_false, judged),
        )
        if told
    )


def _endpoints(called_false: Judgement, judged: Judgement) -> str:
    covered = set(endpoints_of(called_false))
    new = [str(each) for each in endpoints_of(judged) if each not in covered]
    return f"it is also at {', '.join(new)}" if new else ""


def _service(called_false: Judgement, judged: Judgement) -> str:
    if called_false.service == judged.service:
        return ""
    now, then = judged.service or "nothing that names itself", called_false.service or "nothing"
    return f"what answers is {now}, and was {then}"


def _reasons(called_false: Judgement, judged: Judgement) -> str:
    new = sorted(_grounds(judged) - _grounds(called_false))
    return f"it is also {', '.join(new)}" if new else ""


def _grounds(judged: Judgement) -> set[str]:
    return {*judged.facts, *(step.rule for step in judged.trace)} - _OF_DOCUMENTS


def _severity(called_false: Judgement, judged: Judgement) -> str:
    now, then = (each.severity or Severity.INFO for each in (judged, called_false))
    return f"its severity is {now}, and was {then}" if now.rank > then.rank else ""
