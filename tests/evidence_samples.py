"""Evidence documents for tests and for looking at: little, typical, much, inconclusive, hostile.

Each builder gives a whole, consistent `EvidenceDocument`: its counts tie out, and its findings lead
to records of its index. `replace` what a test is about.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from evidence_parts import (
    ALL_TCP,
    SEVERITIES,
    STARTED,
    control,
    coverage,
    digest_of,
    entry,
    fact_of,
    finding,
    framework,
    history,
    host,
    index_of,
    method,
    open_port,
    pci,
    report,
    stretches,
    summarised,
    unknown,
    vantage,
)
from portproof.model.evidence import (
    SCHEMA,
    AuthorisationInfo,
    CertificateInfo,
    ChangeInfo,
    ControlInfo,
    ControlResultInfo,
    DocumentInfo,
    EvidenceDocument,
    EvidenceItem,
    ExclusionInfo,
    FindingInfo,
    FrameworkInfo,
    HostInfo,
    IntervalInfo,
    OperationInfo,
    ResolutionInfo,
    RunInfo,
    ScopeInfo,
    SeverityStepInfo,
    WaiverInfo,
    WitnessInfo,
)


def little() -> EvidenceDocument:
    """One host, everything closed but the approved web server, no finding."""
    web = open_port("192.0.2.10:443/tcp", 443, "http", entry="web-public", tls_version="TLSv1.3")
    return EvidenceDocument(
        schema=SCHEMA,
        report=report("PP-2026-0001"),
        summary=summarised((), (), ALL_TCP, ALL_TCP, conforms=2),
        scope=ScopeInfo(targets=("192.0.2.10",), addresses=1, exclusions=(), resolutions=(), fingerprint=digest_of("scope")),
        authorisation=AuthorisationInfo(
            id="AUTH-2026-11", owner="security officer", contact="security@example.com",
            valid_from="2026-11-01T00:00:00Z", valid_until="2026-12-01T00:00:00Z", digest=digest_of("authorisation"),
        ),
        method=method(),
        vantage=vantage(),
        run=RunInfo(
            id="20261120T221403Z", status="complete", status_reason="", started=STARTED, finished="2026-11-20T22:14:51Z",
            duration_ms=48_210, retransmitted=0, masked=0, outcome_digest=digest_of("outcome"),
        ),
        controls=(ControlInfo(id="canary-1", kind="positive", endpoint="198.51.100.7:443/tcp", own=False, samples=48, as_expected=48, last_seen="open (syn-ack)"),),
        witnesses=(WitnessInfo(network="192.0.2.0/24", positive=("canary-1",), negative=(), samples=48, failures=0, longest_gap_ms=1_020, silent=0, unwitnessed=0),),
        coverage=(coverage("tcp", ALL_TCP), coverage("tcp", ALL_TCP, host_name="192.0.2.10")),
        frameworks=(pci((control("1.2.5", "A list of every permitted service, protocol and port exists, each approved and with a business reason.", "supported", "No deviation was observed within the stated coverage."),)),),
        findings=(), unknown=(), waivers=(), register=(entry("web-public", "192.0.2.10", "443", "http"),),
        changes=(), compared_with="", changes_note="There is no earlier comparable run.",
        operation=(OperationInfo(id="20261120T221403Z", started=STARTED, status="complete", reason="", planned=ALL_TCP, measured=ALL_TCP, findings=0),),
        timeline=(IntervalInfo(endpoint="192.0.2.10:443/tcp", state="open", first_seen=STARTED, last_seen=STARTED, runs=1),),
        hosts=(host("192.0.2.10", web, name="www.example.com", owner="platform team", asset="web-1"),),
        own_listeners=(), documents=(DocumentInfo(kind="baseline", name="baseline.yaml", version="", digest=digest_of("baseline")),),
        index=(EvidenceItem(digest=web.evidence, kind="answer", subject=web.endpoint, bytes=512),),
    )  # fmt: skip


def typical() -> EvidenceDocument:
    """Eight hosts, a handful of findings of every kind, two transports, a history."""
    hosts, unknowns = _typical_hosts(), _typical_unknowns()
    findings = tuple(sorted(_typical_findings(), key=lambda each: SEVERITIES.index(each.severity)))
    tcp, udp = 8 * ALL_TCP, 8 * 12
    rows = [
        coverage("tcp", ALL_TCP, host_name=each.address, no_route=ALL_TCP if each.unmeasured else 0)
        for each in hosts
        if each.transport == "tcp"
    ]
    document = replace(
        little(),
        report=report("PP-2026-0042"),
        scope=ScopeInfo(
            targets=("203.0.113.0/29", "2001:db8:10::20", "www.example.com"), addresses=8,
            exclusions=(ExclusionInfo(what="203.0.113.6/32", reason="payment terminal under vendor support until 2026-12-31"),),
            resolutions=(ResolutionInfo(name="www.example.com", addresses=("203.0.113.1",), outside=("198.51.100.99",), at=STARTED, detail=""),),
            fingerprint=digest_of("typical scope"),
        ),
        controls=(
            *little().controls,
            ControlInfo(id="dark-1", kind="negative", endpoint="203.0.113.5:9/tcp", own=False, samples=48, as_expected=48, last_seen="closed (reset)"),
            ControlInfo(id="own-v4", kind="positive", endpoint="203.0.113.4:39321/tcp", own=True, samples=48, as_expected=48, last_seen="open (syn-ack)"),
        ),
        witnesses=(
            WitnessInfo(network="203.0.113.0/29", positive=("canary-1",), negative=("dark-1",), samples=96, failures=0, longest_gap_ms=1_204, silent=131_055, unwitnessed=0),
            WitnessInfo(network="2001:db8:10::/64", positive=(), negative=(), samples=0, failures=0, longest_gap_ms=48_210, silent=0, unwitnessed=0),
        ),
        coverage=(coverage("tcp", tcp, no_route=ALL_TCP), coverage("udp", udp, not_probed=16), *rows),
        findings=findings, unknown=unknowns, summary=summarised(findings, unknowns, tcp + udp, tcp + udp - ALL_TCP - 16, conforms=11),
        frameworks=(pci(_pci_controls(findings)), _soc2(findings)),
        waivers=(WaiverInfo(id="WV-7", covers="insecure-service on 203.0.113.3, 21/tcp", reason="Supplier moves to SFTP in January.", requester="shop team", approver="security officer", begins="2026-10-01T00:00:00Z", expires="2027-02-01T00:00:00Z", status="in force", matched=1, ticket="RISK-31"),),
        register=(
            entry("web-public", "www (203.0.113.1, 203.0.113.2)", "80,443", "http", seen="open on 2 of 2 hosts"),
            entry("supplier-ftp", "203.0.113.3", "21", "ftp", mitigation="source restricted to the supplier", mitigation_check="firewall review FW-9", presence="allowed", tier=3, approver="", approval_level="", location="baseline.yaml:31:5"),
            entry("portal-db", "203.0.113.2", "5432", "postgresql", zones="internet", seen="not open", location="baseline.yaml:48:5"),
            entry("ns", "2001:db8:10::20", "53", "dns", transport="udp", seen="not measured", location="baseline.yaml:60:5"),
        ),
        changes=(
            ChangeInfo(kind="opened", subject="203.0.113.2:6379/tcp", before="closed", after="open (redis)"),
            ChangeInfo(kind="finding opened", subject=findings[0].id, before="", after=findings[0].title),
            ChangeInfo(kind="document", subject="baseline.yaml", before="9f02…", after="11c4…"),
        ),
        compared_with="20261119T221401Z", changes_note="", operation=history(), timeline=stretches(),
        hosts=hosts, own_listeners=("203.0.113.4:39321/tcp",), index=index_of(hosts),
        documents=tuple(DocumentInfo(kind=kind, name=name, version=version, digest=digest_of(name)) for kind, name, version in (("baseline", "baseline.yaml", ""), ("authorisation", "authorisation.yaml", ""), ("waivers", "waivers.yaml", ""), ("service rules", "service-rules.yaml", "2026.11"), ("framework", "frameworks/pci-dss-4.0.1.yaml", "4.0.1"), ("framework", "frameworks/soc2-tsc-2017.yaml", "2017"))),
    )  # fmt: skip
    return replace(document, run=replace(document.run, retransmitted=262_110, masked=1))


def inconclusive() -> EvidenceDocument:
    """The typical audit whose path broke: no findings, much unmeasured, some missing."""
    base = typical()
    reason = "The positive control canary-1 fell silent for 19.4 s; silence in 203.0.113.0/29 has no witness."
    unknowns = tuple(
        unknown(each.endpoint, "silence without a witness")
        for each in base.findings
        if each.endpoint
    )
    planned = base.summary.planned
    rows = (
        coverage("tcp", 8 * ALL_TCP, control_failed=301_204, missing=41),
        coverage("udp", 96, control_failed=80),
    )
    lost = 301_204 + 41 + 80
    return replace(
        base,
        run=replace(base.run, status="inconclusive", status_reason=reason),
        summary=replace(
            summarised((), unknowns, planned, planned - lost, conforms=3),
            sentence="Insufficient evidence: the run could not conclude.", run_status="inconclusive", status_reason=reason,
        ),
        coverage=rows, findings=(), unknown=unknowns, changes=(), compared_with="",
        changes_note="An inconclusive run is compared with nothing.",
        witnesses=(replace(base.witnesses[0], failures=19, longest_gap_ms=19_412, unwitnessed=131_055),),
        frameworks=tuple(_insufficient(each) for each in base.frameworks),
        operation=(replace(base.operation[0], status="inconclusive", reason=reason, measured=planned - lost, findings=None), *base.operation[1:]),
    )  # fmt: skip


def much(hosts: int = 40, findings: int = 300) -> EvidenceDocument:
    """Many hosts and findings over many ports, as after a first scan of an old network."""
    services = (
        (22, "ssh"),
        (23, "telnet"),
        (80, "http"),
        (443, "http"),
        (3306, "mysql"),
        (5432, "postgresql"),
        (6379, "redis"),
        (8080, "http"),
    )
    found, seen = [], []
    for number in range(hosts):
        address = f"10.20.{number // 200}.{number % 200 + 1}"
        ports = [
            (port + (number % 7) * 1000 if port > 1024 else port, name) for port, name in services
        ]
        share = [
            ports[index % 8] if index < 8 else (20_000 + index, "")
            for index in range(findings // hosts + 1)
        ]
        opened = {port: open_port(f"{address}:{port}/tcp", port, name) for port, name in share}
        seen.append(
            host(
                address,
                *(opened[port] for port in sorted(opened)),
                name=f"srv{number:03}.corp.example.com",
            )
        )
        found += [
            finding(
                each.endpoint,
                f"Port {each.port} is open and nobody approved it",
                SEVERITIES[each.port % 5],
                service=each.service,
            )
            for each in opened.values()
        ]
    worst = tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity))[:findings])
    base, planned = typical(), hosts * ALL_TCP
    return replace(
        base, report=report("PP-2026-0099"), hosts=tuple(seen), findings=worst, unknown=(), index=index_of(tuple(seen)),
        summary=summarised(worst, (), planned, planned, conforms=0), frameworks=(pci(_pci_controls(worst)), _soc2(worst)),
        scope=replace(base.scope, addresses=hosts), own_listeners=(),
        coverage=(coverage("tcp", planned), *(coverage("tcp", ALL_TCP, host_name=each.address) for each in seen)),
        timeline=tuple(IntervalInfo(endpoint=each.endpoint, state="open", first_seen="2026-10-01T03:00:00Z", last_seen=STARTED, runs=51) for each in worst),
    )  # fmt: skip


HOSTILE_TEXTS: Final = (
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)" x="',
    "' style='background:url(http://evil.example/x)",
    "</style><img src=http://evil.example/x.png>",
    "\x1b[2J\x1b[31mnothing to see\x1b[0m",
    "220 ready\x00\x07\x08\r\n",
    "safe\u202egnp.exe\u2066\u200b",
    "not a character \ufffe, a tag \U000e0041",
    "{{ 7 * 7 }}{% raw %}",
    "]]> --> */ }",
    "[bold red]not markup[/] [/red]",
    "A" * 10_240,
)


def hostile() -> EvidenceDocument:
    """Every text a peer or a careless person controls is an attack."""
    base = typical()
    first, *others = base.findings
    nasty = tuple(
        open_port(
            f"203.0.113.1:{7000 + number}/tcp", 7000 + number, text, product=text, attributes={text[:40]: text}, tls_version="TLSv1.2",
            certificate=CertificateInfo(subject=text, issuer=text, names=(text,), not_before="", not_after=text, serial="", sha256="", key=text, self_signed=True),
        )
        for number, text in enumerate(HOSTILE_TEXTS)
    )  # fmt: skip
    bad = tuple(finding(each.endpoint, each.service, because=each.service, nearest=each.service, owner=each.service, action=each.service, id=f"{number:016x}", entry=each.service[:60]) for number, each in enumerate(nasty))  # fmt: skip
    return replace(
        base,
        report=replace(base.report, title=HOSTILE_TEXTS[0], entity=HOSTILE_TEXTS[3], scope=HOSTILE_TEXTS[1], classification=HOSTILE_TEXTS[2]),
        hosts=(host("203.0.113.1", *nasty, name=HOSTILE_TEXTS[4], owner=HOSTILE_TEXTS[8]),),
        findings=(*bad, replace(first, service=HOSTILE_TEXTS[6]), *others),
        unknown=tuple(unknown(f"203.0.113.1:{8000 + number}/tcp", text) for number, text in enumerate(HOSTILE_TEXTS)),
        waivers=(replace(base.waivers[0], reason=HOSTILE_TEXTS[5], id=HOSTILE_TEXTS[1]),),
        register=(replace(base.register[0], justification=HOSTILE_TEXTS[-1], hosts="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff," * 9),),
        timeline=tuple(replace(base.timeline[0], endpoint=text) for text in HOSTILE_TEXTS),
        changes=tuple(ChangeInfo(kind="service", subject=text, before=text, after=text) for text in HOSTILE_TEXTS),
    )  # fmt: skip


def _typical_hosts() -> tuple[HostInfo, ...]:
    certificate = CertificateInfo(
        subject="CN=www.example.com", issuer="CN=Example Issuing CA 3", names=("www.example.com", "example.com"),
        not_before="2026-01-10T00:00:00Z", not_after="2026-12-09T00:00:00Z", serial="04a1", sha256=digest_of("cert"),
        key="ec secp256r1",
    self_signed=False)  # fmt: skip
    tls: dict[str, object] = {
        "tls_version": "TLSv1.3",
        "tls_cipher": "TLS_AES_256_GCM_SHA384",
        "certificate": certificate,
    }
    silent = {
        "states": {"open": "22", "filtered": "1-21,23-65535"},
        "counts": {"open": 1, "filtered": 65_534},
        "reasons": {"syn-ack": 1, "no-response": 65_534},
    }
    unreached = {"states": {}, "counts": {}, "reasons": {}, "unmeasured": {"no-route": "-"}}
    web = [
        host(
            f"203.0.113.{number}",
            open_port(
                f"203.0.113.{number}:80/tcp", 80, "http", product="nginx", entry="web-public"
            ),
            open_port(
                f"203.0.113.{number}:443/tcp",
                443,
                "http",
                product="nginx",
                entry="web-public",
                **tls,
            ),
            *(
                (open_port("203.0.113.2:6379/tcp", 6379, "redis", attributes={"auth": "none"}),)
                if number == 2
                else ()
            ),
            name=("www.example.com", "app.example.com")[number - 1],
            asset="portal-web",
            owner="platform team",
        )
        for number in (1, 2)
    ]
    return (
        *web,
        host("203.0.113.3", open_port("203.0.113.3:21/tcp", 21, "ftp", product="vsFTPd 3.0.3", identified_by="banner", entry="supplier-ftp"), owner="supply chain"),
        host("203.0.113.4", open_port("203.0.113.4:22/tcp", 22, "ssh", product="OpenSSH 9.2p1"), open_port("203.0.113.4:39321/tcp", 39_321, own=True), owner="platform team"),
        host("203.0.113.5", open_port("203.0.113.5:22/tcp", 22, "ssh", product="OpenSSH 9.2p1"), **silent),
        host("203.0.113.7", open_port("203.0.113.7:8443/tcp", 8443, "http", attributes={"server": "Apache-Coyote/1.1", "title": "Manager"})),
        host("203.0.113.0"),
        host("2001:db8:10::20", **unreached),
        host(
            "203.0.113.4", open_port("203.0.113.4:53/udp", 53, "dns"),
            open_port("203.0.113.4:123/udp", 123, state="open|filtered", reason="no-response", rtt_us=None, attempts=3, evidence=""),
            transport="udp", states={"open": "53", "open|filtered": "123"}, counts={"open": 1, "open|filtered": 1}, reasons={}, unmeasured={"not-probed": "161"},
        ),
    )  # fmt: skip


def _typical_findings() -> tuple[FindingInfo, ...]:
    steps = (
        SeverityStepInfo(
            rule="redis-tcp", severity="high", because="datastore, seen from an untrusted zone"
        ),
        SeverityStepInfo(
            rule="no-authentication",
            severity="critical",
            because="no authentication was observed: raised one step",
        ),
    )
    return (
        finding("203.0.113.2:6379/tcp", "Redis answers without a password and nobody approved it", "critical", service="redis", identified_by="protocol answer", trace=steps, because="TCP 6379 on 203.0.113.2 accepted a connection from ext-1 at 2026-11-20T22:14:03Z (1 of 1 attempts) and answered PING without a password.", nearest="web-public covers the host, but only ports 80,443", facts=("unexpected_open", "datastore_exposed"), controls=("pci:1.2.5", "pci:1.4.2", "pci:1.4.4", "soc2:CC6.6"), action="Bind Redis to a private address and require a password.", target_date="2026-11-27"),
        finding("203.0.113.7:8443/tcp", "An administration page is reachable from the internet", "high", service="http", identified_by="protocol answer", facts=("unexpected_open", "admin_exposed"), first_seen="2026-11-06T22:14:00Z", times_seen=15, reopened=1, events=("2026-10-02T22:14:00Z opened (run 20261002T221400Z)", "2026-10-09T22:14:00Z resolved (run 20261009T221400Z)", "2026-11-06T22:14:00Z reopened (run 20261106T221400Z)")),
        finding("203.0.113.5:22/tcp", "SSH is open and nobody approved it", "high", service="ssh", identified_by="protocol answer", nearest="no entry covers 203.0.113.5"),
        finding("203.0.113.2:5432/tcp", "Required PostgreSQL was not observed open", "medium", rule="missing-service", service="postgresql", because="TCP 5432 on 203.0.113.2 was closed (reset), while the controls of the same run answered.", entry="portal-db", facts=("missing_service",), required=True),
        finding("203.0.113.1:443/tcp", "The certificate ends within 30 days", "low", rule="tls-certificate", service="http", entry="web-public", because="The certificate of www.example.com ends on 2026-12-09.", facts=("tls_cert_problem",)),
        finding("", "Approval is incomplete: no approver", "medium", rule="approval-missing", asset="supplier-ftp", entry="supplier-ftp", location="baseline.yaml:31:5", zone="", because="Entry supplier-ftp has no approver.", facts=("approval_missing",), controls=("pci:1.2.5",), evidence=(digest_of("outcome"),)),
        finding("203.0.113.3:21/tcp", "FTP carries passwords in clear text", "medium", rule="insecure-service", verdict="WAIVED", status="waived", waiver="WV-7", service="ftp", identified_by="banner", entry="supplier-ftp", facts=("insecure_service",)),
    )  # fmt: skip


def _typical_unknowns() -> tuple[FindingInfo, ...]:
    return (
        unknown(
            "[2001:db8:10::20]:53/udp",
            "not measured: no route to the host from this vantage",
            entry="ns",
        ),
    )


def _pci_controls(findings: tuple[FindingInfo, ...]) -> tuple[ControlResultInfo, ...]:
    facts = tuple(fact_of(each) for each in findings if "pci:1.2.5" in each.controls)
    noted = f"{len(facts)} deficiency facts are open."
    return (
        control("1.2.5", "A list of every permitted service, protocol and port exists, each approved and with a business reason.", "exceptions noted", noted, exceptions=facts),
        control("1.2.6", "For each insecure service in use, protective measures are defined and in place.", "supported", "Every insecure service seen has a recorded protection.", not_evaluated=("insecure_unmitigated",)),
        control("1.2.7", "Network-control settings are reviewed at least twice a year.", "not evaluated", "No review record was given.", strength="partial", frequency="at least every 6 months"),
        control("1.4.2", "Inbound traffic from untrusted networks reaches only what is publicly and knowingly offered.", "exceptions noted", noted, exceptions=facts[:2]),
        control("1.4.4", "Systems that store account data cannot be reached directly from untrusted networks.", "insufficient evidence", "One host in scope was not measured: no route.", exceptions=facts[:1]),
        control("11.3.2", "External vulnerability scans are done by an approved vendor.", "out of scope of this tool", "Only an approved vendor's scan counts here.", strength="context"),
        control("12.5.2", "The scope is documented and confirmed.", "context provided", "Reachable hosts and names are listed.", strength="context", frequency="every 12 months"),
    )  # fmt: skip


def _soc2(findings: tuple[FindingInfo, ...]) -> FrameworkInfo:
    facts = tuple(fact_of(each) for each in findings if "soc2:CC6.6" in each.controls)
    return framework(
        "soc2-tsc", "SOC 2 Trust Services Criteria", "2017", "The entity's own control wording decides; points of focus are no requirements.",
        (
            control("CC6.6", "Access from outside the system's boundaries is restricted.", "exceptions noted", f"{len(facts)} deficiency facts are open.", exceptions=facts),
            control("CC7.1", "Changes and new vulnerabilities are detected.", "supported", "Runs on schedule, compared with the baseline."),
            control("A1.1", "Capacity is monitored.", "context provided", "Response times are recorded.", strength="context"),
        ),
    )  # fmt: skip


def _insufficient(framework: FrameworkInfo) -> FrameworkInfo:
    controls = tuple(
        replace(
            each, word="insufficient evidence", because="The run is inconclusive.", exceptions=()
        )
        for each in framework.controls
    )
    return replace(framework, controls=controls, by_word={"insufficient evidence": len(controls)})
