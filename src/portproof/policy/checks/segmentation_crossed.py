"""`segmentation-crossed`: a boundary let packets through to ports on which nobody listens.

PCI DSS v4.0.1 §11.4.5 and §11.4.6. A reset, or an ICMP error of the target itself, behind a boundary
that is to be closed shows that packets crossed it: today nobody listens there, tomorrow somebody may.
One judgement for each host and transport, not one for each closed port; open ports are
`segmentation-open`.

What the evidence tells:

* a reset that came as one (`Reason.RESET`): it carries the target's name, and devices that are known
  to send such resets themselves are told by the policy (`boundary_resets`);
* an ICMP error whose sender was kept (`Scene.senders`) and is the target.

A refusal of unknown kind or sender proves neither: one UNKNOWN for each cell says where. An ICMP
error from anybody else is the boundary at work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Address, Transport
from portproof.model.finding import HostPorts, Judgement, Subject, Verdict
from portproof.model.ports import PortSet
from portproof.model.segmentation import CellRule, Segmentation, TargetZone
from portproof.policy.checks.segmentation_open import zone_across
from portproof.policy.scene import Scene, Sighting, joined
from portproof.policy.segmentation_refusals import Refused, refused_in
from portproof.policy.segmentation_severity import crossing_severity
from portproof.policy.wording import counted, ports_text

RULE: Final = "segmentation-crossed"
_MOST_NAMED: Final = 3


@dataclass(slots=True)
class _Doubt:
    """What cannot be told of one cell over one transport."""

    hosts: list[HostPorts] = field(default_factory=list)


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give a deviation per subject that packets reached, and an UNKNOWN per cell with doubtful refusals."""
    policy = scene.segmentation
    if policy is None:
        return
    reached: dict[Subject, list[tuple[Sighting, TargetZone, Refused]]] = {}
    doubts: dict[tuple[str, Transport], _Doubt] = {}
    for sighting in scene.sightings:
        zone = zone_across(policy, scene.zone, sighting)
        if zone is None:
            continue
        told = _refused(scene, policy.cell(scene.zone, zone.name), sighting)
        if told.by_target:
            subject = scene.subject(sighting, None)
            reached.setdefault(replace(subject, address=""), []).append((sighting, zone, told))
        if told.unknown:
            doubt = doubts.setdefault((zone.name, sighting.transport), _Doubt())
            doubt.hosts.append(HostPorts(address=sighting.host.address, ports=told.unknown))
    for held in reached.values():
        yield _crossed(scene, policy, held)
    for (name, transport), doubt in doubts.items():
        yield _doubtful(scene, policy, name, transport, joined(doubt.hosts))


def _refused(scene: Scene, rule: CellRule, sighting: Sighting) -> Refused:
    """Sort what was refused among the ports that the cell denies."""
    ours = PortSet.from_iterable(
        each.port
        for each in scene.run.own_listeners
        if each.address == sighting.host.address and each.transport is sighting.transport
    )
    allowed = rule.allows(sighting.host.address, sighting.transport) | ours
    return refused_in(sighting.outcome, allowed, rule.boundary_resets, scene.senders)


def _crossed(
    scene: Scene, policy: Segmentation, held: Sequence[tuple[Sighting, TargetZone, Refused]]
) -> Judgement:
    """Give the deviation of one subject: all its addresses over one transport."""
    sighting, zone, _ = held[0]
    rule, trace = policy.cell(scene.zone, zone.name), crossing_severity(scene.zone)
    number = sum(len(told.by_target) for _, _, told in held)
    transport = sighting.transport.upper()
    said = "; ".join(_said(each.host.address, told) for each, _, told in held)
    default = "" if rule.location else ", which nobody wrote and is denied by default,"
    digests = (digest for _, _, told in held for digest in told.evidence)
    return Judgement(
        rule=RULE,
        verdict=Verdict.DEVIATES,
        subject=scene.subject(sighting, None),
        title=f"Packets from {scene.zone} reach closed {transport} ports in {zone.name}",
        because=(
            f"{counted(number, f'{transport} port')} refused {scene.run.plan.vantage.id} in the "
            f"target's own name: {said}; so packets crossed, and the segmentation policy's cell from "
            f"{scene.zone} to {zone.name}{default} does not allow it."
        ),
        facts=("segmentation_open",),
        severity=trace[-1].severity,
        trace=trace,
        action=(
            "Close the path at the boundary; where the boundary itself sends these resets, list the "
            "ports under the cell's boundary_resets."
        ),
        owner=sighting.asset.owner if sighting.asset else "",
        evidence=tuple(dict.fromkeys(digests)),
        extent=joined(
            HostPorts(address=each.host.address, ports=told.by_target) for each, _, told in held
        ),
        location=rule.location or SourceLocation(file=policy.file, line=1),
    )


def _said(address: Address, told: Refused) -> str:
    parts = []
    if told.resets:
        parts.append(f"a reset on {ports_text(told.resets)}")
    if told.unreachable:
        parts.append(f"an ICMP error from it on {ports_text(told.unreachable)}")
    return f"{address} with {' and '.join(parts)}"


def _doubtful(
    scene: Scene,
    policy: Segmentation,
    zone: str,
    transport: Transport,
    hosts: tuple[HostPorts, ...],
) -> Judgement:
    rule = policy.cell(scene.zone, zone)
    number = sum(len(each.ports) for each in hosts)
    named = "; ".join(f"{each.address} on {ports_text(each.ports)}" for each in hosts[:_MOST_NAMED])
    more = f" and {len(hosts) - _MOST_NAMED} more hosts" if len(hosts) > _MOST_NAMED else ""
    return Judgement(
        rule=RULE,
        verdict=Verdict.UNKNOWN,
        subject=Subject(asset=f"zone {zone}", zone=scene.zone, transport=transport),
        title=f"Refusals from {zone} whose sender is not known",
        because=(
            f"{counted(number, f'{transport.upper()} port')} refused {scene.run.plan.vantage.id}, and "
            f"whether the target or the boundary did is not known: {named}{more}; "
            "`portproof segmentation test` keeps who sent a refusal."
        ),
        extent=hosts,
        location=rule.location or SourceLocation(file=policy.file, line=1),
    )
