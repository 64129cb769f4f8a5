"""What a use case is given: the documents, and the names a report prints."""

from __future__ import annotations

from dataclasses import dataclass

from portproof.model.authorisation import Authorisation
from portproof.model.baseline import Baseline
from portproof.model.rule import FactDefinitions, Framework, ServiceRules
from portproof.model.vantage import Vantages
from portproof.model.waiver import Waivers


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """How reports name the organisation and the people behind a run."""

    entity: str = "not stated"
    classification: str = "confidential"
    operator: str = "not stated"
