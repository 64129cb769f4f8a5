"""`tls-floor`: an approved port negotiated an older TLS version than its entry asks for.

A handshake shows the one version that both sides took, which is the newest that they share. So an
older one than the floor proves that the server takes it; a newer one does not prove that older
ones are switched off. That is why the fact `tls_weak` is asserted here and never denied. Where no
handshake is on record, nothing is claimed (severity: `tls_weak`, docs/severity.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from portproof.model.baseline import BaselineEntry, TlsVersion
from portproof.model.finding import Judgement, Severity, Verdict
from portproof.model.observation import Observation
from portproof.policy.scene import Scene, Sighting
from portproof.policy.severity import fixed
from portproof.policy.wording import saw, spoke

RULE: Final = "tls-floor"

_OLDER: Final = -1
_RANKS: Final = {
    "SSLv2": _OLDER,
    "SSLv3": _OLDER,
    **{f"TLSv{version}": version.rank for version in TlsVersion},
    "TLSv1": TlsVersion.V1_0.rank,
    # DTLS 1.0 is TLS 1.1 over datagrams (RFC 4347 §1); from 1.2 on the numbers agree.
    "DTLSv1": TlsVersion.V1_1.rank,
    "DTLSv1.0": TlsVersion.V1_1.rank,
    "DTLSv1.2": TlsVersion.V1_2.rank,
    "DTLSv1.3": TlsVersion.V1_3.rank,
}
"""Observed versions (`TlsFacts.version`) in the order of `TlsVersion.rank`."""
_BEST_ONLY: Final = (
    "one handshake shows the newest version that both sides share, not every version that is "
    "enabled"
)


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement per open port whose entry names a floor."""
    for sighting, port, seen in scene.questionable_ports():
        floor, entry = _floor(scene, sighting, port)
        if floor is not None and entry is not None:
            yield _judged(scene, (sighting, port, seen), floor, entry)


def _floor(
    scene: Scene, sighting: Sighting, port: int
) -> tuple[TlsVersion | None, BaselineEntry | None]:
    """Give the highest floor among the entries that grant a port, and whose it is."""
    held = [
        (each.tls_at_least.rank, each.tls_at_least, each)
        for each in sighting.entries
        if each.tls_at_least is not None
        and port in each.ports
        and sighting.grants(each, scene.today)
    ]
    return max(held, key=lambda one: one[0])[1:] if held else (None, None)


def _judged(
    scene: Scene,
    place: tuple[Sighting, int, Observation | None],
    floor: TlsVersion,
    entry: BaselineEntry,
) -> Judgement:
    sighting, port, seen = place
    where = f"port {port}/{sighting.transport}"
    how = saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)
    blank = scene.blank(RULE, sighting, port, seen)
    judged = replace(
        blank,
        title=f"TLS {floor} or newer on {where}",
        entry_id=entry.id,
        owner=blank.owner or entry.owner,
        location=entry.location,
    )
    asked = f"entry {entry.id} asks for TLS {floor} at least"
    tls = seen.service.tls if seen is not None and seen.service is not None else None
    rank = _RANKS.get(tls.version) if tls else None
    if tls is None or rank is None:
        what = "no TLS handshake is on record" if tls is None else f"spoke {tls.version!r}"
        said = f"{how}; {spoke(seen, scene.run.plan.silent_ports)}; {what}; {asked}."
        return _unknown(judged, where, said)
    said = f"{how} and negotiated {tls.version}; {asked}"
    if rank >= floor.rank:
        return replace(judged, because=f"{said}. {_BEST_ONLY.capitalize()}.")
    return _deviating(judged, f"{where}: {tls.version}", f"{said}.", floor)


def _unknown(judged: Judgement, where: str, because: str) -> Judgement:
    return replace(
        judged,
        verdict=Verdict.UNKNOWN,
        title=f"TLS version not measured on {where}",
        because=because,
        action="Nothing is claimed of TLS there; look at the port by hand if it matters.",
    )


def _deviating(judged: Judgement, what: str, because: str, floor: TlsVersion) -> Judgement:
    return replace(
        judged,
        verdict=Verdict.DEVIATES,
        title=f"TLS older than {floor} on {what}",
        because=because,
        facts=("tls_weak",),
        severity=Severity.MEDIUM,
        trace=fixed(Severity.MEDIUM, "tls floor", f"older than TLS {floor} was negotiated"),
        action=f"Switch off what is older than TLS {floor}, or have a lower floor approved.",
    )
