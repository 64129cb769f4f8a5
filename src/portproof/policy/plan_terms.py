"""In which ways a changed baseline lets more through, or asks for less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from portproof.model.baseline import (
    Baseline,
    BaselineEntry,
    BaselineZone,
    Presence,
    Status,
    TlsVersion,
)
from portproof.model.change_plan import Lack, LackKind, Weakening, WeakeningKind
from portproof.model.endpoint import Network
from portproof.policy.wording import ports_text


def weakenings(base: Baseline, new: Baseline) -> Iterator[Weakening]:
    """Give every weakening, in the order of the new baseline; what was removed comes last."""
    earlier = {each.id: each for each in base.approved}
    for entry in new.approved:
        before = earlier.get(entry.id)
        if before is None:
            yield _weakening(WeakeningKind.NEW_ENTRY, entry, _grant(entry))
        elif _elsewhere(before, entry):
            yield _weakening(WeakeningKind.NEW_ENTRY, entry, f"now {_grant(entry)}")
        else:
            yield from _entry(before, entry)
    yield from _zones(base, new)
    yield from _dropped(base, new)


def touched(base: Baseline, new: Baseline) -> frozenset[str]:
    """Give the ids of the approved entries that the change brings, or changes in any word.

    Where an entry stands, and in which template, is no word of it.
    """
    earlier = {each.id: _words(each) for each in base.approved}
    return frozenset(each.id for each in new.approved if earlier.get(each.id) != _words(each))


def lacks(new: Baseline, changed: frozenset[str]) -> Iterator[Lack]:
    """Give the approved entries without an approver or without an end."""
    for entry in new.approved:
        if not entry.approval.approver.strip():
            yield Lack(kind=LackKind.APPROVER, entry=entry, changed=entry.id in changed)
        if entry.approval.review_by is None:
            yield Lack(kind=LackKind.END, entry=entry, changed=entry.id in changed)


def _words(entry: BaselineEntry) -> tuple[object, ...]:
    approval = entry.approval
    return (
        (frozenset(entry.networks), frozenset(entry.names), frozenset(entry.ids)),
        (entry.transport, str(entry.ports)),
        (frozenset(entry.zones), entry.service, entry.presence, entry.tier, entry.direction),
        (entry.owner, entry.justification, entry.mitigation, entry.tls_at_least, approval),
    )


def _elsewhere(before: BaselineEntry, entry: BaselineEntry) -> bool:
    """Whether the id stands for something else now: another transport or direction."""
    return (before.transport, before.direction) != (entry.transport, entry.direction)


def _weakening(
    kind: WeakeningKind, entry: BaselineEntry, detail: str, zones: Iterable[str] | None = None
) -> Weakening:
    return Weakening(
        kind=kind,
        subject=entry.id,
        zones=entry.zones if zones is None else tuple(zones),
        detail=detail,
        location=entry.location,
    )


def _grant(entry: BaselineEntry) -> str:
    hosts = ", ".join(entry.hosts_text)
    return f"{ports_text(entry.ports)}/{entry.transport} on {hosts} from {', '.join(entry.zones)}"


# ---------------------------------------------------------------- one entry before and after


def _entry(before: BaselineEntry, entry: BaselineEntry) -> Iterator[Weakening]:
    yield from _wider(before, entry)
    yield from _laxer(before, entry)
    yield from _longer(before, entry)


def _wider(before: BaselineEntry, entry: BaselineEntry) -> Iterator[Weakening]:
    zones = [each for each in entry.zones if each not in before.zones]
    if zones:
        told = f"also from {', '.join(zones)}"
        yield _weakening(WeakeningKind.MORE_ZONES, entry, told, zones)
    hosts = [*_uncovered(entry.networks, before.networks), *_new_names(before, entry)]
    if hosts:
        yield _weakening(WeakeningKind.MORE_HOSTS, entry, f"also on {', '.join(hosts)}")
    ports = entry.ports - before.ports
    if ports:
        told = f"also {ports_text(ports)}/{entry.transport}"
        yield _weakening(WeakeningKind.MORE_PORTS, entry, told)


def _new_names(before: BaselineEntry, entry: BaselineEntry) -> list[str]:
    names = [each for each in entry.names if each not in before.names]
    return [*names, *(f"id:{each}" for each in entry.ids if each not in before.ids)]


def _uncovered(networks: Iterable[Network], by: Iterable[Network]) -> Iterator[str]:
    """Give the networks that reach beyond others: collapsed, those have a covering one or none."""
    four = list(collapse_addresses(each for each in by if isinstance(each, IPv4Network)))
    six = list(collapse_addresses(each for each in by if isinstance(each, IPv6Network)))
    for each in networks:
        if isinstance(each, IPv4Network):
            covered = any(each.subnet_of(held) for held in four)
        else:
            covered = any(each.subnet_of(held) for held in six)
        if not covered:
            yield str(each.network_address if each.num_addresses == 1 else each)


def _laxer(before: BaselineEntry, entry: BaselineEntry) -> Iterator[Weakening]:
    if before.presence is Presence.REQUIRED and entry.presence is Presence.ALLOWED:
        yield _weakening(WeakeningKind.NOT_REQUIRED, entry, "it need not answer any more")
    if _floor(entry.tls_at_least) < _floor(before.tls_at_least):
        told = f"from {_tls(before.tls_at_least)} to {_tls(entry.tls_at_least)}"
        yield _weakening(WeakeningKind.LOWER_TLS, entry, told)
    if before.service and not entry.service:
        told = f"it was {before.service}, and may be anything"
        yield _weakening(WeakeningKind.ANY_SERVICE, entry, told)
    if before.mitigation is not None and entry.mitigation is None:
        told = f"it was: {before.mitigation.measure}"
        yield _weakening(WeakeningKind.NO_MITIGATION, entry, told)


def _floor(version: TlsVersion | None) -> int:
    return -1 if version is None else version.rank


def _tls(version: TlsVersion | None) -> str:
    return "none" if version is None else f"TLS {version}"


def _longer(before: BaselineEntry, entry: BaselineEntry) -> Iterator[Weakening]:
    ends = (before.approval.review_by, entry.approval.review_by)
    if (ends[1] or date.max) > (ends[0] or date.max):
        told = f"until {_day(ends[1])}, before: until {_day(ends[0])}"
        yield _weakening(WeakeningKind.LONGER, entry, told)
    begins = (before.approval.approved_on, entry.approval.approved_on)
    if (begins[1] or date.min) < (begins[0] or date.min):
        told = f"from {_day(begins[1])} on, before: from {_day(begins[0])} on"
        yield _weakening(WeakeningKind.LONGER, entry, told)


def _day(day: date | None) -> str:
    return "no stated day" if day is None else day.isoformat()


# ---------------------------------------------------------------- zones, and what was removed


def _zones(base: Baseline, new: Baseline) -> Iterator[Weakening]:
    for before in base.zones:
        zone = new.zone(before.name)
        approvals = 1 if zone is None else zone.approvals
        if approvals < before.approvals:
            told = f"{approvals}, before: {before.approvals}"
            yield _zone(WeakeningKind.FEWER_APPROVALS, before, zone, told)
        if before.protected and (zone is None or not zone.protected):
            told = "the zone is gone" if zone is None else "it was a protected zone"
            yield _zone(WeakeningKind.UNPROTECTED, before, zone, told)


def _zone(
    kind: WeakeningKind, before: BaselineZone, zone: BaselineZone | None, detail: str
) -> Weakening:
    return Weakening(
        kind=kind,
        subject=before.name,
        zones=(before.name,),
        detail=detail,
        location=zone.location if zone else None,
    )


def _dropped(base: Baseline, new: Baseline) -> Iterator[Weakening]:
    """Give the required services that nobody asks for any more."""
    kept = {each.id for each in new.approved}
    for entry in base.entries:
        required = entry.presence is Presence.REQUIRED and entry.status is not Status.PROPOSED
        if required and entry.id not in kept:
            yield Weakening(
                kind=WeakeningKind.REQUIREMENT_DROPPED,
                subject=entry.id,
                zones=entry.zones,
                detail=f"{_grant(entry)} need not answer any more",
                location=None,
            )
