"""Builders of the parts of an evidence document, each whole and plausible; name what a test is about."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from portproof.model.evidence import (
    ControlResultInfo,
    CoverageInfo,
    EntryInfo,
    EvidenceItem,
    FactInfo,
    FindingInfo,
    FrameworkInfo,
    HostInfo,
    IntervalInfo,
    MethodInfo,
    OpenPortInfo,
    OperationInfo,
    ReportInfo,
    SeverityStepInfo,
    Summary,
    VantageInfo,
)

ALL_TCP: Final = 65_535
SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
STARTED: Final = "2026-11-20T22:14:03Z"


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def open_port(endpoint: str, port: int, service: str = "", **changes: object) -> OpenPortInfo:
    transport = endpoint.rpartition("/")[2]
    base = OpenPortInfo(
        endpoint=endpoint, port=port, transport=transport, state="open",
        reason="syn-ack" if transport == "tcp" else "udp-response", at=STARTED, rtt_us=412, attempts=1,
        service=service, product="", identified_by="protocol answer" if service else "", attributes={},
        tls_version="", tls_cipher="", certificate=None, evidence=digest_of(endpoint), own=False, entry="",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def host(
    address: str, *observations: OpenPortInfo, transport: str = "tcp", **changes: object
) -> HostInfo:
    ports = sorted({each.port for each in observations if each.state == "open"})
    last = 0
    closed = []
    for port in [*ports, ALL_TCP + 1]:
        if port - 1 > last:
            closed.append(f"{last + 1}-{port - 1}" if port - 1 > last + 1 else str(port - 1))
        last = port
    base = HostInfo(
        address=address, name="", target=address, asset="", owner="", transport=transport,
        states={"open": ",".join(map(str, ports)), "closed": ",".join(closed)},
        counts={"open": len(ports), "closed": ALL_TCP - len(ports)},
        reasons={"reset": ALL_TCP - len(ports), "syn-ack": len(ports)}, unmeasured={}, observations=observations,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def finding(endpoint: str, title: str, severity: str = "high", **changes: object) -> FindingInfo:
    base = FindingInfo(
        id=digest_of(f"{endpoint} {title}")[:16], rule="unapproved-exposure", verdict="DEVIATES", status="open",
        severity=severity, title=title, because=f"{endpoint} accepted a connection (1 of 1 attempts).",
        action="Close the port, or have it approved with a reason, an owner and a review date.",
        asset=endpoint.rpartition(":")[0], owner="platform team", zone="internet", endpoint=endpoint, also=(), service="",
        identified_by="", entry="", nearest="", waiver="", facts=("unexpected_open",),
        controls=("pci:1.2.5", "pci:1.4.2", "soc2:CC6.6"),
        trace=(SeverityStepInfo(rule="unknown-service", severity=severity, because="unknown service, seen from an untrusted zone"),),
        evidence=(digest_of(endpoint),), first_seen=STARTED, last_seen=STARTED, times_seen=1, reopened=0,
        events=(f"{STARTED} opened (run 20261120T221403Z)",), target_date="2026-12-20", location="", required=False,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def unknown(endpoint: str, because: str, **changes: object) -> FindingInfo:
    base = finding(
        endpoint,
        "Required service could not be judged",
        "",
        rule="missing-service",
        verdict="UNKNOWN",
    )
    plain = replace(
        base,
        status="",
        because=because,
        facts=(),
        trace=(),
        events=(),
        target_date="",
        required=True,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def entry(name: str, hosts: str, ports: str, service: str, **changes: object) -> EntryInfo:
    base = EntryInfo(
        id=name, hosts=hosts, transport="tcp", ports=ports, zones="internet", service=service, presence="required",
        tier=1, direction="inbound", owner="platform team", capability="customer portal",
        breaks="customers cannot sign in", runbook="RB-12", justification="Public entry point of the portal.",
        mitigation="", mitigation_check="", requester="shop team", approver="network team",
        approval_level="self-declared", approved_on="2026-03-02", review_by="2027-03-01", ticket="CHG-1042",
        seen="open on 1 of 1 hosts", location="baseline.yaml:12:5",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def control(
    name: str, paraphrase: str, word: str, because: str, **changes: object
) -> ControlResultInfo:
    base = ControlResultInfo(
        id=name, paraphrase=paraphrase, word=word, because=because, strength="strong",
        accept="The register of approved services, and the run that shows what is reachable.",
        cannot="Rules on devices; ports reachable only from an untested source.", frequency="ongoing", applies="",
        supporting=(), exceptions=(), context=(), not_evaluated=(),
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def coverage(
    transport: str, planned: int, *, host_name: str = "", missing: int = 0, **unmeasured: int
) -> CoverageInfo:
    faults = {name.replace("_", "-"): count for name, count in unmeasured.items()}
    measured = planned - sum(faults.values()) - missing
    return CoverageInfo(
        host=host_name,
        transport=transport,
        planned=planned,
        measured=measured,
        unmeasured=faults,
        missing=missing,
    )


def report(report_id: str) -> ReportInfo:
    return ReportInfo(
        id=report_id, title="Network exposure of the customer portal", kind="point-in-time", entity="Example Payments Ltd",
        scope="customer portal", issued_at="2026-11-20T23:00:00Z", classification="confidential", tool_version="0.1.0",
        operator="audit team", log_size=1_204, log_head=digest_of("log head"), draft=True,
    )  # fmt: skip


def summarised(
    findings: tuple[FindingInfo, ...],
    unknowns: tuple[FindingInfo, ...],
    planned: int,
    measured: int,
    *,
    conforms: int,
) -> Summary:
    deviations = [each for each in findings if each.verdict == "DEVIATES"]
    sentence = (
        f"{len(deviations)} deviations were observed" if deviations else "No deviation was observed"
    )
    return Summary(
        sentence=f"{sentence} within the stated coverage.", run_status="complete", status_reason="",
        by_severity={name: sum(each.severity == name for each in deviations) for name in SEVERITIES},
        by_verdict={"CONFORMS": conforms, "DEVIATES": len(deviations), "WAIVED": len(findings) - len(deviations), "UNKNOWN": len(unknowns)},
        planned=planned, measured=measured,
    )  # fmt: skip


def method() -> MethodInfo:
    return MethodInfo(
        engine="TCP connect, UDP in the protocol's own words", tcp_ports="-", udp_ports="53,123", timeout_ms=1_000,
        min_timeout_ms=250, max_retries=2, most_retries=30, udp_timeout_ms=1_500, global_pps=20_000, per_host_pps=20_000,
        max_connections=4_000, control_interval_ms=1_000, max_witness_gap_ms=5_000,
        silent_ports="102,502,9100,20000,44818,47808", seed="1311768467463790320",
        probes=("dns/udp", "ftp/tcp", "http/tcp", "mysql/tcp", "ntp/udp", "postgresql/tcp", "redis/tcp", "smtp/tcp", "ssh/tcp", "tls/tcp"),
    )  # fmt: skip


def vantage() -> VantageInfo:
    return VantageInfo(
        id="ext-1", zone="internet", trust="untrusted", description="rented machine outside all of our networks",
        operator="audit team", location="Frankfurt", public_addresses=("198.51.100.20", "2001:db8:f::20"),
        software="portproof 0.1.0, Python 3.11, Linux 6.1", privileges="connect", clock_source="chrony",
        clock_synchronised="yes", clock_detail="offset 0.2 ms",
    )  # fmt: skip


def fact_of(each: FindingInfo) -> FactInfo:
    return FactInfo(
        fact=each.facts[0], subject=f"{each.endpoint or each.asset} from internet", because=each.title, finding=each.id,
        evidence=each.evidence, waived=each.verdict == "WAIVED",
    )  # fmt: skip


def framework(
    framework_id: str,
    title: str,
    version: str,
    disclaimer: str,
    controls: tuple[ControlResultInfo, ...],
) -> FrameworkInfo:
    words = sorted({each.word for each in controls})
    return FrameworkInfo(
        id=framework_id, title=title, version=version, disclaimer=disclaimer, digest=digest_of(framework_id),
        by_word={word: sum(each.word == word for each in controls) for word in words}, controls=controls,
    )  # fmt: skip


def pci(controls: tuple[ControlResultInfo, ...]) -> FrameworkInfo:
    disclaimer = "Supporting evidence only. Not an ASV scan, not a penetration test, not a statement of conformity."
    return framework("pci-dss", "PCI DSS", "4.0.1", disclaimer, controls)


def index_of(hosts: tuple[HostInfo, ...]) -> tuple[EvidenceItem, ...]:
    seen = [each for every in hosts for each in every.observations if each.evidence]
    return tuple(
        EvidenceItem(digest=each.evidence, kind="answer", subject=each.endpoint, bytes=412)
        for each in seen
    )


def history() -> tuple[OperationInfo, ...]:
    tcp = 8 * ALL_TCP
    days = tuple(
        OperationInfo(id=f"202611{day}T221403Z", started=f"2026-11-{day}T22:14:03Z", status="complete", reason="", planned=tcp, measured=tcp, findings=6 - day % 2)
        for day in range(20, 12, -1)
    )  # fmt: skip
    broken = replace(
        days[3],
        status="inconclusive",
        reason="the uplink was down for 4 minutes",
        measured=tcp // 3,
        findings=None,
    )
    return (*days[:3], broken, *days[4:])


def stretches() -> tuple[IntervalInfo, ...]:
    seen = (
        ("203.0.113.1:443/tcp", "open", "2026-08-01", "2026-11-20", 111),
        ("203.0.113.2:6379/tcp", "closed", "2026-08-01", "2026-11-19", 110),
        ("203.0.113.2:6379/tcp", "open", "2026-11-20", "2026-11-20", 1),
        ("203.0.113.2:5432/tcp", "open", "2026-08-01", "2026-11-02", 93),
        ("203.0.113.2:5432/tcp", "closed", "2026-11-03", "2026-11-20", 17),
        ("203.0.113.7:8443/tcp", "open", "2026-10-02", "2026-10-08", 7),
        ("203.0.113.7:8443/tcp", "filtered", "2026-10-09", "2026-11-05", 28),
        ("203.0.113.7:8443/tcp", "open", "2026-11-06", "2026-11-20", 15),
        ("203.0.113.4:123/udp", "open|filtered", "2026-09-12", "2026-11-20", 69),
    )
    return tuple(
        IntervalInfo(endpoint=endpoint, state=state, first_seen=f"{first}T22:14:03Z", last_seen=f"{last}T22:14:03Z", runs=runs)
        for endpoint, state, first, last, runs in seen
    )  # fmt: skip
