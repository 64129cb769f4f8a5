"""`evidence.json`: the source of truth that every report is drawn from.

Plain values only (text, whole numbers, lists, null), so that it can be written canonically
(RFC 8785), validated by its JSON Schema (`policies/schema/evidence.schema.json`, generated from
these types), read back, and drawn again by a later template without a new scan. A report computes
nothing: whatever it prints stands here.

Times are RFC 3339 in UTC with `Z`; durations carry their unit in the name; digests are lower-case
hex SHA-256. A count that could not be made is null, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "portproof.evidence/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInfo:
    """The cover: what this document is, of whom, from when."""

    id: str
    title: str
    kind: str
    """`point-in-time`."""
    entity: str
    scope: str
    issued_at: str
    classification: str
    tool_version: str
    operator: str
    log_size: int
    """Leaves in the store's append-only log when the report was made."""
    log_head: str
    """Digest over all leaves up to `log_size`; leads to the stored records."""
    draft: bool = True
    """Unsigned: the report carries a draft watermark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The one-page result, in neutral words."""

    sentence: str
    """`No deviation was observed within the stated coverage`, `3 deviations were observed …`,
    `Insufficient evidence: …`."""
    run_status: str
    status_reason: str
    by_severity: dict[str, int]
    """Open findings by severity, every severity named."""
    by_verdict: dict[str, int]
    planned: int
    measured: int
    approvals: str = ""
    """How the entries' approvals are known, and what limits that; empty where no list of approvers
    is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationInfo:
    """Who allowed the run."""

    id: str
    owner: str
    contact: str
    valid_from: str
    valid_until: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionInfo:
    """What was left out, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionInfo:
    """A DNS name and what it was in this run."""

    name: str
    addresses: tuple[str, ...]
    outside: tuple[str, ...]
    at: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeInfo:
    """What was asked for."""

    targets: tuple[str, ...]
    addresses: int
    exclusions: tuple[ExclusionInfo, ...]
    resolutions: tuple[ResolutionInfo, ...]
    fingerprint: str
    """SHA-256 over the sorted targets, addresses and port sets: equal scopes, equal fingerprints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageInfo:
    """Where from."""

    id: str
    zone: str
    trust: str
    description: str
    operator: str
    location: str
    public_addresses: tuple[str, ...]
    software: str
    privileges: str
    """`connect` or `raw socket`."""
    clock_source: str
    clock_synchronised: str
    """`yes`, `no`, `unknown`."""
    clock_detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodInfo:
    """How."""

    engine: str
    tcp_ports: str
    """The union of ports asked, in port-specification form."""
    udp_ports: str
    timeout_ms: int
    min_timeout_ms: int
    max_retries: int
    most_retries: int
    """Retries at most, on a path that loses packets."""
    udp_timeout_ms: int
    global_pps: int
    per_host_pps: int
    max_connections: int
    control_interval_ms: int
    max_witness_gap_ms: int
    silent_ports: str
    seed: str
    """Decimal text: it may exceed what JSON numbers carry exactly."""
    probes: tuple[str, ...]
    """The protocol probes that could be tried, `redis/tcp`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """The run itself."""

    id: str
    status: str
    status_reason: str
    started: str
    finished: str
    duration_ms: int
    retransmitted: int | None
    """None when the process ended before it could be said."""
    masked: int | None
    outcome_digest: str
    """Digest of the run's canonical outcome record: what later ledgers prove."""
    continues: str = ""
    """Id of the interrupted run that it goes on with; empty for most."""
    carried_over: str = ""
    """`Continues run …: 900 endpoints carried over (measured between … and …), 12 asked again`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlInfo:
    """One control and how often it showed what it must."""

    id: str
    kind: str
    endpoint: str
    own: bool
    samples: int
    as_expected: int
    last_seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessInfo:
    """Who spoke for the silence of one network."""

    network: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    samples: int
    failures: int
    longest_gap_ms: int
    silent: int
    unwitnessed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageInfo:
    """Planned against measured; `host` is empty for the sum over all hosts."""

    host: str
    transport: str
    planned: int
    measured: int
    unmeasured: dict[str, int]
    missing: int
    loss_ppm: int | None = None
    """Of a million packets, how many were lost each way by the run's estimate; None for a host, for
    UDP, and where there is no estimate."""
    carried: int = 0
    """Of the measured, those carried over from the run that this one continues; 0 for a host."""
    repeated: int = 0
    """Endpoints asked again that an earlier run had asked, or may have, in vain; 0 for a host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateInfo:
    """A certificate as presented."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: str
    not_after: str
    serial: str
    sha256: str
    key: str
    self_signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPortInfo:
    """One port that answered (or that somebody required), with how it was seen."""

    endpoint: str
    port: int
    transport: str
    state: str
    reason: str
    at: str
    rtt_us: int | None
    attempts: int
    service: str
    product: str
    identified_by: str
    attributes: dict[str, str]
    tls_version: str
    tls_cipher: str
    certificate: CertificateInfo | None
    evidence: str
    """Digest of the raw record; empty when there is none."""
    own: bool
    """A listener of portproof itself."""
    entry: str
    """The baseline entry that grants it; empty when none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInfo:
    """All that was seen of one address over one transport."""

    address: str
    name: str
    target: str
    asset: str
    owner: str
    transport: str
    states: dict[str, str]
    """State → ports in port-specification form; counts stand in `counts`."""
    counts: dict[str, int]
    reasons: dict[str, int]
    unmeasured: dict[str, str]
    """Fault → ports."""
    observations: tuple[OpenPortInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityStepInfo:
    """One step of a severity's trace."""

    rule: str
    severity: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlameInfo:
    """Where a baseline entry stands, and who last touched it, as git has it."""

    entry: str
    location: str
    """`baseline.yaml:12:5`."""
    commit: str
    """The first twelve digits of the commit; empty where git cannot tell (`note`)."""
    author: str
    """Name and e-mail address as the commit has them: nobody verified them."""
    date: str
    note: str
    """Why there is no commit, or that the work tree differs from it; empty otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingInfo:
    """One finding or other judgement that a reader must know of."""

    id: str
    """The fingerprint: equal across runs."""
    rule: str
    verdict: str
    status: str
    """`open`, `waived`, …; empty for UNKNOWN judgements, which are no findings."""
    severity: str
    """Empty for UNKNOWN."""
    title: str
    because: str
    action: str
    asset: str
    owner: str
    zone: str
    endpoint: str
    also: tuple[str, ...]
    """Further endpoints of the same asset with the same verdict."""
    service: str
    identified_by: str
    entry: str
    nearest: str
    waiver: str
    facts: tuple[str, ...]
    controls: tuple[str, ...]
    trace: tuple[SeverityStepInfo, ...]
    evidence: tuple[str, ...]
    first_seen: str
    last_seen: str
    times_seen: int
    reopened: int
    events: tuple[str, ...]
    """`2026-11-21T08:00:00Z opened (run …)`."""
    target_date: str
    """When it should be mended by the default targets; empty for info."""
    location: str
    """`baseline.yaml:12:5`, for findings on documents."""
    required: bool
    carried_over: bool = False
    """It stands from an earlier run, and this one did not measure it again."""
    blame: BlameInfo | None = None
    """The entry that governs it, or the nearest one (`nearest` says why it does not match); null
    where no entry is near."""
    overdue: bool = False
    """It stands, unwaived, after its target date, when the report was issued."""
    ticket: str = ""
    """The reference that somebody noted; nobody looked whether it is there."""
    closed_by: str = ""
    """Of a closed finding: `rescan`, `approval`, `document`, `false-positive`; empty otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactInfo:
    """One asserted fact behind a control's word."""

    fact: str
    subject: str
    because: str
    finding: str
    evidence: tuple[str, ...]
    waived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResultInfo:
    """One requirement or criterion."""

    id: str
    paraphrase: str
    word: str
    because: str
    strength: str
    accept: str
    cannot: str
    frequency: str
    applies: str
    supporting: tuple[FactInfo, ...]
    exceptions: tuple[FactInfo, ...]
    context: tuple[FactInfo, ...]
    not_evaluated: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkInfo:
    """One framework, all its controls."""

    id: str
    title: str
    version: str
    disclaimer: str
    digest: str
    by_word: dict[str, int]
    controls: tuple[ControlResultInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverInfo:
    """One accepted risk."""

    id: str
    covers: str
    reason: str
    requester: str
    approver: str
    begins: str
    expires: str
    status: str
    """`in force`, `expired`, `not yet begun`."""
    matched: int
    """Findings of this run it covers; 0: unused."""
    ticket: str
    notice: str = ""
    """`ends within 7 days`, counted from the end of the run; empty: there is nothing to say."""
    holds_until: str = ""
    """The first instant at which it accepts one of the findings it covers no more: `expires`, or
    earlier where a finding of that severity may not be accepted so long. Empty in older documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryInfo:
    """One line of the register of approved services (PCI DSS 1.2.5)."""

    id: str
    hosts: str
    transport: str
    ports: str
    zones: str
    service: str
    presence: str
    tier: int
    direction: str
    owner: str
    capability: str
    breaks: str
    runbook: str
    justification: str
    mitigation: str
    mitigation_check: str
    requester: str
    approver: str
    approval_level: str
    """`verified by signature`, `verified by git`, `none`; `self-declared`: names in a file, nothing
    more (law: flagged in the report)."""
    approved_on: str
    review_by: str
    ticket: str
    seen: str
    """What this run saw: `open on 2 of 2 hosts`, `not open`, `not measured`, `not in this run`."""
    location: str
    approval_evidence: str = ""
    """Who approved it by what means, and why that is not known better."""
    approvals: int = 0
    """How many persons approved it, as far as they count; `approvals_needed` must."""
    approvals_needed: int = 0
    """0 in documents of versions that did not count."""
    blame: BlameInfo | None = None
    notice: str = ""
    """`ends within 30 days`, `ended`, `nothing of it was open` (in this run); empty: nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeInfo:
    """One change since the last comparable run."""

    kind: str
    """`opened`, `closed`, `service`, `finding opened`, `finding resolved`, `document`."""
    subject: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalInfo:
    """One stretch of time in which an endpoint was seen in one state: the timeline."""

    endpoint: str
    state: str
    first_seen: str
    last_seen: str
    """Last measurement that showed it; between measurements nothing is claimed."""
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationInfo:
    """One run of the store's history, for the operation of the control."""

    id: str
    started: str
    status: str
    reason: str
    planned: int
    measured: int
    findings: int | None
    """Deviations it showed; None when the run could not conclude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentInfo:
    """One input file: what it is, its version, its digest."""

    kind: str
    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One raw record a claim leads to."""

    digest: str
    kind: str
    subject: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDocument:
    """The whole of `evidence.json`, in the order of the report's sections."""

    schema: str
    report: ReportInfo
    summary: Summary
    scope: ScopeInfo
    authorisation: AuthorisationInfo
    method: MethodInfo
    vantage: VantageInfo
    run: RunInfo
    controls: tuple[ControlInfo, ...]
    witnesses: tuple[WitnessInfo, ...]
    coverage: tuple[CoverageInfo, ...]
    frameworks: tuple[FrameworkInfo, ...]
    findings: tuple[FindingInfo, ...]
    """DEVIATES and WAIVED, worst first."""
    unknown: tuple[FindingInfo, ...]
    """What could not be judged, required ones first."""
    waivers: tuple[WaiverInfo, ...]
    register: tuple[EntryInfo, ...]
    changes: tuple[ChangeInfo, ...]
    compared_with: str
    """The run the changes are against; empty: no earlier comparable run, said why in `changes_note`."""
    changes_note: str
    operation: tuple[OperationInfo, ...]
    timeline: tuple[IntervalInfo, ...]
    hosts: tuple[HostInfo, ...]
    own_listeners: tuple[str, ...]
    documents: tuple[DocumentInfo, ...]
    index: tuple[EvidenceItem, ...]
