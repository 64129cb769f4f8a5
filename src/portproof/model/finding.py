"""Rules' verdicts, and the life of the findings that come of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.ports import PortSet
from portproof.model.vantage import Trust


class Verdict(StrEnum):
    """What a rule says of one endpoint or entry (law 1)."""

    CONFORMS = "CONFORMS"
    DEVIATES = "DEVIATES"
    WAIVED = "WAIVED"
    UNKNOWN = "UNKNOWN"


class Severity(StrEnum):
    """How bad, from least to worst; compare with `rank`."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 4 for critical."""
        return list(Severity).index(self)

    def raised(self, steps: int = 1) -> Severity:
        """Give the severity that many steps higher (lower for negative), within the scale."""
        scale = list(Severity)
        return scale[max(0, min(len(scale) - 1, self.rank + steps))]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityStep:
    """One step of a severity's trace: which rule of the table moved it, from what to what."""

    rule: str
    severity: Severity
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a judgement is about: an asset's port from a zone, or an entry of a document.

    `asset` is the asset id where the inventory knows one, else the DNS name that was listed, else
    the address; `transport` and `port` are None for subjects without a port.
    """

    asset: str
    zone: str
    """The vantage zone it was seen from; empty for judgements on documents."""
    transport: Transport | None = None
    port: int | None = None
    address: str = ""
    """The address as text, for print; part of the fingerprint through `asset` only where no name is known."""


def fingerprint(rule: str, subject: Subject) -> str:
    """Give the finding's stable id: 16 hex digits over rule, asset, zone, transport and port.

    Never a banner, a time, an address behind a known asset, or a process: those change while the
    finding stays the same one.
    """
    parts = (rule, subject.asset, subject.zone, subject.transport or "", str(subject.port or ""))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPorts:
    """Some ports of one address, over the transport of the subject they belong to."""

    address: Address
    ports: PortSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One rule's verdict on one subject, with what it rests on."""

    rule: str
    verdict: Verdict
    subject: Subject
    title: str
    because: str
    """One sentence in observed words: what was seen, against which entry."""
    facts: tuple[str, ...] = ()
    """Ids from `facts.yaml` that this judgement asserts.

    Deviations assert what they deviate by. A CONFORMS judgement asserts what holds in spite of an
    approval: an approved service may be insecure by protocol, or a data store that anyone reaches.
    """
    severity: Severity | None = None
    """Set for DEVIATES and WAIVED; None otherwise."""
    trace: tuple[SeverityStep, ...] = ()
    action: str = ""
    """What to do about it."""
    endpoint: Endpoint | None = None
    also: tuple[Endpoint, ...] = ()
    """Further endpoints of the same asset with the same verdict: one finding, several addresses."""
    extent: tuple[HostPorts, ...] = ()
    """What a judgement on whole hosts rests on; it is settled only where this is measured again.

    Set when a finding is made of it, empty before. Where the organisation's own rule says nothing of ports, or
    nothing against them, one judgement has them all here.
    """
    entry_id: str = ""
    """The baseline entry it was compared with (or the nearest one)."""
    nearest: str = ""
    """Why the nearest entry does not match; empty where one does."""
    service: str = ""
    identified_by: str = ""
    owner: str = ""
    evidence: tuple[str, ...] = ()
    """Digests of raw records, or the run's outcome digest."""
    waiver_id: str = ""
    required: bool = False
    """Whether something required hangs on it: an UNKNOWN here makes the check exit 3."""
    location: SourceLocation | None = None
    controls: tuple[str, ...] = ()
    """Control ids the service rule names, as `pci:1.2.5`."""

    @property
    def fingerprint(self) -> str:
        """Give the stable id of the finding this judgement belongs to."""
        return fingerprint(self.rule, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conforming:
    """Ports of one host that conform to some rules, and of which there is nothing else to say.

    What a judgement for each rule and port would say, as a set: nearly all open ports of a large
    network are approved, speak what was approved, and assert no fact.
    """

    rules: tuple[str, ...]
    asset: str
    """As in `Subject`."""
    address: Address
    transport: Transport
    ports: PortSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was judged of one run against one baseline, worst first; `policy.evaluate` makes it."""

    judgements: tuple[Judgement, ...]
    conforming: tuple[Conforming, ...] = ()
    """What conforms and has no judgement of its own."""
    scope: str
    """The baseline's scope; subjects of judgements on documents are it, a slash and the entry's id."""
    at: datetime
    """The instant it was judged for: approvals, waivers and certificates hold or not at it."""
    trust: Trust | None
    """How far the zone of the run's vantage is trusted; None when nobody declared that zone."""
    available: frozenset[str]
    """The needs of facts (`facts.yaml`) that the documents judged with have met."""
    custom_rules: frozenset[str] | None = None
    """Ids of the customer's rules that looked from this zone; None: no document of them was named."""

    def of(self, verdict: Verdict) -> tuple[Judgement, ...]:
        """Give the judgements with that verdict, in their order."""
        return tuple(each for each in self.judgements if each.verdict is verdict)

    @property
    def deviations(self) -> tuple[Judgement, ...]:
        """Give what deviates and is not waived."""
        return self.of(Verdict.DEVIATES)

    @property
    def waived(self) -> tuple[Judgement, ...]:
        """Give what deviates under a waiver."""
        return self.of(Verdict.WAIVED)

    @property
    def unknown(self) -> tuple[Judgement, ...]:
        """Give what could not be judged."""
        return self.of(Verdict.UNKNOWN)


class FindingStatus(StrEnum):
    """Where a finding is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    WAIVED = "waived"
    FIX_CLAIMED = "fix-claimed"
    CLOSED = "closed"


class FindingEventKind(StrEnum):
    """What happened to a finding; events are appended and never changed.

    Those that a run brings, then those that a person brings (`PERSONAL`).
    """

    OPENED = "opened"
    SEEN = "seen"
    WAIVED = "waived"
    WAIVER_ENDED = "waiver-ended"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    FIX_REFUTED = "fix-refuted"
    """A run that began after a fix was claimed saw it all the same."""
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    FIX_CLAIMED = "fix-claimed"
    FALSE_POSITIVE = "false-positive"
    TICKETED = "ticketed"
    COMMENTED = "commented"


PERSONAL: Final = frozenset(
    {
        FindingEventKind.ACKNOWLEDGED,
        FindingEventKind.ASSIGNED,
        FindingEventKind.FIX_CLAIMED,
        FindingEventKind.FALSE_POSITIVE,
        FindingEventKind.TICKETED,
        FindingEventKind.COMMENTED,
    }
)
"""Kinds of events that a person brings: they carry an actor, and measure nothing."""


class ClosedBy(StrEnum):
    """What closed a finding."""

    RESCAN = "rescan"
    """It was measured again, and is gone."""
    APPROVAL = "approval"
    """It was measured again, is still there, and the baseline approves it now."""
    RETIRED = "retired"
    """It was measured again and is gone, on a target that is retired and proved silent."""
    DOCUMENT = "document"
    """It was about a document, which no longer shows it."""
    FALSE_POSITIVE = "false-positive"
    """A person said, with a proof, that the rule was mistaken; see `policy.false_positive`."""


class IdentitySource(StrEnum):
    """Where the name of an actor comes from. None of these proves it."""

    OS_USER = "os-user"
    """The operating system's user name."""
    GIT = "git"
    """`user.email` of the git configuration."""
    CI = "ci"
    """The user that the environment of a CI job names."""
    TICKETS = "ticket-system"
    """What a ticket there says; who wrote it there is not known here."""
    PORTPROOF = "portproof"
    """This program itself, which only does what a document says."""


NAMED_BY_PEOPLE: Final = (IdentitySource.OS_USER, IdentitySource.GIT, IdentitySource.CI)
"""Sources that a person who acts on a finding may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did something, and how that is known."""

    name: str
    source: IdentitySource

    def __str__(self) -> str:
        if self.source is IdentitySource.PORTPROOF:
            return self.name
        return f"{self.name} ({self.source}, self-declared)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEvent:
    """One event in the life of a finding."""

    finding: str
    """The fingerprint."""
    kind: FindingEventKind
    at: datetime
    """Of a run's event, when the run finished (the log says when it was judged); of a person's, when
    it was done."""
    run_id: str
    """Of a person's event, the run that had seen the finding last."""
    severity: Severity
    because: str
    """Of a person's event, the reason that they gave."""
    actor: Actor | None = None
    """None: the run itself."""
    value: str = ""
    """What it sets: the owner, the reference of the ticket, of the false positive's proof, or the
    waiver (of which events of before schema 0003 say nothing here). Of what a ticket system brings,
    the mark by which it is not brought twice."""
    digest: str = ""
    """SHA-256 of a false positive's proof, lower-case hex; empty: none was given."""
    closed_by: ClosedBy | None = None
    """Set for what closes a finding; None for those of before schema 0003."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A deviation over time: the latest judgement, and its life.

    Its times of measuring (first_seen, last_seen, resolved_at) are when the runs finished, whenever
    they were judged. Target dates count from them.
    """

    fingerprint: str
    judgement: Judgement
    """The one that deviated last; of a false positive, the one that was called false."""
    status: FindingStatus
    first_seen: datetime
    last_seen: datetime
    times_seen: int
    reopened: int = 0
    """How often it came back after it was closed; first_seen stays the original."""
    resolved_at: datetime | None = None
    run_id: str = ""
    """The run that saw it last."""
    closed_by: ClosedBy | None = None
    """None while it is not closed, and for what was closed before schema 0003."""
    assigned_to: str = ""
    """The owner that a person gave it; empty: the one that its asset or entry names."""
    ticket: str = ""
    claimed_at: datetime | None = None
    """When a fix was claimed; None while none is."""
    changed_at: datetime | None = None
    """The last event other than a sighting or a comment; None only for values made by hand."""

    @property
    def measured_at(self) -> datetime:
        """When the run finished that moved it last: saw it, or resolved it."""
        return self.resolved_at or self.last_seen

    @property
    def owner(self) -> str:
        """Who has to mend it: as assigned, else of its asset or entry; empty: nobody is named."""
        return self.assigned_to or self.judgement.owner

    @property
    def is_false_positive(self) -> bool:
        """Whether it is closed because a person called it one."""
        return self.closed_by is ClosedBy.FALSE_POSITIVE
