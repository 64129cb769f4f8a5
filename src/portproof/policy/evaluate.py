"""The one sentence of this package: judge a run against a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from portproof.model.approval import Provenance
from portproof.model.baseline import Baseline
from portproof.model.custom_rule import CustomJudging
from portproof.model.endpoint import Address
from portproof.model.finding import Evaluation
from portproof.model.rule import ServiceRules
from portproof.model.scan import RunRecord
from portproof.model.segmentation import Segmentation
from portproof.model.vantage import Vantages
from portproof.model.waiver import Waivers
from portproof.policy.checks import CHECKS
from portproof.policy.conformity import with_conformity
from portproof.policy.custom_rules import in_force
from portproof.policy.holders import Holders
from portproof.policy.register import Register
from portproof.policy.scene import Scene
from portproof.policy.services import RuleBook
from portproof.policy.sightings import sightings
from portproof.policy.subjects import by_subject
from portproof.policy.waiver_hosts import Names
from portproof.policy.waivers import apply_waivers

__all__ = ["Criteria", "Evaluation", "evaluate", "scene_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """The documents that a run is judged by."""

    baseline: Baseline
    waivers: Waivers
    rules: ServiceRules
    vantages: Vantages
    provenance: Provenance = field(default_factory=Provenance)
    """Where the entries come from, and who may approve them; empty: nobody looked."""
    segmentation: Segmentation | None = None
    """Which zone may reach which; None: no policy says."""
    holders: Holders = field(default_factory=Holders)
    """Who has and had which address; empty: there is no inventory."""
    custom: CustomJudging | None = None
    """The customer's own rules; None: there are none."""
    senders: Mapping[str, Address | None] = field(default_factory=dict)
    """Who sent the run's ICMP errors, by the digest of their raw record; empty: nobody looked."""


def evaluate(run: RunRecord, criteria: Criteria, *, at: datetime) -> Evaluation:
    """Judge everything that a run saw against what is approved, as of the instant `at`.

    A run of any status is judged; only a conclusive one may move findings (`lifecycle`). Approvals
    are held against the UTC day of `at`.
    """
    scene = scene_of(run, criteria, at)
    scene, conforming = with_conformity(scene)
    judged = (each for check in CHECKS for each in check(scene))
    names = _names(run) if criteria.waivers.waivers else {}
    waived = apply_waivers(judged, criteria.waivers, names, at, criteria.holders)
    return Evaluation(
        judgements=by_subject(waived),
        conforming=conforming,
        scope=criteria.baseline.scope,
        at=at,
        trust=scene.trust,
        available=_available(scene),
        custom_rules=frozenset(each.id for each in in_force(scene)) if criteria.custom else None,
    )


def scene_of(run: RunRecord, criteria: Criteria, at: datetime) -> Scene:
    """Lay what a run saw beside the documents, as every check looks at it."""
    baseline, vantages = criteria.baseline, criteria.vantages
    register = Register(baseline, criteria.holders)
    return Scene(
        run=run,
        baseline=baseline,
        register=register,
        waivers=criteria.waivers,
        rules=RuleBook(criteria.rules),
        vantages=vantages,
        at=at,
        sightings=sightings(run, register, baseline, vantages, at.date()),
        provenance=criteria.provenance,
        segmentation=criteria.segmentation,
        custom=criteria.custom,
        senders=criteria.senders,
    )


def _names(run: RunRecord) -> Names:
    held: dict[Address, set[str]] = {}
    for host in run.plan.hosts:
        held.setdefault(host.address, set()).update(host.names)
    return {address: frozenset(names) for address, names in held.items()}


def _available(scene: Scene) -> frozenset[str]:
    """Give the needs of facts that the documents met: an empty file meets none."""
    met = {
        "baseline": True,
        "service_rules": bool(scene.rules),
        "zones": scene.trust is not None,
        "segmentation_policy": scene.segmentation is not None,
    }
    return frozenset(need for need, there in met.items() if there)
