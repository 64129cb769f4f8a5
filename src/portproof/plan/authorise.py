"""Every refusal there is: nothing is sent without authority (law 4).

Raised as `AuthorisationError` with a stable code, before a packet (a DNS question included) leaves.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from portproof.errors import AuthorisationError
from portproof.model.authorisation import Authorisation
from portproof.model.endpoint import Address, Network
from portproof.model.scan import Resolution
from portproof.model.targetspec import (
    AddressTarget,
    NameTarget,
    NetworkTarget,
    RangeTarget,
    TargetSpec,
    address_at,
)
from portproof.model.targetspec import size as address_count


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
    """Let a listed target through if all of it lies in one authorised network.

    Names are judged by what they resolve to, in `permitted_addresses`.

    Raises:
        AuthorisationError: part of it lies outside, or it is no host's address (`outside`), or all
            of it is excluded (`excluded`).
    """
    corners = _corners(target)
    if corners is None:
        return
    low, high = corners
    if low.is_unspecified or low.is_multicast or high.is_multicast:
        # To connect to 0.0.0.0 reaches this machine, to a group many: neither is a host's address.
        raise AuthorisationError("outside", str(target), "it is not the address of a host")
    if not any(_holds(net, low) and _holds(net, high) for net in _merged(authorisation.networks)):
        raise AuthorisationError(
            "outside",
            str(target),
            f"it does not lie inside a network of authorisation {authorisation.id}",
        )
    for exclusion in authorisation.exclusions:
        if _holds(exclusion.network, low) and _holds(exclusion.network, high):
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
        each for each in resolution.addresses if authorisation.permits(each, resolution.name)
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


def _corners(target: TargetSpec) -> tuple[Address, Address] | None:
    """Give the lowest and highest address: a network holding both holds all between.

    None for a name: only a resolver knows what it stands for.
    """
    match target:
        case AddressTarget(address=address):
            return (address, address)
        case NetworkTarget(network=network):
            return (network[0], network[-1])
        case RangeTarget():
            return (address_at(target, 0), address_at(target, (address_count(target) or 1) - 1))
        case NameTarget():
            return None


def _merged(networks: tuple[Network, ...]) -> list[Network]:
    """Join adjacent networks, so that a target spanning two authorised neighbours lies inside."""
    four = collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
    six = collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
    return [*four, *six]


def _holds(network: Network, address: Address) -> bool:
    return address.version == network.version and address in network
