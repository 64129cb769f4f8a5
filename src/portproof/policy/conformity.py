"""Conformity: what needs no judgement of its own, because it is approved and as approved.

Ports that are alike conform alike: the same entries cover them, the number is the same, and so is
what they said. One of each kind is judged by every rule on ports; where all of them find it
conforming and none asserts a fact, the others of its kind are added to a set and looked at no more.
So millions of approved ports cost a look-up each, and only what is questionable costs a judgement.

A kind is (entries as far as rules look at them, port, answer); where TLS was spoken also the name of the host, which its
certificate is held against. Boundaries of the segmentation policy run between addresses: what they
do not allow is taken out of each host's set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from portproof.model.baseline import BaselineEntry
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.finding import Conforming, Evaluation, Judgement, Subject, Verdict
from portproof.model.observation import Observation
from portproof.model.observed import Observed
from portproof.model.ports import PortSet
from portproof.policy.checks import OF_PORTS, missing_service, segmentation_open
from portproof.policy.scene import OpenPort, Scene, Sighting, open_ports_of, required_here

_Rules: TypeAlias = tuple[str, ...]
_QUESTIONABLE: Final[_Rules] = ()
"""Of a kind of which some rule has something to say."""
_BY_NAME: Final[_Rules] = ("",)
"""Of a kind that depends on the name of its host too."""
_Groups: TypeAlias = Sequence[tuple[_Rules, PortSet]]
"""Ports that conform, by the rules they conform to."""
_Kinds: TypeAlias = dict[tuple[int, Hashable], _Rules]
"""By port and answer, of the same entries: the rules that such a port conforms to."""


def with_conformity(scene: Scene) -> tuple[Scene, tuple[Conforming, ...]]:
    """Give the scene with the ports that conform set apart, and what they conform to."""
    kinds, required = _KindsOfPorts(scene), _Required(scene)
    told: list[Conforming] = []
    sightings = []
    questionable: list[OpenPort] = []
    for laid in scene.sightings:
        groups, left = kinds.of(laid)
        answering = required.answered(laid)
        sighting = replace(laid, answering=answering) if answering else laid
        if answering:
            groups = [*groups, ((missing_service.RULE,), answering)]
        sightings.append(sighting)
        if left:
            questionable += open_ports_of(sighting, left)
        if groups:
            told += _conforming(sighting, scene.known_as(sighting), groups)
    scene = replace(scene, sightings=tuple(sightings), questionable=tuple(questionable))
    return scene, tuple(told)


def _conforming(sighting: Sighting, asset: str, groups: _Groups) -> Iterator[Conforming]:
    address, transport = sighting.outcome.host.address, sighting.outcome.transport
    for rules, ports in groups:
        yield Conforming(
            rules=rules, asset=asset, address=address, transport=transport, ports=ports
        )


def conforming_subjects(evaluation: Evaluation) -> int:
    """Count what conforms without a judgement of its own, as judgements count: once per subject.

    A subject that has a judgement by the same rule, on whichever of its addresses, is counted there.
    """
    held: dict[tuple[str, str, Transport], PortSet] = {}
    for each in evaluation.conforming:
        for rule in each.rules:
            key = (rule, each.asset, each.transport)
            held[key] = held[key] | each.ports if key in held else each.ports
    judged: defaultdict[tuple[str, str, Transport], list[int]] = defaultdict(list)
    for one in evaluation.judgements:
        of = one.subject
        if of.transport is not None and of.port is not None:
            judged[one.rule, of.asset, of.transport].append(of.port)
    return sum(
        len(ports - PortSet.from_iterable(judged[key])) if key in judged else len(ports)
        for key, ports in held.items()
    )


class ConformingPorts:
    """What conforms without a judgement of its own, by address and by subject."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._at: dict[tuple[Address, Transport], list[Conforming]] = {}
        self._of: dict[tuple[str, Transport], list[Conforming]] = {}
        for each in evaluation.conforming:
            self._at.setdefault((each.address, each.transport), []).append(each)
            self._of.setdefault((each.asset, each.transport), []).append(each)

    def at(self, rule: str, endpoint: Endpoint) -> bool:
        """Whether the endpoint conforms to the rule."""
        held = self._at.get((endpoint.address, endpoint.transport), ())
        return any(rule in each.rules and endpoint.port in each.ports for each in held)

    def of(self, rule: str, subject: Subject) -> bool:
        """Whether the subject, seen from the zone of the run, conforms to the rule."""
        if subject.transport is None or subject.port is None:
            return False
        held = self._of.get((subject.asset, subject.transport), ())
        return any(rule in each.rules and subject.port in each.ports for each in held)


class _Required:
    """The ports that something must answer on, by the entries that cover a host."""

    def __init__(self, scene: Scene) -> None:
        self._required = {each.id for each in required_here(scene)}
        self._by_entries: dict[int, PortSet] = {}

    def answered(self, sighting: Sighting) -> PortSet:
        """Give those of a host's required ports that answer."""
        if not self._required or sighting.passed_on:
            return PortSet.empty()
        # Scenes keep their sightings, and these their entries: no other tuple can take the id.
        wanted = self._by_entries.get(id(sighting.entries))
        if wanted is None:
            wanted = _union(each.ports for each in sighting.entries if each.id in self._required)
            self._by_entries[id(sighting.entries)] = wanted
        if not wanted:
            return wanted
        return sighting.open & wanted


class _KindsOfPorts:
    """The kinds of open ports of a scene, each judged when it is met first."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._bounded = scene.segmentation is not None
        self._kinds: dict[int, _Kinds] = {}
        self._named: dict[tuple[int, str | None], _Kinds] = {}
        self._alike: dict[Hashable, _Rules] = {}
        self._hosts: dict[Hashable, tuple[_Groups, PortSet]] = {}

    def of(self, sighting: Sighting) -> tuple[_Groups, PortSet]:
        """Give the ports of a host that conform, and the open ports that are left."""
        if not sighting.open or sighting.passed_on:
            # Who had the address before matters to each entry in its own way.
            return (), sighting.open
        seen = sighting.outcome.observations
        if not isinstance(seen, Observed):
            return self._judged_host(sighting)
        # Hosts that are alike in all of this conform alike. Scenes keep what the ids are of.
        alike = (id(sighting.entries), id(sighting.open), sighting.transport, seen.said())
        known = self._hosts.get(alike)
        if known is None:
            known = self._judged_host(sighting)
            if not self._bounded and not any(each.tls for each in seen.services()):
                self._hosts[alike] = known
        return known

    def _judged_host(self, sighting: Sighting) -> tuple[_Groups, PortSet]:
        groups = self._groups(sighting)
        left = sighting.open
        for _, ports in groups:
            left = left - ports
        return groups, left

    def _groups(self, sighting: Sighting) -> _Groups:
        approved = sighting.open & sighting.approved
        if not approved:
            return ()
        kinds = self._kinds.setdefault(id(sighting.entries), {})
        ports, answers = _answers(sighting)
        told = list(map(kinds.get, zip(ports, answers, strict=True)))
        if len(set(told)) == 1 and told[0] and told[0] is not _BY_NAME:
            groups: _Groups = [(told[0], PortSet.from_iterable(ports) & approved)]
        else:
            groups = self._one_by_one(sighting, approved, zip(ports, answers, told, strict=True))
        return self._within_boundaries(sighting, groups)

    def _one_by_one(
        self,
        sighting: Sighting,
        approved: PortSet,
        told: Iterable[tuple[int, Hashable, _Rules | None]],
    ) -> _Groups:
        by_rules: defaultdict[_Rules, list[int]] = defaultdict(list)
        for place, (port, answer, known) in enumerate(told):
            if port in approved:
                rules = self._judged(sighting, place, answer) if known is None else known
                if rules is _BY_NAME:
                    rules = self._judged_by_name(sighting, place, answer)
                by_rules[rules].append(port)
        by_rules.pop(_QUESTIONABLE, None)
        return [(rules, PortSet.from_iterable(held)) for rules, held in by_rules.items()]

    def _judged(self, sighting: Sighting, place: int, answer: Hashable) -> _Rules:
        seen = sighting.outcome.observations[place]
        port = seen.endpoint.port
        if seen.service is not None and seen.service.tls is not None:
            rules = _BY_NAME
        else:
            said = (
                tuple(_as_judged(each) for each in sighting.entries if port in each.ports),
                port,
                answer,
                sighting.transport,
            )
            if said not in self._alike:
                self._alike[said] = self._conforms(sighting, seen)
            rules = self._alike[said]
        self._kinds[id(sighting.entries)][port, answer] = rules
        return rules

    def _judged_by_name(self, sighting: Sighting, place: int, answer: Hashable) -> _Rules:
        seen = sighting.outcome.observations[place]
        kinds = self._named.setdefault((id(sighting.entries), sighting.host.name), {})
        kind = (seen.endpoint.port, answer)
        if kind not in kinds:
            kinds[kind] = self._conforms(sighting, seen)
        return kinds[kind]

    def _conforms(self, sighting: Sighting, seen: Observation) -> _Rules:
        """Judge one port by every rule on ports; gives the rules, or `_QUESTIONABLE`."""
        alone = replace(
            sighting,
            outcome=replace(sighting.outcome, observations=(seen,)),
            open=PortSet.of(seen.endpoint.port),
        )
        scene = replace(self._scene, sightings=(alone,), questionable=None)
        judged = [each for check in OF_PORTS for each in check(scene)]
        return tuple(each.rule for each in judged) if all(map(_is_plain, judged)) else _QUESTIONABLE

    def _within_boundaries(self, sighting: Sighting, groups: _Groups) -> _Groups:
        """Take out what the segmentation policy does not allow; what it allows conforms to it too."""
        policy, scene = self._scene.segmentation, self._scene
        if policy is None or not groups:
            return groups
        zone = segmentation_open.zone_across(policy, scene.zone, sighting)
        if zone is None:
            return groups
        cell = policy.cell(scene.zone, zone.name)
        allowed = cell.allows(sighting.host.address, sighting.transport)
        inside = (((*rules, segmentation_open.RULE), ports & allowed) for rules, ports in groups)
        return [(rules, ports) for rules, ports in inside if ports]


def _as_judged(entry: BaselineEntry) -> Hashable:
    """Give what the rules on ports look at in an entry that covers a port; all else is words."""
    approval = entry.approval
    return (
        entry.service,
        entry.tls_at_least,
        entry.mitigation,
        entry.status,
        bool(entry.justification.strip()),
        bool(approval.approver.strip()),
        approval.approved_on,
        approval.review_by,
    )


def _is_plain(judged: Judgement) -> bool:
    return judged.verdict is Verdict.CONFORMS and not judged.facts


def _answers(sighting: Sighting) -> tuple[Sequence[int], Sequence[Hashable]]:
    """Give the observed ports, and what each said as something that compares."""
    seen = sighting.outcome.observations
    if isinstance(seen, Observed):
        return seen.answers()
    return [each.endpoint.port for each in seen], [_answer(each) for each in seen]


def _answer(seen: Observation) -> Hashable:
    service = seen.service
    if service is None:
        return seen.asked
    attributes = tuple(service.attributes.items())
    return (service.name, service.product, attributes, service.identified_by, service.tls)


def _union(sets: Iterable[PortSet]) -> PortSet:
    union = PortSet.empty()
    for each in sets:
        union = union | each
    return union
