"""How bad an exposure is, with each step that led there (docs/severity.md).

A trace is a tuple of steps in the order of the table; the last one holds the severity. Whoever
doubts it can go through the steps again with the service rules and the baseline in hand::

    base (2, 3, 8) ─► protected target zone (4) ─► tags (5) ─► no authentication (5) ─► cap (2)

Not applied, because nothing here measures it: source restriction proven by a second vantage and
mutual TLS (6), and end of support (5). They only ever lower, or need an inventory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portproof.model.finding import Severity, SeverityStep
from portproof.model.observation import Observation
from portproof.model.vantage import Trust
from portproof.policy.scene import Scene, Sighting, service_at
from portproof.policy.services import Recognition

RAISING_TAGS: Final = frozenset({"stores-chd", "pii", "crown-jewel"})
_CONTROLLING: Final = frozenset({"control_plane", "datastore", "cleartext_admin", "remote_admin"})
_UNKNOWN_EXTERNAL: Final = Severity.MEDIUM
_UNKNOWN_INTERNAL: Final = Severity.LOW

Trace = tuple[SeverityStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One open port, as its severity sees it."""

    scene: Scene
    sighting: Sighting
    seen: Observation | None
    recognition: Recognition


def exposure_at(scene: Scene, sighting: Sighting, port: int, seen: Observation | None) -> Exposure:
    """Give the open port with the service rule that speaks of it."""
    service = seen.service if seen else None
    recognition = scene.rules.recognise(sighting.transport, port, service)
    return Exposure(scene=scene, sighting=sighting, seen=seen, recognition=recognition)


def rate(exposure: Exposure) -> Trace:
    """Give the steps that lead to the severity of an unapproved exposure; the last one holds it."""
    trace: Trace = _base(exposure)
    for step in _STEPS:
        moved = step(exposure, trace[-1].severity)
        if moved is not None:
            trace = (*trace, moved)
    return trace


def rate_unmitigated(exposure: Exposure) -> Trace:
    """Give the steps for an insecure service that is approved without mitigation: one step less."""
    trace = rate(exposure)
    because = "approved, but without a mitigation on record: one step lower than unapproved"
    return (
        *trace,
        SeverityStep(rule="approved", severity=trace[-1].severity.raised(-1), because=because),
    )


def fixed(severity: Severity, rule: str, because: str) -> Trace:
    """Give the one-step trace of a rule whose severity is a constant of the table."""
    return (SeverityStep(rule=rule, severity=severity, because=because),)


def from_outside(scene: Scene) -> bool:
    """Whether the external column applies: from an untrusted zone, or one nobody declared."""
    return scene.trust is not Trust.TRUSTED


def _base(exposure: Exposure) -> Trace:
    """Steps 2, 3 and 8: the column of the service rule, or the constant for services without one."""
    rule, outside = exposure.recognition.rule, from_outside(exposure.scene)
    zone = exposure.scene.zone
    column = f"from zone {zone} ({'external' if outside else 'internal'})"
    if exposure.scene.trust is None:
        column = f"from zone {zone}, which is not declared (external)"
    if rule is None:
        base = _UNKNOWN_EXTERNAL if outside else _UNKNOWN_INTERNAL
        name = "unknown service"
        because = f"no service rule speaks of it, {column}"
    else:
        base, name = (rule.external if outside else rule.internal), rule.id
        told = ", inferred from port number" if exposure.recognition.inferred else ""
        because = f"{rule.service} ({rule.service_class}) {column}{told}"
    steps = fixed(base, name, because)
    if not outside and _same_zone(exposure) and base.rank > Severity.LOW.rank:
        same = f"seen from inside its own zone {zone}: one step lower, not below low"
        steps = (*steps, SeverityStep(rule="same zone", severity=base.raised(-1), because=same))
    return steps


def _same_zone(exposure: Exposure) -> bool:
    if exposure.sighting.host.address.is_loopback:
        return True
    target = exposure.sighting.target_zone
    return target is not None and target.name == exposure.scene.zone


def _protected_zone(exposure: Exposure, severity: Severity) -> SeverityStep | None:
    """Step 4: an unapproved path into a protected zone from another one."""
    target = exposure.sighting.target_zone
    if target is None or not target.protected or _same_zone(exposure):
        return None
    rule = exposure.recognition.rule
    controlling = rule is not None and rule.service_class in _CONTROLLING
    least = Severity.CRITICAL if controlling else Severity.HIGH
    if severity.rank >= least.rank:
        return None
    because = f"an unapproved path into the protected zone {target.name}: at least {least}"
    return SeverityStep(rule="protected zone", severity=least, because=because)


def _tags(exposure: Exposure, severity: Severity) -> SeverityStep | None:
    """Step 5: what is stored there matters more than most."""
    asset = exposure.sighting.asset
    tags = {each.lower().replace("_", "-") for each in asset.tags} if asset else set()
    held = sorted(tags & RAISING_TAGS)
    if not held or severity is Severity.CRITICAL:
        return None
    because = f"the asset is tagged {', '.join(held)}: one step higher"
    return SeverityStep(rule="asset tag", severity=severity.raised(), because=because)


def _no_authentication(exposure: Exposure, severity: Severity) -> SeverityStep | None:
    """Step 5: the service itself said that it asks for no credentials."""
    service = service_at(exposure.seen)
    if service is None or service.attributes.get("auth") != "none" or severity is Severity.CRITICAL:
        return None
    because = "it answered without asking for authentication: one step higher"
    return SeverityStep(rule="no authentication", severity=severity.raised(), because=because)


def _cap(exposure: Exposure, severity: Severity) -> SeverityStep | None:
    """Step 2: a port number is a hint, and never enough for critical."""
    if not exposure.recognition.inferred or severity.rank <= Severity.HIGH.rank:
        return None
    because = "the service was inferred from its port number: capped at high"
    return SeverityStep(rule="port number only", severity=Severity.HIGH, because=because)


_STEPS = (_protected_zone, _tags, _no_authentication, _cap)
