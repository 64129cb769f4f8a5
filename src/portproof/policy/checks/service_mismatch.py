"""`service-mismatch`: the port is approved, but what answers is not the approved service.

Only a service that identified itself can contradict an entry; where none did, or where what
answered may carry the approved one, it is UNKNOWN (`services`: the table of names).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from portproof.model.finding import Judgement, Severity, Verdict
from portproof.policy.scene import Scene
from portproof.policy.services import Match, compare
from portproof.policy.severity import fixed
from portproof.policy.wording import saw, spoke

RULE: Final = "service-mismatch"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement per open port whose entry names a service."""
    for sighting, port, seen in scene.questionable_ports():
        entry = sighting.granting(port, scene.today)
        if entry is None or not entry.service:
            continue
        blank = scene.blank(RULE, sighting, port, seen)
        how = saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)
        judged = replace(
            blank,
            title=f"Approved service answers: {entry.service} on port {port}/{sighting.transport}",
            because=f"{how}; {spoke(seen, scene.run.plan.silent_ports)}; entry {entry.id} expects {entry.service}.",
            entry_id=entry.id,
            owner=blank.owner or entry.owner,
            location=entry.location,
        )
        services = {
            each.service
            for each in sighting.entries
            if port in each.ports and sighting.grants(each, scene.today)
        }
        matches = {compare(each, seen.service if seen else None) for each in services if each}
        yield _by_match(judged, matches, entry.service)


def _by_match(judged: Judgement, matches: set[Match], expected: str) -> Judgement:
    """Complete the judgement; where several entries grant the port, any of them may fit."""
    if Match.SAME in matches:
        return judged
    if Match.UNTOLD in matches:
        return replace(
            judged,
            verdict=Verdict.UNKNOWN,
            title=judged.title.replace(
                "Approved service answers", "Approved service not confirmed"
            ),
            action="Nothing is claimed of what runs there; identify it by hand if it matters.",
        )
    because = "the port is approved for another service"
    return replace(
        judged,
        verdict=Verdict.DEVIATES,
        title=f"Another service than {expected} answers: {judged.service} on port {_port(judged)}",
        facts=("service_mismatch",),
        severity=Severity.MEDIUM,
        trace=fixed(Severity.MEDIUM, "service mismatch", because),
        action=f"Find out why {judged.service} answers there; restore {expected}, or change the entry and have it approved.",
    )


def _port(judged: Judgement) -> str:
    return f"{judged.subject.port}/{judged.subject.transport}"
