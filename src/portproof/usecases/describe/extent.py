"""What was asked, from where, how, and how much of it was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from portproof.evidence.canonical import digest
from portproof.model.endpoint import Transport
from portproof.model.evidence import (
    AuthorisationInfo,
    CertificateInfo,
    ControlInfo,
    CoverageInfo,
    ExclusionInfo,
    HostInfo,
    MethodInfo,
    OpenPortInfo,
    ResolutionInfo,
    RunInfo,
    ScopeInfo,
    VantageInfo,
    WitnessInfo,
)
from portproof.model.observation import Certificate, LocalFault, Observation
from portproof.model.ports import PortSet
from portproof.model.scan import Control, HostOutcome, RunRecord
from portproof.usecases.describe.case import Case
from portproof.usecases.describe.wording import counted, instant, instant_exact, ports_text

_CLOCK_WORDS = {True: "yes", False: "no", None: "unknown"}


def scope_info(case: Case) -> ScopeInfo:
    """Give what was asked for, and what was left out of it and why."""
    plan = case.run.plan
    reasons = {
        each.network: each.reason
        for each in (
            case.documents.authorisation.exclusions if case.documents.authorisation else ()
        )
    }
    return ScopeInfo(
        targets=tuple(
            dict.fromkeys([h.target for h in plan.hosts] + [r.name for r in plan.resolutions])
        ),
        addresses=len(plan.hosts),
        exclusions=tuple(
            ExclusionInfo(
                what=str(net), reason=reasons.get(net, "excluded by the operator of this run")
            )
            for net in plan.excluded
        ),
        resolutions=tuple(
            ResolutionInfo(
                name=each.name,
                addresses=tuple(map(str, each.addresses)),
                outside=tuple(map(str, each.outside)),
                at=instant(each.at),
                detail=each.detail,
            )
            for each in plan.resolutions
        ),
        fingerprint=digest(
            tuple(sorted((str(h.address), str(h.tcp), str(h.udp)) for h in plan.hosts))
        ),
    )


def authorisation_info(case: Case) -> AuthorisationInfo:
    """Give the authorisation that the run rested on, as the run kept it."""
    held = case.run.plan.authorisation
    return AuthorisationInfo(
        id=held.id,
        owner=held.owner,
        contact=held.contact,
        valid_from=instant(held.valid_from),
        valid_until=instant(held.valid_until),
        digest=held.digest,
    )


def method_info(case: Case) -> MethodInfo:
    """Give how the run was carried out."""
    plan = case.run.plan
    return MethodInfo(
        engine=plan.engine if plan.through is None else f"{plan.engine}, through {plan.through}",
        tcp_ports=ports_text(_union(host.tcp for host in plan.hosts)),
        udp_ports=ports_text(_union(host.udp for host in plan.hosts)),
        timeout_ms=plan.timing.timeout_ms,
        min_timeout_ms=plan.timing.min_timeout_ms,
        max_retries=plan.timing.max_retries,
        most_retries=plan.timing.most_attempts - 1,
        udp_timeout_ms=plan.timing.udp_timeout_ms,
        global_pps=plan.rates.global_pps,
        per_host_pps=plan.rates.per_host_pps,
        max_connections=plan.rates.max_connections,
        control_interval_ms=plan.timing.control_interval_ms,
        max_witness_gap_ms=plan.timing.max_witness_gap_ms,
        silent_ports=ports_text(plan.silent_ports),
        seed=str(plan.seed),
        probes=case.probes,
    )


def vantage_info(case: Case) -> VantageInfo:
    """Give where the run was carried out from."""
    run, vantage = case.run, case.run.plan.vantage
    zone = case.documents.vantages.zone(vantage.zone)
    return VantageInfo(
        id=vantage.id,
        zone=vantage.zone,
        trust=zone.trust if zone else "not declared",
        description=vantage.description,
        operator=vantage.operator or case.imprint.operator,
        location=vantage.location,
        public_addresses=tuple(map(str, vantage.public_addresses)),
        software=f"portproof {run.tool_version}",
        privileges="raw socket" if run.plan.engine == "syn" else "connect",
        clock_source=run.clock.source,
        clock_synchronised=_CLOCK_WORDS[run.clock.synchronised],
        clock_detail=run.clock.detail,
    )


def run_info(case: Case) -> RunInfo:
    """Give the run itself."""
    run = case.run
    return RunInfo(
        id=run.plan.run_id,
        status=run.status,
        status_reason=run.status_reason,
        started=instant(run.started),
        finished=instant(run.finished),
        duration_ms=run.duration_ms,
        retransmitted=run.retransmitted,
        masked=run.masked,
        outcome_digest=case.outcome_digest,
        continues=run.plan.continues or "",
        carried_over=_carried_over(run),
    )


def _carried_over(run: RunRecord) -> str:
    """Say what a run took over from the one it continues; empty when it continues none."""
    before = run.continuation
    if before is None:
        return ""
    carried = sum(each.carried for each in run.coverage)
    repeated = sum(each.repeated for each in run.coverage)
    return (
        f"Continues run {before.run_id}: {counted(carried, 'endpoint')} carried over (measured "
        f"between {instant(before.since)} and {instant(before.until)}), {repeated:,} asked again"
    )


def control_infos(run: RunRecord) -> tuple[ControlInfo, ...]:
    """Give each control with how often it showed what it must."""
    return tuple(_control_info(run, each) for each in run.plan.controls)


def _control_info(run: RunRecord, control: Control) -> ControlInfo:
    samples = [each for each in run.samples if each.control_id == control.id]
    return ControlInfo(
        id=control.id,
        kind=control.kind,
        endpoint=str(control.endpoint),
        own=control.own,
        samples=len(samples),
        as_expected=sum(each.as_expected for each in samples),
        last_seen=samples[-1].seen if samples else "never asked",
    )


def witness_infos(run: RunRecord) -> tuple[WitnessInfo, ...]:
    """Give who spoke for the silence of each network."""
    return tuple(
        WitnessInfo(
            network=str(each.network),
            positive=each.positive,
            negative=each.negative,
            samples=each.samples,
            failures=each.failures,
            longest_gap_ms=each.longest_gap_ms,
            silent=each.silent,
            unwitnessed=each.unwitnessed,
        )
        for each in run.witnesses
    )


def coverage_infos(run: RunRecord) -> tuple[CoverageInfo, ...]:
    """Give the sum per transport first, then each host; every row ties out."""
    total = (
        CoverageInfo(
            host="",
            transport=each.transport,
            planned=each.planned,
            measured=each.measured,
            unmeasured={fault.value: count for fault, count in each.unmeasured.items() if count},
            missing=each.missing,
            loss_ppm=each.loss_ppm,
            carried=each.carried,
            repeated=each.repeated,
        )
        for each in run.coverage
    )
    hosts = (_host_coverage(each) for each in run.hosts)
    return (*total, *hosts, *_unresolved_coverage(run))


def _unresolved_coverage(run: RunRecord) -> Iterator[CoverageInfo]:
    """Give a row for each name that did not resolve: its ports were asked of nobody."""
    for name in run.plan.resolutions:
        for transport in Transport:
            asked = len(name.ports(transport))
            if asked and not name.addresses:
                yield CoverageInfo(
                    host=name.name,
                    transport=transport,
                    planned=asked,
                    measured=0,
                    unmeasured={LocalFault.UNRESOLVED.value: asked},
                    missing=0,
                )


def _host_coverage(host: HostOutcome) -> CoverageInfo:
    planned = len(host.host.ports(host.transport))
    measured = sum(len(ports) for ports in host.states.values())
    unmeasured = {fault.value: len(ports) for fault, ports in host.unmeasured.items() if ports}
    return CoverageInfo(
        host=str(host.host.address),
        transport=host.transport,
        planned=planned,
        measured=measured,
        unmeasured=unmeasured,
        missing=planned - measured - sum(unmeasured.values()),
    )


def host_infos(case: Case) -> tuple[HostInfo, ...]:
    """Give all that was seen of each address."""
    return tuple(_host_info(case, each) for each in case.run.hosts)


def _host_info(case: Case, host: HostOutcome) -> HostInfo:
    asset = case.documents.baseline.asset_of(host.host.address, host.host.name)
    return HostInfo(
        address=str(host.host.address),
        name=host.host.name or "",
        target=host.host.target,
        asset=asset.id if asset else "",
        owner=asset.owner if asset else "",
        transport=host.transport,
        states={state.value: ports_text(ports) for state, ports in host.states.items() if ports},
        counts={state.value: len(ports) for state, ports in host.states.items() if ports},
        reasons={reason.value: len(ports) for reason, ports in host.reasons.items() if ports},
        unmeasured={
            fault.value: ports_text(ports) for fault, ports in host.unmeasured.items() if ports
        },
        observations=tuple(_open_port(case, host, each) for each in host.observations),
    )


def _open_port(case: Case, host: HostOutcome, seen: Observation) -> OpenPortInfo:
    service, tls = seen.service, seen.service.tls if seen.service else None
    return OpenPortInfo(
        endpoint=str(seen.endpoint),
        port=seen.endpoint.port,
        transport=seen.endpoint.transport,
        state=seen.state,
        reason=seen.reason,
        at=instant_exact(seen.at),
        rtt_us=seen.rtt_us,
        attempts=seen.attempts,
        service=service.name if service else "",
        product=service.product if service else "",
        identified_by=service.identified_by if service else "",
        attributes=dict(service.attributes) if service else {},
        tls_version=tls.version if tls else "",
        tls_cipher=tls.cipher if tls else "",
        certificate=_certificate(tls.certificate) if tls and tls.certificate else None,
        evidence=seen.evidence or "",
        own=seen.endpoint in case.run.own_listeners,
        entry=_granting(case, host, seen),
    )


def _granting(case: Case, host: HostOutcome, seen: Observation) -> str:
    """Give the entry in force that grants the endpoint from this zone; empty when none does."""
    register, zone, on = case.register, case.run.plan.vantage.zone, case.run.finished.date()
    about = register.about(host.host)
    passed_on = register.passed_on(host.host, about)
    return next(
        (
            each.id
            for each in about
            if each.transport is seen.endpoint.transport
            and seen.endpoint.port in each.ports
            and zone in each.zones
            and each.in_force(on)
            and each.id not in passed_on
        ),
        "",
    )


def _certificate(shown: Certificate) -> CertificateInfo:
    return CertificateInfo(
        subject=shown.subject,
        issuer=shown.issuer,
        names=shown.names,
        not_before=instant(shown.not_before),
        not_after=instant(shown.not_after),
        serial=shown.serial,
        sha256=shown.sha256,
        key=shown.key,
        self_signed=shown.self_signed,
    )


def own_listeners(run: RunRecord) -> tuple[str, ...]:
    """Give portproof's own listening sockets during the run."""
    return tuple(map(str, run.own_listeners))


def _union(sets: Iterable[PortSet]) -> PortSet:
    union = PortSet.empty()
    for ports in sets:
        union |= ports
    return union
