"""What the policy knows beyond the baseline: service rules, facts and frameworks, all from data files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.model.ports import PortSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRule:
    """How bad it is that a service is reachable without approval (`service-rules.yaml`)."""

    id: str
    service: str
    ports: PortSet
    transport: Transport
    service_class: str
    """`cleartext_admin`, `datastore`, `web`, …"""
    external: Severity
    """Seen from an untrusted zone."""
    internal: Severity
    """Seen from a trusted but different zone."""
    rationale: str
    remediation: str
    controls: tuple[str, ...]
    """As `pci:1.2.5`, `soc2:CC6.6`, `nist:cm-7`."""
    match: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRules:
    """All service rules, their version and the SHA-256 of their file."""

    version: str
    rules: tuple[ServiceRule, ...]
    digest: str


class Polarity(StrEnum):
    """Whether a fact counts against, for, or neither."""

    DEFICIENCY = "deficiency"
    SUPPORT = "support"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactDefinition:
    """One of the observable facts frameworks map to (`facts.yaml`)."""

    id: str
    polarity: Polarity
    needs: tuple[str, ...]
    """What must have been there before the fact may be asserted or denied."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactDefinitions:
    """The whole vocabulary of facts."""

    facts: tuple[FactDefinition, ...]
    digest: str

    def get(self, fact_id: str) -> FactDefinition | None:
        """Find a fact by id; None when there is none."""
        return next((each for each in self.facts if each.id == fact_id), None)


class Strength(StrEnum):
    """How far this tool's evidence carries for a control."""

    STRONG = "strong"
    PARTIAL = "partial"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkControl:
    """One requirement or criterion, in our own words, and the facts that touch it."""

    id: str
    paraphrase: str
    strength: Strength
    facts: tuple[str, ...]
    accept: str
    """What of ours an assessor can use."""
    cannot: str
    """What a scan cannot show."""
    frequency: str = ""
    applies: str = ""
    """`service_provider`, `multi_tenant_provider`, …; empty: to everyone."""
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One framework in one version (`policies/frameworks/*.yaml`)."""

    id: str
    title: str
    version: str
    disclaimer: str
    controls: tuple[FrameworkControl, ...]
    digest: str
    file: str = ""
