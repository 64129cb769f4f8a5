"""What a use case is given: the documents, and the names a report prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from portproof.model.approval import Provenance
from portproof.model.authorisation import Authorisation
from portproof.model.baseline import Baseline
from portproof.model.custom_rule import CustomJudging
from portproof.model.deadlines import Deadlines
from portproof.model.rule import FactDefinitions, Framework, ServiceRules
from portproof.model.segmentation import Segmentation
from portproof.model.vantage import Vantages
from portproof.model.waiver import Waivers
from portproof.policy.evaluate import Criteria
from portproof.policy.holders import Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """All that people wrote and that judging rests on, already validated."""

    baseline: Baseline
    waivers: Waivers
    vantages: Vantages
    authorisation: Authorisation | None
    """None where a stored run is judged again: the run carries the reference of its own."""
    rules: ServiceRules
    facts: FactDefinitions
    frameworks: tuple[Framework, ...]
    deadlines: Deadlines = field(default_factory=Deadlines)
    deadlines_decided: bool = False
    """Whether the organisation decided these deadlines; otherwise they are defaults."""
    provenance: Provenance = field(default_factory=Provenance)
    """Where the baseline's entries come from; empty where nobody looked."""
    segmentation: Segmentation | None = None
    """Which zone may reach which; None where no policy is named."""
    custom: CustomJudging | None = None
    """The customer's own rules; None where no document of them is named."""
    holders: Holders = field(default_factory=Holders)
    """Who has and had which address when the run began; empty where there is no inventory."""

    @property
    def criteria(self) -> Criteria:
        """The documents among them that a run is judged by."""
        return Criteria(
            baseline=self.baseline,
            waivers=self.waivers,
            rules=self.rules,
            vantages=self.vantages,
            provenance=self.provenance,
            segmentation=self.segmentation,
            custom=self.custom,
            holders=self.holders,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """How reports name the organisation and the people behind a run."""

    entity: str = "not stated"
    classification: str = "confidential"
    operator: str = "not stated"
