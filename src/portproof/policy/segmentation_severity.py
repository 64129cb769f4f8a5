"""How bad a forbidden path is: at least high, and why (docs/severity.md, steps 2 and 4)."""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.finding import Severity, SeverityStep
from portproof.model.observation import Service
from portproof.model.segmentation import TargetZone
from portproof.model.vantage import Trust, Vantages
from portproof.policy.services import RuleBook

_CONTROLLING: Final = frozenset({"control_plane", "datastore", "cleartext_admin", "remote_admin"})
"""Classes whose reach into a protected zone is critical (the table of severities, step 4)."""


def crossing_severity(source: str) -> tuple[SeverityStep, ...]:
    """Give the trace of packets that crossed without a service to speak of."""
    because = f"the segmentation policy forbids every path from {source} that is not on its list"
    return (SeverityStep(rule="segmentation", severity=Severity.HIGH, because=because),)


def path_severity(
    source: str,
    target: TargetZone,
    place: tuple[Transport, int, Service | None],
    *,
    rules: RuleBook,
    vantages: Vantages,
) -> tuple[SeverityStep, ...]:
    """Give the steps to the severity of an open port behind a boundary; the last one holds it.

    `place` is the transport, the port and what answered there (None: nothing identified itself).
    """
    trace = crossing_severity(source)
    known = rules.recognise(*place)
    rule = known.rule
    if rule is None:
        return trace
    zone = vantages.zone(source)
    outside = zone is None or zone.trust is Trust.UNTRUSTED
    column = rule.external if outside else rule.internal
    controlling = target.protected and rule.service_class in _CONTROLLING
    if not controlling and column.rank <= Severity.HIGH.rank:
        return trace
    because = f"{rule.service} ({rule.service_class}) in zone {target.name}"
    if controlling:
        because = f"{because}, which is protected"
    step = SeverityStep(rule=rule.id, severity=Severity.CRITICAL, because=because)
    if not known.inferred:
        return (*trace, step)
    capped = "the service was inferred from its port number: capped at high"
    cap = SeverityStep(rule="port number only", severity=Severity.HIGH, because=capped)
    return (*trace, step, cap)
