"""The life of targets: new, moved, retired, returned; which are scanned, and what a run says of them.

A list retires a target only when the whole list came, and is not suddenly short: a source that lists
nothing, or fewer than half of what it listed, is more often broken than right, and a target that is
believed gone is looked at no more. So nothing is retired then until a person says so.

A retired target is still rescanned for `RESCAN` while its address is authorised and nobody else's:
what was taken out of a register is not thereby switched off. Whoever gets the address next is
another target; nothing that was said of the first is said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portproof.model.authorisation import Authorisation
from portproof.model.endpoint import Address
from portproof.model.inventory import (
    AddressSpan,
    Choice,
    FetchOutcome,
    KnownTarget,
    Refused,
    Taken,
    TargetChange,
    TargetFact,
    Wanted,
    Why,
)
from portproof.model.observation import PortState
from portproof.model.scan import HostOutcome, RunRecord
from portproof.model.source import Listing, SourcedTarget
from portproof.policy.dated import running_spans
from portproof.policy.holders import Holders

RESCAN: Final = timedelta(days=30)
"""How long a retired target is rescanned."""
_HALF: Final = 2

STILL_ANSWERING: Final = "retired_still_answering"
UNKNOWN_ASSET: Final = "unknown_asset"
UNSEEN: Final = "inventory_unseen"
SCOPE_DRIFT: Final = "scope_drift"


def take(known: Sequence[KnownTarget], listing: Listing, *, accept_shrink: bool = False) -> Taken:
    """Give what a list makes of what was known of its source.

    A stale list changes nothing. A suddenly short one brings what is new and retires nothing, unless
    `accept_shrink` says that it is right.
    """
    if listing.stale_because:
        return Taken(
            source=listing.source,
            at=listing.at,
            outcome=FetchOutcome.STALE,
            because=listing.stale_because,
            listed=len(listing.items),
        )
    before = {each.target.id: each for each in known}
    active = sum(each.retired_at is None for each in known)
    short = len(listing.items) * _HALF < active and not accept_shrink
    changes: list[tuple[TargetChange, str]] = []
    after = {
        each.id: _listed(before.get(each.id), each, listing, changes) for each in listing.items
    }
    for identity, each in before.items():
        if identity not in after:
            after[identity] = each if short else _retired(each, listing.at, changes)
    return Taken(
        source=listing.source,
        at=listing.at,
        outcome=FetchOutcome.SHRUNK if short else FetchOutcome.TAKEN,
        because=_why_short(len(listing.items), active) if short else "",
        listed=len(listing.items),
        targets=tuple(after[identity] for identity in sorted(after)),
        changes=tuple(sorted(changes, key=lambda each: each[1])),
        not_understood=listing.not_understood,
    )


def failed(source: str, at: datetime, because: str) -> Taken:
    """Give what a source that could not be read changes: nothing."""
    return Taken(source=source, at=at, outcome=FetchOutcome.FAILED, because=because, listed=0)


def _why_short(now: int, before: int) -> str:
    said = f"it lists {now:,} targets" if now else "it suddenly lists nothing"
    return f"{said}, the last list had {before:,}; nothing is retired (--accept-shrink, if it is right)"


def _listed(
    before: KnownTarget | None,
    target: SourcedTarget,
    listing: Listing,
    changes: list[tuple[TargetChange, str]],
) -> KnownTarget:
    at = listing.at
    if before is None:
        made = KnownTarget(
            source=listing.source,
            target=target,
            first_listed=at,
            last_listed=at,
            spans=tuple(AddressSpan(each, at, at) for each in target.addresses),
        )
        changes.append((TargetChange.APPEARED, made.key))
        return made
    moved = set(before.target.addresses) != set(target.addresses)
    if before.retired_at is not None:
        changes.append((TargetChange.RETURNED, before.key))
    elif moved:
        changes.append((TargetChange.MOVED, before.key))
    again = moved or before.retired_at is not None
    return replace(
        before,
        target=target,
        last_listed=at,
        retired_at=None,
        # At its new address nobody has looked yet.
        scanned_at=None if again else before.scanned_at,
        spans=_spans(before, target.addresses, at),
    )


def _spans(
    before: KnownTarget, addresses: Sequence[Address], at: datetime
) -> tuple[AddressSpan, ...]:
    """Give the dated addresses: those it still has go on, one that came back begins anew."""
    had = running_spans(before)
    over, retired = before.retired_at or at, before.retired_at is not None
    kept = {each: had[each] for each in addresses if each in had and not retired}
    ended = (
        replace(each, until=over, retired=retired) if each is had.get(each.address) else each
        for each in before.spans
        if each is not kept.get(each.address)
    )
    running = (
        replace(kept[each], last=at) if each in kept else AddressSpan(each, at, at)
        for each in addresses
    )
    return (*ended, *running)


def _retired(
    each: KnownTarget, at: datetime, changes: list[tuple[TargetChange, str]]
) -> KnownTarget:
    if each.retired_at is not None:
        return each
    changes.append((TargetChange.RETIRED, each.key))
    return replace(each, retired_at=at)


# ---------------------------------------------------------------- what is scanned


def choose(known: Iterable[KnownTarget], authorisation: Authorisation, at: datetime) -> Choice:
    """Give what a scan asks, new targets first, and what lies outside the authorisation.

    A target with addresses is asked at those; one that only has names by these, and whether their
    addresses may be asked is for whoever resolves them. A retired one is asked for `RESCAN` where
    nobody else has its address now; outside the authorisation it is nobody's to ask, and not told.
    """
    held = tuple(known)
    owned = {
        address for each in held if each.retired_at is None for address in each.target.addresses
    }
    wanted: list[Wanted] = []
    refused: list[Refused] = []
    for each in sorted(held, key=_urgency):
        if each.retired_at is None:
            _choose_listed(each, authorisation, wanted, refused)
        elif at < each.retired_at + RESCAN:
            wanted += (
                Wanted(each.key, address, Why.RETIRED)
                for address in each.target.addresses
                if address not in owned and _may_ask(address, authorisation)
            )
    return Choice(tuple(wanted), tuple(refused))


def _urgency(each: KnownTarget) -> tuple[bool, bool, str]:
    return each.retired_at is not None, each.scanned_at is not None, each.key


def _choose_listed(
    each: KnownTarget, authorisation: Authorisation, wanted: list[Wanted], refused: list[Refused]
) -> None:
    why = Why.NEW if each.scanned_at is None else Why.LISTED
    for address in each.target.addresses:
        if _may_ask(address, authorisation):
            wanted.append(Wanted(each.key, address, why))
        else:
            refused.append(Refused(each.key, address, outside(authorisation)))
    if not each.target.addresses:
        wanted += (Wanted(each.key, name, why) for name in each.target.names)


def outside(authorisation: Authorisation) -> str:
    """Say why an address is refused."""
    return f"it lies outside authorisation {authorisation.id}, or is excluded by it"


def _may_ask(address: Address, authorisation: Authorisation) -> bool:
    # A broadcast or group address is no target: the sources leave these out when they are read.
    return authorisation.permits(address)


# ---------------------------------------------------------------- what a run says of the inventory


def scanned(known: Iterable[KnownTarget], run: RunRecord) -> Iterator[KnownTarget]:
    """Give the targets that a run has looked at: all their addresses, in a conclusive run."""
    if not run.conclusive:
        return
    asked = {each.address for each in run.plan.hosts}
    names = {name for each in run.plan.hosts for name in each.names}
    for each in known:
        addresses = set(each.target.addresses)
        seen = addresses <= asked if addresses else bool(names.intersection(each.target.names))
        if seen and each.last_listed <= run.started:
            yield replace(each, scanned_at=run.finished)


def target_facts(run: RunRecord, known: Sequence[KnownTarget]) -> tuple[TargetFact, ...]:
    """Give what a run says of the inventory; nothing where there is no inventory to compare with.

    That a target did not answer is said by a conclusive run only (law 1).
    """
    if not known:
        return ()
    answering = _answering(run)
    active = [each for each in known if each.retired_at is None]
    holders = Holders(known)
    told = [*_retired_answering(run, holders, answering)]
    left = _left(known, answering)
    names = {name for each in active for name in each.target.names}
    for host in run.plan.hosts:
        if (
            host.address in answering
            and not holders.ids(host.address)
            and not names.intersection(host.names)
        ):
            had = "".join(f"; {each} had it" for each in left.get(host.address, ()))
            because = f"{answering[host.address]}, and no source lists it{had}"
            told.append(TargetFact(UNKNOWN_ASSET, str(host.address), because))
    told += _unseen(run, active, answering)
    told += _outside_scope(run, active)
    return tuple(dict.fromkeys(sorted(told, key=lambda each: (each.fact, each.subject))))


def _left(
    known: Sequence[KnownTarget], answering: Mapping[Address, str]
) -> dict[Address, list[str]]:
    """Give the targets that ever had an address, of those that answer."""
    left: dict[Address, list[str]] = {}
    for each in known:
        for address in answering.keys() & {span.address for span in each.spans}:
            left.setdefault(address, []).append(each.key)
    return left


def silent_retired(run: RunRecord, known: Sequence[KnownTarget]) -> frozenset[Address]:
    """Give the addresses of retired targets that a conclusive run proved silent.

    Only of these may findings be closed as those of a retired target: every port that was asked was
    measured, none answered, and nobody else has the address now.
    """
    if not run.conclusive:
        return frozenset()
    owned = {each for one in known if one.retired_at is None for each in one.target.addresses}
    gone = {
        address
        for each in known
        if each.retired_at is not None and each.retired_at <= run.started
        for address in each.target.addresses
    }
    outcomes: dict[Address, list[HostOutcome]] = {}
    for host in run.hosts:
        outcomes.setdefault(host.host.address, []).append(host)
    return frozenset(
        address
        for address in gone - owned
        if address in outcomes and all(map(is_silent, outcomes[address]))
    )


def is_silent(host: HostOutcome) -> bool:
    """Whether all that was asked of it was measured, and nothing answered."""
    measured = sum(map(len, host.states.values()))
    return (
        not _answered(host)
        and not any(host.unmeasured.values())
        and measured == len(host.host.ports(host.transport))
    )


def _answered(host: HostOutcome) -> str:
    """Say what answered; empty where nothing did. A host that refuses a port is there as well."""
    opened, closed = host.states.get(PortState.OPEN), host.states.get(PortState.CLOSED)
    if opened:
        return f"{host.transport} {opened} is open there"
    return f"it refuses {host.transport} {closed}" if closed else ""


def _answering(run: RunRecord) -> dict[Address, str]:
    """Give the addresses that answered over either transport, with the most telling answer."""
    told: dict[Address, str] = {}
    for host in run.hosts:
        answer = _answered(host)
        if answer and (host.host.address not in told or host.states.get(PortState.OPEN)):
            told[host.host.address] = answer
    return told


def _retired_answering(
    run: RunRecord, holders: Holders, answering: Mapping[Address, str]
) -> Iterator[TargetFact]:
    for address, answer in answering.items():
        for each in holders.retired(address):
            if each.retired_at is not None and each.retired_at <= run.started:
                since = f"{each.retired_at:%Y-%m-%dT%H:%M:%SZ}"
                because = f"retired {since}, and {answer}"
                yield TargetFact(STILL_ANSWERING, f"{each.key} ({address})", because)


def _unseen(
    run: RunRecord, active: Sequence[KnownTarget], answering: Mapping[Address, str]
) -> Iterator[TargetFact]:
    if not run.conclusive:
        return
    asked = {each.address for each in run.plan.hosts}
    for each in active:
        addresses = set(each.target.addresses)
        if addresses and addresses <= asked and not addresses & answering.keys():
            yield TargetFact(UNSEEN, each.key, f"run {run.plan.run_id} asked it, nothing answered")


def _outside_scope(run: RunRecord, active: Sequence[KnownTarget]) -> Iterator[TargetFact]:
    """Listed and not asked; what is asked and not listed is `unknown_asset` once it answers."""
    asked = {each.address for each in run.plan.hosts}
    for each in active:
        missing = [str(one) for one in each.target.addresses if one not in asked]
        if missing and each.first_listed <= run.started:
            because = f"{', '.join(missing)} is listed, and run {run.plan.run_id} did not ask it"
            yield TargetFact(SCOPE_DRIFT, each.key, because)
