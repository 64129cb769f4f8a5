"""Try one custom rule on a stored run: which open ports it is true of, and the values it saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from portproof.contracts import Store
from portproof.errors import SettingsError
from portproof.model.custom_rule import CustomJudging, CustomRule, Value
from portproof.model.endpoint import Endpoint
from portproof.policy.custom_rules import Answer, Watch, ask, in_force, looked_at, places, values_at
from portproof.policy.evaluate import scene_of
from portproof.policy.scene import Scene, Sighting
from portproof.usecases.inputs import Documents


class Said(StrEnum):
    """What a rule says of one port."""

    DEVIATES = "deviates"
    CONFORMS = "conforms"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortTrial:
    """One rule asked of one open port."""

    endpoint: Endpoint
    asset: str
    """The asset's id, else the listed name, else the address."""
    said: Said
    why: str
    """Why it says nothing; empty where it says something."""
    values: Mapping[str, Value]
    """Of the variables that the rule reads, those that have a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrial:
    """One rule asked of every open port of a run."""

    run_id: str
    zone: str
    rule: CustomRule
    asked: tuple[PortTrial, ...]
    not_asked: int
    """Open ports that its selectors leave out."""

    def of(self, said: Said) -> tuple[PortTrial, ...]:
        """Give the ports of which it says that, in the order of the run."""
        return tuple(each for each in self.asked if each.said is said)


def try_rule(
    store: Store, documents: Documents, judging: CustomJudging, rule_id: str, run_id: str
) -> RuleTrial:
    """Ask a rule of the open ports of a run, as a check would; nothing is kept.

    Raises:
        SettingsError: there is no rule of that id.
        StoreError: there is no such run, or it cannot be read.
    """
    rule = judging.document.get(rule_id)
    if rule is None:
        known = ", ".join(each.id for each in judging.document.rules) or "none"
        raise SettingsError(
            f"there is no rule {rule_id!r} in {judging.document.file}; there are: {known}"
        )
    run = store.load_run(run_id)
    criteria = replace(documents.criteria, custom=judging)
    scene = scene_of(run, criteria, run.finished)
    looks = rule in in_force(scene)
    asked = tuple(_asked(scene, rule, Watch(judging))) if looks else ()
    opened = sum(len(each.open) for each in scene.sightings)
    return RuleTrial(
        run_id=run.plan.run_id,
        zone=scene.zone,
        rule=rule,
        asked=asked,
        not_asked=opened - len(asked),
    )


def _asked(scene: Scene, rule: CustomRule, watch: Watch) -> Iterator[PortTrial]:
    for sighting in scene.sightings:
        for place in places(scene, sighting, looked_at(rule, sighting)):
            answer = watch.used_up if watch.is_over() else ask(rule, place)
            values = values_at(place, sorted(rule.deviates.reads))
            yield _told(scene, sighting, place.port, answer, values)


def _told(
    scene: Scene, sighting: Sighting, port: int, answer: Answer, values: Mapping[str, Value]
) -> PortTrial:
    said = {True: Said.DEVIATES, False: Said.CONFORMS, None: Said.UNKNOWN}[answer.deviates]
    return PortTrial(
        endpoint=sighting.endpoint(port),
        asset=scene.subject(sighting, port).asset,
        said=said,
        why=answer.why,
        values=values,
    )
