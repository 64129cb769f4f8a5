"""The baseline entry that comes nearest to granting a port, and why it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import reduce
from operator import itemgetter, or_

from portproof.model.baseline import BaselineEntry, Status
from portproof.model.endpoint import Transport
from portproof.policy.scene import Scene, Sighting, Unlike
from portproof.policy.wording import ports_text


def nearest_entry(scene: Scene, sighting: Sighting, port: int) -> tuple[BaselineEntry | None, str]:
    """Find the inbound entry with the fewest differences; the text lists them.

    An entry about the host comes before one about the same port elsewhere; everything else is not
    near. Where several are equally near, the first of the document is given. (None, text) when
    there is none.
    """
    for entries in (sighting.about, scene.register.of_port(sighting.transport, port)):
        if entries:
            entry = _least_unlike(scene, sighting, port, entries)
            words = "; ".join(_differences(scene, sighting, port, entry))
            return entry, f"entry {entry.id} does not match: {words}"
    return None, "no entry names this host, or this port on another host"


def _least_unlike(
    scene: Scene, sighting: Sighting, port: int, entries: Sequence[BaselineEntry]
) -> BaselineEntry:
    """Find the entry with the fewest differences, the first of those that have as few."""
    transport = sighting.transport
    alike = scene.memo.unlike(
        entries,
        transport,
        lambda: Unlike(
            [sum(_but_for_host_and_port(scene, transport, each)) for each in entries],
            reduce(or_, (each.ports for each in entries)),
        ),
    )
    if port not in alike.ports and not sighting.passed_on:
        return entries[alike.numbers.index(min(alike.numbers))]
    unlike = (
        number + (port not in entry.ports) + (entry.id in sighting.passed_on)
        for entry, number in zip(entries, alike.numbers, strict=True)
    )
    return entries[min(enumerate(unlike), key=itemgetter(1))[0]]


def _but_for_host_and_port(
    scene: Scene, transport: Transport, entry: BaselineEntry
) -> tuple[bool, bool, bool]:
    return (
        entry.transport is not transport,
        scene.zone not in entry.zones,
        why_void(entry, scene.today) is not None,
    )


def _differences(
    scene: Scene, sighting: Sighting, port: int, entry: BaselineEntry
) -> Iterator[str]:
    passed_on = sighting.passed_on.get(entry.id)
    if passed_on is not None:
        yield f"it was {passed_on}"
    elif not sighting.about:  # where entries are about the host, no others are looked at
        yield f"it is for {', '.join(entry.hosts_text) or 'other hosts'}"
    other_transport, other_zone, void = _but_for_host_and_port(scene, sighting.transport, entry)
    if other_transport:
        yield f"it is for {entry.transport.upper()}"
    if port not in entry.ports:
        yield f"it covers {ports_text(entry.ports)}, not {port}"
    if other_zone:
        yield f"it is approved from {', '.join(entry.zones) or 'no zone'}, not from {scene.zone}"
    if void:
        yield why_void(entry, scene.today) or ""


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
