"""`baseline-recorded`: which commit the baseline was read at; it conforms, and is kept with the run.

The next run asks git whether that commit still lies in the history. Where it does not, the history
was rewritten, and what its commits say of approvals is believed no more; the old commit stays on
record then, so that one run in between does not make it forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from portproof.model.finding import Judgement, Subject, Verdict
from portproof.policy.scene import Scene

RULE: Final = "baseline-recorded"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement where git told the commit and the history of entries was asked for."""
    anchor = scene.provenance.anchor
    if anchor:
        yield Judgement(
            rule=RULE,
            verdict=Verdict.CONFORMS,
            subject=subject(scene.baseline.scope),
            title="Commit of the baseline",
            because=f"The baseline was read at commit {scene.provenance.commit}.",
            evidence=(anchor,),
        )


def subject(scope: str) -> Subject:
    """Give what the judgement is about: the baseline of a scope, as a document."""
    return Subject(asset=f"{scope}/", zone="")


def recorded(judgements: Iterable[Judgement], scope: str) -> str:
    """Give the commit that earlier judgements recorded for a scope; empty when they did not."""
    held = (
        each.evidence[0]
        for each in judgements
        if each.rule == RULE and each.subject == subject(scope) and each.evidence
    )
    return next(held, "")
