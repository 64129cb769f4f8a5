"""One finding, one judgement: what several addresses of one asset show is told together.

A fingerprint names the asset and not the address, so that a finding survives a new address. An
asset with an IPv4 and an IPv6 address gives two judgements with one fingerprint; here they become
one. Where their verdicts differ, none may hide behind the other:

- DEVIATES and WAIVED together deviate: a waiver of one address accepts nothing on another.
- UNKNOWN stays a judgement of its own beside them: it may be required.
- CONFORMS is left out where anything else is known of the same subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from portproof.model.endpoint import Endpoint, endpoint_order
from portproof.model.finding import Judgement, Verdict

_ORDER = (Verdict.DEVIATES, Verdict.WAIVED, Verdict.UNKNOWN, Verdict.CONFORMS)


def by_subject(judgements: Iterable[Judgement]) -> tuple[Judgement, ...]:
    """Give one judgement per fingerprint and kind of verdict, worst first."""
    groups: dict[str, list[Judgement]] = {}
    for judged in judgements:
        groups.setdefault(judged.fingerprint, []).append(judged)
    told = [each for group in groups.values() for each in _told(group)]
    return tuple(sorted(told, key=_worst_first))


def endpoints_of(judged: Judgement) -> tuple[Endpoint, ...]:
    """Give every endpoint of a judgement; none for judgements on documents and whole hosts."""
    return (*((judged.endpoint,) if judged.endpoint else ()), *judged.also)


def _told(group: Sequence[Judgement]) -> Iterable[Judgement]:
    if len(group) == 1:
        return group
    wrong = [each for each in group if each.verdict in (Verdict.DEVIATES, Verdict.WAIVED)]
    unknown = [each for each in group if each.verdict is Verdict.UNKNOWN]
    if wrong or unknown:
        return [_merged(each) for each in (wrong, unknown) if each]
    return [_merged(group)]


def _merged(group: Sequence[Judgement]) -> Judgement:
    """Give the worst of a group, with the endpoints, reasons, facts and evidence of all."""
    first, *rest = sorted(group, key=_worst_first)
    if not rest:
        return first
    endpoints = sorted({each for one in group for each in endpoints_of(one)}, key=endpoint_order)
    others = tuple(each for each in endpoints if each != first.endpoint)
    return replace(
        first,
        also=others,
        because=" ".join(dict.fromkeys(each.because for each in (first, *rest))),
        facts=tuple(dict.fromkeys(fact for each in (first, *rest) for fact in each.facts)),
        evidence=tuple(dict.fromkeys(item for each in (first, *rest) for item in each.evidence)),
        required=any(each.required for each in group),
    )


def _worst_first(judged: Judgement) -> tuple[int, int, bool, str, tuple[int, int, str, int], str]:
    rank = judged.severity.rank if judged.severity else -1
    place = endpoint_order(judged.endpoint) if judged.endpoint else (0, 0, "", 0)
    verdict = _ORDER.index(judged.verdict)
    return (verdict, -rank, not judged.required, judged.rule, place, judged.subject.asset)
