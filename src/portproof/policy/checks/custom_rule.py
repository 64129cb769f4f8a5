"""`custom/…`: rules that a customer writes (`rules.yaml`), one finding per rule and open port.

Their severity is the document's. A port of which a rule has no answer is UNKNOWN, in one judgement
per asset and cause; where the rule itself is the cause (it fails, or its time is used up) something
is required that was not judged, and a check exits 3. What a rule does not object to is one judgement
per transport, whose extent tells later that a finding may be settled (`policy.lifecycle_settled`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from portproof.model.baseline import SourceLocation
from portproof.model.custom_rule import VARIABLES, CustomRule
from portproof.model.endpoint import Transport
from portproof.model.finding import HostPorts, Judgement, Subject, Verdict
from portproof.model.ports import PortSet
from portproof.policy.custom_rules import (
    Answer,
    Cause,
    Place,
    Watch,
    ask,
    in_force,
    looked_at,
    places,
    shown,
    told,
    values_at,
)
from portproof.policy.scene import Scene, Sighting, joined
from portproof.policy.severity import fixed
from portproof.policy.wording import counted, ports_text, saw, spoke

_BRACED: Final = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_NAMES: Final = frozenset(each.name for each in VARIABLES)


class _Silent(NamedTuple):
    """Ports of one host that a rule says nothing of."""

    sighting: Sighting
    ports: PortSet
    why: str


@dataclass(slots=True)
class _Sums:
    """What is told of many ports together, by the id of the rule."""

    silent: dict[tuple[str, str, Transport, Cause], list[_Silent]] = field(default_factory=dict)
    """By asset and cause besides."""
    conforming: dict[tuple[str, Transport], list[HostPorts]] = field(default_factory=dict)


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give the deviations by the customer's rules, then what they could not tell, and the rest."""
    rules = in_force(scene)
    if scene.custom is None or not rules:
        return
    watch, sums = Watch(scene.custom), _Sums()
    for sighting in scene.sightings:
        if sighting.open:
            yield from _of_host(scene, rules, sighting, watch, sums)
    by_id = {each.id: each for each in rules}
    for (rule, _, _, cause), held in sums.silent.items():
        yield _unknown(scene, by_id[rule], cause, held)
    for (rule, transport), extent in sums.conforming.items():
        yield _conforming(scene, by_id[rule], transport, tuple(extent))


def _of_host(
    scene: Scene, rules: Sequence[CustomRule], sighting: Sighting, watch: Watch, sums: _Sums
) -> Iterator[Judgement]:
    """Ask each rule of the ports of one host; gives their deviations, and adds up the rest."""
    asked = {each.id: looked_at(each, sighting) for each in rules}
    here = {each.port: each for each in places(scene, sighting, reduce(or_, asked.values()))}
    for rule in rules:
        said: dict[Answer, list[int]] = {}
        for port in asked[rule.id]:
            answer = watch.used_up if watch.is_over() else ask(rule, here[port])
            if answer.deviates is not False:
                said.setdefault(answer, []).append(port)
        left = sighting.open
        for answer, listed in said.items():
            if answer.deviates:
                yield from (_deviating(scene, rule, here[port]) for port in listed)
            left = left - PortSet.from_iterable(listed)
            if answer.cause is not None:
                asset = scene.subject(sighting, None).asset
                silent = _Silent(sighting, PortSet.from_iterable(listed), answer.why)
                key = (rule.id, asset, sighting.transport, answer.cause)
                sums.silent.setdefault(key, []).append(silent)
        if left:
            extent = HostPorts(address=sighting.host.address, ports=left)
            sums.conforming.setdefault((rule.id, sighting.transport), []).append(extent)


def _deviating(scene: Scene, rule: CustomRule, place: Place) -> Judgement:
    sighting, port, seen = place.sighting, place.port, place.seen
    blank = scene.blank(rule.id, sighting, port, seen)
    entry, reads = place.entry, rule.deviates.reads
    looked = told(values_at(place, reads), reads)
    how = saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)
    said = f"{how}; {spoke(seen, scene.run.plan.silent_ports)}"
    because = f"the rule {rule.id} in {_line(rule.location)} gives it"
    return replace(
        blank,
        verdict=Verdict.DEVIATES,
        title=f"{rule.title}: port {port}/{sighting.transport}",
        because=f"{said}. {_sentence(rule, place)} The rule {rule.id} looked at: {looked or 'nothing'}.",
        severity=rule.severity,
        trace=fixed(rule.severity, rule.id, because),
        action=rule.action or f"Mend what the rule {rule.id} names, or have it waived.",
        owner=blank.owner or rule.owner or (entry.owner if entry else ""),
        location=rule.location,
        controls=rule.controls,
    )


def _sentence(rule: CustomRule, place: Place) -> str:
    """Give what the rule says of a port, with the values there."""
    template = rule.because or rule.title.replace("{", "{{").replace("}", "}}")
    names = {each[1] for each in _BRACED.finditer(template)} & _NAMES
    values = values_at(place, names)

    def filled(found: re.Match[str]) -> str:
        return shown(values.get(found[1])) if found[1] else found[0][0]

    text = _BRACED.sub(filled, template)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _unknown(scene: Scene, rule: CustomRule, cause: Cause, held: Sequence[_Silent]) -> Judgement:
    first = held[0].sighting
    subject = scene.subject(first, None)
    number = counted(sum(len(each.ports) for each in held), f"{first.transport.upper()} port")
    listed = "; ".join(f"{each.sighting.host.address}: {ports_text(each.ports)}" for each in held)
    why = "; ".join(dict.fromkeys(each.why for each in held))
    return Judgement(
        rule=rule.id,
        verdict=Verdict.UNKNOWN,
        # The cause is part of the subject: one host may have several, each a judgement of its own.
        subject=replace(subject, asset=f"{subject.asset} ({cause})"),
        title=f"{rule.title}: {number} of {subject.asset} not judged, {cause}",
        because=f"The rule {rule.id} says nothing of {number} ({listed}): {why}. Nothing is claimed of them.",
        action=_mending(rule, cause),
        extent=joined(
            HostPorts(address=each.sighting.host.address, ports=each.ports) for each in held
        ),
        owner=first.asset.owner if first.asset else rule.owner,
        required=cause is not Cause.NOT_KNOWN,
        location=rule.location,
        controls=rule.controls,
    )


def _mending(rule: CustomRule, cause: Cause) -> str:
    match cause:
        case Cause.NOT_KNOWN:
            return (
                "Have it measured; or let the rule ask first whether it is there: 'name' in known."
            )
        case Cause.FAILS:
            return f"Mend the expression of the rule in {_line(rule.location)}."
        case Cause.NO_TIME:
            file = rule.location.file
            return f"Narrow what rules apply to, or raise 'budget' in {file}."


def _conforming(
    scene: Scene, rule: CustomRule, transport: Transport, extent: tuple[HostPorts, ...]
) -> Judgement:
    number = counted(sum(len(each.ports) for each in extent), f"open {transport.upper()} port")
    return Judgement(
        rule=rule.id,
        verdict=Verdict.CONFORMS,
        subject=Subject(asset=scene.baseline.scope, zone=scene.zone, transport=transport),
        title=f"{rule.title}: no deviation on {number}",
        because=f"The rule {rule.id} does not speak of {number}, or is not true of them.",
        extent=extent,
        location=rule.location,
        controls=rule.controls,
    )


def _line(location: SourceLocation) -> str:
    return f"{location.file}:{location.line}"
