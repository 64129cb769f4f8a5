"""The register of approved services as a list that people read (PCI DSS v4.0.1 §1.2.5)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterLine:
    """One approved service, in texts; empty where the baseline says nothing."""

    entry: str
    service: str
    ports: str
    """`443/tcp`."""
    presence: str
    direction: str
    hosts: str
    from_zones: str
    to_zones: str
    """The zones that its hosts lie in, as far as zones are declared."""
    owner: str
    capability: str
    justification: str
    mitigation: str
    """What protects it where the service is insecure, and how that is checked."""
    requester: str
    approval: str
    """Who approved it and how that is known: `self-declared: …`."""
    approved_on: str
    review_by: str
    ticket: str
    standing: str
    """`in force`, or why it grants nothing on that day."""
    location: str
    """`baseline.yaml:12:5`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """All approved services of a baseline on one day (UTC)."""

    scope: str
    on: str
    lines: tuple[RegisterLine, ...]
    proposed: int
    """Entries that are proposed and not approved: they grant nothing, and are not listed."""
    file: str
    digest: str
    """SHA-256 of the baseline, lower-case hex."""
    reviewed: str
    """When the register was reviewed last, and by whom; empty where the baseline does not say."""
    statements: tuple[str, ...]
    """What limits what is known of the approvals."""
