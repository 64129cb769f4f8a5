"""The shape of `baseline.yaml`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from portproof.documents.shape import Chosen, Day, Host, Id, OneOrMore, PortText, Shape, Words
from portproof.model.baseline import Direction, Presence
from portproof.model.endpoint import Transport

_Tier = Literal[1, 2, 3]


class ReviewShape(Shape):
    """The last review of the whole register."""

    on: Day | None = None
    by: str = ""


class NamingShape(Shape):
    """Tightens how ids of assets and entries are written."""

    pattern: str
    """A regular expression that a whole id must match, besides the general pattern."""


class AssetShape(Shape):
    """Hosts that a person knows by one name."""

    id: Id
    """What `hosts` of an entry may say instead of addresses."""
    addresses: OneOrMore[Host]
    """Addresses, networks, octet ranges (192.0.2.10-20) and DNS names."""
    tags: OneOrMore[Id] | None = None
    """Words shared by several assets; an entry says `tag:web` for all that have it."""
    owner: str = ""
    tier: _Tier | None = None
    capability: str = ""
    """The business capability it serves."""


class MitigationShape(Shape):
    """What protects an insecure service that is approved all the same."""

    measure: Words
    checked_by: str = ""
    """How it is checked that the measure works."""


class ApprovalShape(Shape):
    """Who asked and who approved; what is missing is reported as a deviation, not as a fault."""

    requester: str = ""
    approver: str = ""
    approved_on: Day | None = None
    review_by: Day | None = None
    """The last day on which the approval holds."""
    ticket: str = ""
    """Reference of the change or request; numbers stand in quotes."""


class EntryShape(Shape):
    """One approved service on some hosts, from some zones."""

    id: Id
    hosts: OneOrMore[str]
    """Addresses, networks, octet ranges, DNS names, asset ids, `tag:web`."""
    ports: OneOrMore[PortText]
    """`443`, `8000-8010`, `[22, 443]`, `https`, `53/udp`."""
    transport: Chosen[Transport] | None = None
    """Left out: tcp, unless the ports say /udp or U:."""
    zones: OneOrMore[Id]
    """The vantage zones it is approved from."""
    service: str = ""
    """The service name that must answer, as probes report it; left out: any."""
    presence: Chosen[Presence] = Presence.ALLOWED
    """`required`: it must answer, and its absence is a deviation."""
    tier: _Tier = 3
    """How much depends on it; 1 is critical."""
    direction: Chosen[Direction] = Direction.INBOUND
    """Seen from the hosts."""
    owner: str = ""
    capability: str = ""
    """The business capability that needs it."""
    breaks: str = ""
    """What breaks without it."""
    runbook: str = ""
    justification: str = ""
    mitigation: MitigationShape | None = None
    approval: ApprovalShape = Field(default_factory=ApprovalShape)


class BaselineShape(Shape):
    """The register of approved services."""

    model_config = ConfigDict(title="portproof baseline")

    schema_: Literal["portproof.baseline/1"] = Field("portproof.baseline/1", alias="schema")
    scope: str = ""
    """What the register covers, as reports print it."""
    reviewed: ReviewShape | None = None
    naming: NamingShape | None = None
    assets: list[AssetShape] = Field(default_factory=list)
    entries: list[EntryShape]
    """May be an empty list: then nothing is approved."""
