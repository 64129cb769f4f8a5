"""The one sentence of this package: judge a run against a baseline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from portproof.model.approval import Provenance
from portproof.model.baseline import Baseline
from portproof.model.endpoint import Address
from portproof.model.finding import Evaluation
from portproof.model.rule import ServiceRules
from portproof.model.scan import RunRecord
from portproof.model.segmentation import Segmentation
from portproof.model.vantage import Vantages
from portproof.model.waiver import Waivers
from portproof.policy.checks import CHECKS
from portproof.policy.register import Register
from portproof.policy.scene import Scene, sightings
from portproof.policy.services import RuleBook
from portproof.policy.subjects import by_subject
from portproof.policy.waivers import Names, apply_waivers

__all__ = ["Criteria", "Evaluation", "evaluate"]


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


def evaluate(run: RunRecord, criteria: Criteria, *, at: datetime) -> Evaluation:
    """Judge everything that a run saw against what is approved, as of the instant `at`.

    A run of any status is judged; only a conclusive one may move findings (`lifecycle`). Approvals
    are held against the UTC day of `at`.
    """
    baseline, vantages = criteria.baseline, criteria.vantages
    register = Register(baseline)
    scene = Scene(
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
    )
    judged = (each for check in CHECKS for each in check(scene))
    return Evaluation(
        judgements=by_subject(apply_waivers(judged, criteria.waivers, _names(run), at)),
        scope=baseline.scope,
        at=at,
        trust=scene.trust,
        available=_available(scene),
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
