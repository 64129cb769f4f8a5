"""The register of approved services with what this run saw of each, and the waivers."""

from __future__ import annotations

from dataclasses import replace

from portproof.model.baseline import BaselineEntry, Direction
from portproof.model.evidence import EntryInfo, WaiverInfo
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.waiver import Waiver
from portproof.policy.approval_usage import approval_usage
from portproof.policy.waivers import WaiverUsage, waiver_usage
from portproof.usecases.describe.case import Case
from portproof.usecases.describe.provenance import blame_info, standing_in
from portproof.usecases.describe.wording import counted, day, instant, place, ports_text


def entry_infos(case: Case) -> tuple[EntryInfo, ...]:
    """Give every approved entry of the baseline, in its order (PCI DSS v4.0.1 §1.2.5)."""
    baseline, at = case.documents.baseline, case.run.finished
    notices = {each.entry.id: each.notice for each in approval_usage(baseline, (case.run,), at)}
    return tuple(
        replace(_entry_info(case, each), notice=notices.get(each.id, ""))
        for each in baseline.approved
    )


def waiver_infos(case: Case) -> tuple[WaiverInfo, ...]:
    """Give every waiver, expired and unused ones included."""
    return tuple(map(_waiver_info, waiver_usage(case.documents.waivers, case.checked.evaluation)))


def _entry_info(case: Case, entry: BaselineEntry) -> EntryInfo:
    approval, mitigation = entry.approval, entry.mitigation
    held = standing_in(case, entry)
    return EntryInfo(
        id=entry.id,
        hosts=", ".join(entry.hosts_text),
        transport=entry.transport,
        ports=ports_text(entry.ports),
        zones=", ".join(entry.zones),
        service=entry.service,
        presence=entry.presence,
        tier=entry.tier,
        direction=entry.direction,
        owner=entry.owner,
        capability=entry.capability,
        breaks=entry.breaks,
        runbook=entry.runbook,
        justification=entry.justification,
        mitigation=mitigation.measure if mitigation else "",
        mitigation_check=mitigation.checked_by if mitigation else "",
        requester=approval.requester,
        approver=approval.approver,
        approval_level=held.level,
        approval_evidence=held.told,
        approvals=len(held.counted),
        approvals_needed=held.needed,
        blame=blame_info(case, entry.id),
        approved_on=day(approval.approved_on),
        review_by=day(approval.review_by),
        ticket=approval.ticket,
        seen=_seen(case, entry),
        location=place(entry.location),
    )


def _seen(case: Case, entry: BaselineEntry) -> str:
    """Say what this run saw of the entry: how many of its endpoints, and in which states."""
    run = case.run
    if entry.direction is not Direction.INBOUND or run.plan.vantage.zone not in entry.zones:
        return "not in this run (another zone or direction)"
    hosts = [
        each
        for each in run.hosts
        if each.transport is entry.transport
        and (
            entry.covers(each.host.address, each.host.names)
            or case.register.reaches_id(each.host, entry)
        )
    ]
    planned = sum(len(each.host.ports(entry.transport) & entry.ports) for each in hosts)
    if not planned:
        return "not in this run"
    seen = {
        state: sum(len(each.states.get(state, PortSet.empty()) & entry.ports) for each in hosts)
        for state in PortState
    }
    told = [f"{state} on {count}" for state, count in seen.items() if count]
    unmeasured = planned - sum(seen.values())
    told += [f"not measured on {unmeasured}"] if unmeasured else []
    return f"{', '.join(told)} of {counted(planned, 'endpoint')}"


def _waiver_info(usage: WaiverUsage) -> WaiverInfo:
    waiver = usage.waiver
    return WaiverInfo(
        id=waiver.id,
        covers=_covers(waiver),
        reason=waiver.reason,
        requester=waiver.requester,
        approver=waiver.approver,
        begins=instant(waiver.begins),
        expires=instant(waiver.expires),
        status=usage.status,
        matched=usage.matched,
        ticket=waiver.ticket,
        notice=f"ends within {usage.notice_days} days" if usage.notice_days else "",
        holds_until=instant(usage.end),
    )


def _covers(waiver: Waiver) -> str:
    ids = [f"id:{each}" for each in waiver.ids]
    hosts = ", ".join([*map(str, waiver.networks), *waiver.names, *ids]) or "all hosts"
    ports = "all ports" if waiver.ports is None else f"ports {ports_text(waiver.ports)}"
    transport = waiver.transport or "tcp and udp"
    zones = f"from {', '.join(waiver.zones)}" if waiver.zones else "from every zone"
    return f"{', '.join(waiver.rules)} on {hosts}, {ports} ({transport}), {zones}"
