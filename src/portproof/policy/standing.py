"""Facts about an open port that hold whether somebody approved it or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.baseline import BaselineEntry
from portproof.model.observation import Observation
from portproof.model.rule import ServiceRule
from portproof.model.vantage import Trust
from portproof.policy.scene import Scene, Sighting, service_at
from portproof.policy.severity import Exposure

_ADMINISTRATION: Final = frozenset({"remote_admin", "cleartext_admin", "control_plane"})
_INSECURE: Final = frozenset(
    {"cleartext_admin", "cleartext_transfer", "dev_debug", "legacy", "ot_iot", "udp_amplifier"}
)
# Amplifiers only when they answer strangers; as protocols they are what every network needs.
_SOUND_AMPLIFIERS: Final = frozenset({"dns", "ntp"})
_WANTS_AUTHENTICATION: Final = frozenset({"control_plane", "datastore"})


def standing_facts(exposure: Exposure) -> tuple[str, ...]:
    """Give the deficiency facts of an open port that an approval does not make untrue.

    The rule of an unapproved one may rest on the port number alone; its judgement says so then.
    """
    return tuple(_facts(exposure))


def approved_rule(
    scene: Scene, sighting: Sighting, entry: BaselineEntry, seen: Observation | None
) -> ServiceRule | None:
    """Find the service rule of an approved port: by what answered, else by what the entry approved.

    Never by the port number alone: an approved port of somebody's own program must not be called
    insecure for a number it shares. None when no rule speaks of it.
    """
    service = service_at(seen)
    if service is None or seen is None:
        return scene.rules.named(sighting.transport, entry.service) if entry.service else None
    found = scene.rules.recognise(sighting.transport, seen.endpoint.port, service)
    return None if found.inferred else found.rule


def insecure(rule: ServiceRule | None, attributes: dict[str, str]) -> str | None:
    """Say why a service is insecure by protocol; None when it is not.

    `attributes` are what the service said of itself: a data store or control plane that asks for
    no authentication is insecure, whatever its protocol could do.
    """
    if rule is None:
        return None
    if rule.service_class in _INSECURE and rule.service not in _SOUND_AMPLIFIERS:
        return f"{rule.service} is of the class {rule.service_class}"
    if rule.service_class in _WANTS_AUTHENTICATION and attributes.get("auth") == "none":
        return f"{rule.service} answered without asking for authentication"
    return None


def _mitigated(exposure: Exposure) -> bool:
    """Whether an entry in force approves the port with a mitigation and its reason on record.

    Such a port is no `insecure_service` by that fact's definition (`facts.yaml`).
    """
    seen = exposure.seen
    entry = seen and exposure.sighting.granting(seen.endpoint.port, exposure.scene.today)
    if not entry or not entry.mitigation:
        return False
    recorded = (entry.mitigation.measure, entry.justification, entry.approval.approver)
    return all(text.strip() for text in recorded)


def _facts(exposure: Exposure) -> Iterator[str]:
    service = service_at(exposure.seen)
    rule = exposure.recognition.rule
    if service is None and (exposure.seen is None or exposure.seen.asked):
        yield "unknown_service"
    if insecure(rule, dict(service.attributes) if service else {}) and not _mitigated(exposure):
        yield "insecure_service"
    if exposure.scene.trust is Trust.UNTRUSTED and rule is not None:
        if rule.service_class in _ADMINISTRATION:
            yield "admin_exposed"
        if rule.service_class == "datastore":
            yield "datastore_exposed"
