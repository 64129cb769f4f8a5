"""The shape of `baseline.yaml`, and of the files that it includes."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field

from portproof.documents.shape import (
    Chosen,
    Day,
    Host,
    Id,
    NumericHost,
    OneOrMore,
    Parsed,
    PortText,
    Shape,
    Words,
    refuse,
)
from portproof.documents.wording import found
from portproof.model.baseline import Direction, Presence, Status
from portproof.model.endpoint import Transport

_Tier = Literal[1, 2, 3]

TLS_VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3")
"""As RFC 2246, 4346, 5246 and 8446 number them, oldest first."""
DENY: Final = "deny"


def _default(value: object) -> str:
    if value == "allow":
        raise refuse(
            "'allow' is no default here: what no entry approves is unapproved; to approve "
            "everything, write an entry that says so, with its reason and approver"
        )
    if value != DENY:
        raise refuse(f"expected 'deny', the only default, found {found(value)}")
    return DENY


def _tls_version(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise refuse(f"expected a TLS version as text, found {found(value)}; put it in quotes")
    if not isinstance(value, str) or value not in TLS_VERSIONS:
        listed = ", ".join(f'"{each}"' for each in TLS_VERSIONS)
        raise refuse(f"expected one of {listed}, found {found(value)}")
    return value


_Default: TypeAlias = Annotated[str, Parsed(_default, {"const": DENY})]
_TlsVersion: TypeAlias = Annotated[
    str, Parsed(_tls_version, {"type": "string", "enum": list(TLS_VERSIONS)})
]


class ReviewShape(Shape):
    """The last review of the whole register."""

    on: Day | None = None
    by: str = ""


class NamingShape(Shape):
    """Tightens how ids of assets and entries are written."""

    pattern: str
    """A regular expression that a whole id must match, besides the general pattern."""


class ZoneShape(Shape):
    """A part of the network with rules of its own."""

    name: Id
    """`internet`, `office`, `cde`: where entries approve `from`, and what `zone:cde` stands for."""
    networks: OneOrMore[NumericHost] | None = None
    """The addresses that lie in it, of no other zone; left out for the internet."""
    default: _Default = DENY
    """What holds where no entry says otherwise; `deny` is the only one there is."""
    approvals: Annotated[int, Field(ge=1, le=9)] = 1
    """How many persons must approve an entry towards this zone."""
    protected: bool = False
    """A zone to protect, such as a cardholder data environment."""
    description: str = ""


class AssetShape(Shape):
    """Hosts that a person knows by one name."""

    id: Id
    """What `to` of an entry may say instead of addresses."""
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


class TlsShape(Shape):
    """What TLS must be at least."""

    at_least: _TlsVersion
    """The oldest version that may be negotiated, in quotes: "1.2"."""


class ApprovalShape(Shape):
    """Who asked and who approved; what is missing is reported as a deviation, not as a fault."""

    requester: str = ""
    approver: str = ""
    approved_on: Day | None = None
    review_by: Day | None = None
    """The last day on which the approval holds."""
    ticket: str = ""
    """Reference of the change or request; numbers stand in quotes."""
    emergency: bool = False
    """Approved in an emergency: somebody else ratifies it within five days."""
    ratified_by: str = ""
    """Who approved it again, outside the emergency."""
    ratified_on: Day | None = None


class TemplateShape(Shape):
    """What several entries share; an entry takes it with `use`, and each key of its own wins."""

    ports: OneOrMore[PortText] | None = None
    """`443`, `8000-8010`, `[22, 443]`, `https`, `53/udp`."""
    allow: OneOrMore[PortText] | None = None
    """`ports` and `presence: allowed` in one: these ports may answer."""
    require: OneOrMore[PortText] | None = None
    """`ports` and `presence: required` in one: these ports must answer."""
    transport: Chosen[Transport] | None = None
    """Left out: tcp, unless the ports say /udp or U:."""
    from_: OneOrMore[Id] | None = Field(None, alias="from")
    """The vantage zones it is approved from."""
    zones: OneOrMore[Id] | None = None
    """The same as `from`; one of the two."""
    service: str = ""
    """The service name that must answer, as probes report it; left out: any."""
    tls: TlsShape | None = None
    """What TLS must be at least."""
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


class ChangeShape(TemplateShape):
    """What an environment changes of an entry; each key replaces the entry's, whole."""

    use: Id | None = None
    """The template that the entry takes; what stands here wins over it."""
    to: OneOrMore[str] | None = None
    """Addresses, networks, octet ranges, DNS names, asset ids, `tag:web`, `zone:cde`, `id:cmdb/web-1`."""
    hosts: OneOrMore[str] | None = None
    """The same as `to`; one of the two."""
    status: Chosen[Status] = Status.APPROVED
    """`proposed`: written down for a decision; it grants nothing and requires nothing."""


class EntryShape(ChangeShape):
    """One approved service on some hosts, from some zones.

    It needs hosts (`to`), ports and zones (`from`), itself or through its template.
    """

    id: Id


class EnvironmentShape(Shape):
    """What differs in one environment; without one chosen, none of it holds."""

    entries: dict[Id, ChangeShape] = Field(default_factory=dict)
    """Changed keys by the id of the entry."""
    add: list[EntryShape] = Field(default_factory=list)
    """Entries that this environment has besides."""
    remove: OneOrMore[Id] | None = None
    """Ids of entries that it does not have."""


class BaselineShape(Shape):
    """The register of approved services."""

    model_config = ConfigDict(title="portproof baseline")

    schema_: Literal["portproof.baseline/1"] = Field("portproof.baseline/1", alias="schema")
    scope: str = ""
    """What the register covers, as reports print it; in the first file only."""
    include: OneOrMore[Words] | None = None
    """Further files of the same folder tree, relative to this one; each is read once."""
    reviewed: ReviewShape | None = None
    """In the first file only."""
    naming: NamingShape | None = None
    """In the first file only; it holds for all of them."""
    zones: list[ZoneShape] = Field(default_factory=list)
    assets: list[AssetShape] = Field(default_factory=list)
    templates: dict[Id, TemplateShape] = Field(default_factory=dict)
    """What entries share, by the name that `use` says."""
    entries: list[EntryShape] = Field(default_factory=list)
    """May be an empty list: then nothing is approved. Needed unless files are included."""
    environments: dict[Id, EnvironmentShape] = Field(default_factory=dict)
    """What differs by environment: `prod`, `test`."""
