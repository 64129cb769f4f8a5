"""The baseline entry that comes nearest to granting a port, and why it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice

from portproof.model.baseline import BaselineEntry, Status
from portproof.policy.scene import Scene, Sighting
from portproof.policy.wording import ports_text

_FAR_ENOUGH = 50
"""Entries about the port on other hosts that are looked through: they differ little."""


def nearest_entry(scene: Scene, sighting: Sighting, port: int) -> tuple[BaselineEntry | None, str]:
    """Find the inbound entry with the fewest differences; the text lists them.

    An entry about the host comes before one about the same port elsewhere; everything else is not
    near. Where several are equally near, the first of the document is given. (None, text) when
    there is none.
    """
    elsewhere = islice(scene.register.of_port(sighting.transport, port), _FAR_ENOUGH)
    for entries in (sighting.about, elsewhere):
        best = _fewest(scene, sighting, port, entries)
        if best is not None:
            return best[0], f"entry {best[0].id} does not match: {'; '.join(best[1])}"
    return None, "no entry names this host, or this port on another host"


def _fewest(
    scene: Scene, sighting: Sighting, port: int, entries: Iterable[BaselineEntry]
) -> tuple[BaselineEntry, tuple[str, ...]] | None:
    told = [(each, tuple(_differences(scene, sighting, port, each))) for each in entries]
    return min(told, key=lambda pair: len(pair[1]), default=None)


def _differences(
    scene: Scene, sighting: Sighting, port: int, entry: BaselineEntry
) -> Iterator[str]:
    if not entry.covers(sighting.host.address, sighting.host.names):
        yield f"it is for {', '.join(entry.hosts_text) or 'other hosts'}"
    if entry.transport is not sighting.transport:
        yield f"it is for {entry.transport.upper()}"
    if port not in entry.ports:
        yield f"it covers {ports_text(entry.ports)}, not {port}"
    if scene.zone not in entry.zones:
        yield f"it is approved from {', '.join(entry.zones) or 'no zone'}, not from {scene.zone}"
    void = why_void(entry, scene.today)
    if void is not None:
        yield void


def why_void(entry: BaselineEntry, on: date) -> str | None:
    """Say why an entry's approval does not hold on that day; None when it does."""
    if entry.status is Status.PROPOSED:
        return "it is proposed, not approved"
    approved, until = entry.approval.approved_on, entry.approval.review_by
    if until is not None and on > until:
        return f"its approval ended with its review date {until.isoformat()}"
    if approved is not None and approved > on:
        return f"it is approved from {approved.isoformat()} on only"
    return None
