"""Every refusal there is: nothing is sent without authority (law 4).

Raised as `AuthorisationError` with a stable code, before a packet (a DNS question included) leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from ipaddress import IPv4Address
from itertools import product
from typing import Final, TypeAlias

from portproof.errors import AuthorisationError
from portproof.model.authorisation import Authorisation
from portproof.model.endpoint import Address, Network
from portproof.model.scan import Resolution
from portproof.model.targetspec import (
    AddressTarget,
    NameTarget,
    NetworkTarget,
    NumericTarget,
    OctetRange,
    RangeTarget,
    TargetSpec,
    address_at,
)
from portproof.model.targetspec import size as address_count

Span: TypeAlias = tuple[Address, Address]
"""The first and the last of a stretch of neighbouring addresses."""

_HIGHEST: Final = 255
_ANY: Final = (0, _HIGHEST)


def require_in_force(authorisation: Authorisation | None, at: datetime) -> Authorisation:
    """Give the authorisation if it holds at that instant.

    Raises:
        AuthorisationError: there is none (`missing`), it has not begun (`not-yet-valid`), or it has
            ended (`expired`).
    """
    if authorisation is None:
        raise AuthorisationError(
            "missing",
            "this scan",
            "there is no authorisation; write one (see `portproof init`) and name it with --authorisation",
        )
    if at < authorisation.valid_from:
        raise AuthorisationError(
            "not-yet-valid",
            authorisation.id,
            f"it begins at {authorisation.valid_from:%Y-%m-%dT%H:%M:%SZ}",
        )
    if at >= authorisation.valid_until:
        raise AuthorisationError(
            "expired",
            authorisation.id,
            f"it ended at {authorisation.valid_until:%Y-%m-%dT%H:%M:%SZ}; have {authorisation.owner} renew it",
        )
    return authorisation


def require_inside(target: TargetSpec, authorisation: Authorisation) -> None:
    """Let a listed target through if all of it lies in the authorised networks.

    Names are judged by what they resolve to, in `permitted_addresses`.

    Raises:
        AuthorisationError: part of it lies outside, or it is no host's address (`outside`), or all
            of it is excluded (`excluded`).
    """
    if isinstance(target, NameTarget):
        return
    covered = _spans(authorisation.networks)
    for low, high in runs_of(target):
        if not (is_hosts_address(low) and is_hosts_address(high)):
            raise AuthorisationError("outside", str(target), "it is not the address of a host")
        if not any(_within(low, high, span) for span in covered):
            raise AuthorisationError(
                "outside",
                str(target),
                f"it does not lie inside the networks of authorisation {authorisation.id}",
            )
    _refuse_excluded(target, authorisation)


def is_hosts_address(address: Address) -> bool:
    """Whether one host can have it: connecting to 0.0.0.0 reaches this machine, to a group many."""
    return not (address.is_unspecified or address.is_multicast)


def _refuse_excluded(target: NumericTarget, authorisation: Authorisation) -> None:
    """Refuse what one exclusion holds altogether; what is left of the rest, the plan leaves out."""
    low = address_at(target, 0)
    high = address_at(target, (address_count(target) or 1) - 1)
    for exclusion in authorisation.exclusions:
        if low in exclusion.network and high in exclusion.network:
            raise AuthorisationError(
                "excluded",
                str(target),
                f"authorisation {authorisation.id} excludes {exclusion.network}: {exclusion.reason}",
            )


def permitted_addresses(
    resolution: Resolution, authorisation: Authorisation
) -> tuple[Address, ...]:
    """Give the addresses of a name that may be probed; empty for a name that did not resolve.

    An owned name behind a provider (load balancer, CDN) may answer with changing addresses: those
    inside the permitted ranges are probed, the others are recorded and left alone.

    Raises:
        AuthorisationError: the name resolved and none of its addresses is permitted
            (`name-not-permitted`), or some are not and the authorisation does not name it (`outside`).
    """
    permitted = tuple(
        each
        for each in resolution.addresses
        if is_hosts_address(each) and authorisation.permits(each, resolution.name)
    )
    outside = [str(each) for each in resolution.addresses if each not in permitted]
    named = any(each.name == resolution.name for each in authorisation.names)
    if outside and not named:
        raise AuthorisationError(
            "outside",
            f"{resolution.name} ({', '.join(outside)})",
            f"it lies outside the networks of authorisation {authorisation.id}; a provider's address is in scope only "
            "when the authorisation names the DNS name with the provider's permitted networks",
        )
    if outside and not permitted:
        raise AuthorisationError(
            "name-not-permitted",
            f"{resolution.name} ({', '.join(outside)})",
            f"none of its addresses lies in the networks that authorisation {authorisation.id} permits for it",
        )
    return permitted


def runs_of(target: NumericTarget) -> Iterator[Span]:
    """Give a target as stretches of neighbouring addresses, each by its first and last."""
    match target:
        case AddressTarget(address=address):
            yield address, address
        case NetworkTarget(network=network):
            yield network[0], network[-1]
        case RangeTarget(octets=octets):
            whole = next((n for n in range(4) if all(each == _ANY for each in octets[n:])), 4)
            fixed, last = octets[: max(whole - 1, 0)], octets[max(whole - 1, 0) : max(whole, 1)]
            for head in product(*(range(low, high + 1) for low, high in fixed)):
                yield _ends(head, last, 4 - len(head) - len(last))


def _ends(head: tuple[int, ...], last: tuple[OctetRange, ...], wild: int) -> Span:
    low = (*head, *(each[0] for each in last), *([0] * wild))
    high = (*head, *(each[1] for each in last), *([_HIGHEST] * wild))
    return IPv4Address(bytes(low)), IPv4Address(bytes(high))


def _spans(networks: Sequence[Network]) -> list[Span]:
    """Give the networks as stretches of addresses, neighbours joined whatever their prefixes."""
    joined: list[Span] = []
    for network in sorted(networks, key=lambda each: (each.version, int(each[0]))):
        low, high = network[0], network[-1]
        if joined and joined[-1][1].version == low.version and int(low) <= int(joined[-1][1]) + 1:
            low, high = joined[-1][0], max(joined.pop()[1], high, key=int)
        joined.append((low, high))
    return joined


def _within(low: Address, high: Address, span: Span) -> bool:
    begin, end = span
    return low.version == begin.version and int(begin) <= int(low) and int(high) <= int(end)
