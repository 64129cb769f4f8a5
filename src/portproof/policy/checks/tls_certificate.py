"""`tls-certificate`: a certificate is expired, not yet valid, ends soon, or names another host.

Only what the handshake showed is asserted. Whether a client would trust the issuer is not: nothing
is verified against a store. The name is compared only when the host was listed by name and that
name was sent in the handshake (RFC 9525 §6.3), because servers choose the certificate by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portproof.model.finding import Judgement, Severity, SeverityStep, Verdict
from portproof.model.observation import Certificate, Observation, TlsFacts
from portproof.policy.scene import Scene, Sighting
from portproof.policy.wording import instant, saw

RULE: Final = "tls-certificate"
ENDS_SOON: Final = timedelta(days=30)
_PAYMENT_TAG: Final = "payment"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement per open port that spoke TLS."""
    for sighting, _, seen in scene.questionable_ports():
        if seen is not None and seen.service is not None and seen.service.tls is not None:
            yield _judged(scene, sighting, seen, seen.service.tls)


def _judged(scene: Scene, sighting: Sighting, seen: Observation, tls: TlsFacts) -> Judgement:
    port = seen.endpoint.port
    blank = scene.blank(RULE, sighting, port, seen)
    entry = sighting.granting(port, scene.today)
    how = f"{saw(seen.endpoint, seen, scene.run.plan.vantage.id)} and spoke {tls.version}"
    judged = replace(
        blank,
        title=f"TLS certificate on port {port}/{sighting.transport}",
        because=f"{how}.",
        entry_id=entry.id if entry else "",
        owner=blank.owner or (entry.owner if entry else ""),
        location=entry.location if entry else blank.location,
    )
    leaf = tls.certificate
    if leaf is None:
        return replace(
            judged,
            verdict=Verdict.UNKNOWN,
            title=f"TLS certificate not read on port {port}/{sighting.transport}",
            because=f"{how}, but presented no certificate that could be read.",
        )
    steps = tuple(_problems(leaf, sighting, tls, scene.at))
    if not steps:
        return replace(judged, because=f"{how}; its certificate ends {instant(leaf.not_after)}.")
    return _deviating(judged, steps, f"{how}; its certificate {leaf.sha256[:16]}")


def _deviating(judged: Judgement, steps: tuple[SeverityStep, ...], how: str) -> Judgement:
    # The worst problem comes last: a trace ends with the severity it leads to.
    trace = tuple(sorted(steps, key=lambda step: step.severity.rank))
    return replace(
        judged,
        verdict=Verdict.DEVIATES,
        title=f"{judged.title}: {', '.join(step.rule for step in reversed(trace))}",
        because=f"{how} {'; it '.join(step.because for step in reversed(trace))}.",
        facts=("tls_cert_problem",),
        severity=trace[-1].severity,
        trace=trace,
        action="Install a certificate that names the host and is valid now.",
    )


def _problems(
    leaf: Certificate, sighting: Sighting, tls: TlsFacts, at: datetime
) -> Iterator[SeverityStep]:
    asset, name = sighting.asset, sighting.host.name
    pays = asset is not None and _PAYMENT_TAG in {each.lower() for each in asset.tags}
    grave = Severity.HIGH if pays else Severity.MEDIUM
    ends = instant(leaf.not_after)
    if leaf.not_after < at:  # the last instant belongs to it (RFC 5280 §4.1.2.5)
        told = " on an asset tagged payment" if pays else ""
        yield SeverityStep(rule="expired", severity=grave, because=f"ended {ends}{told}")
    elif leaf.not_after <= at + ENDS_SOON:
        days = (leaf.not_after - at).days
        yield SeverityStep(
            rule="ends soon", severity=Severity.LOW, because=f"ends {ends}, in {days} days"
        )
    if leaf.not_before > at:
        begins = f"begins to be valid {instant(leaf.not_before)} only"
        yield SeverityStep(rule="not yet valid", severity=Severity.MEDIUM, because=begins)
    if name and tls.server_name == name and not names_host(leaf, name):
        yield SeverityStep(
            rule="other name", severity=Severity.MEDIUM, because=f"does not name {name}"
        )


def names_host(leaf: Certificate, host: str) -> bool:
    """Whether a subjectAltName is the host's, a wildcard standing for the whole leftmost label."""
    wanted = host.lower().rstrip(".")
    _, _, parent = wanted.partition(".")
    held = {each.lower().rstrip(".") for each in leaf.names}
    return wanted in held or (bool(parent) and f"*.{parent}" in held)
