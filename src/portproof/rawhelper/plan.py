"""What the parent asks for at the start: limits, time-outs, paths, and neighbours known already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from portproof.model.rawwire import WireError


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A way out: interface, our address on it, and the next hop (None: each target is its own).

    `local`: the targets are this machine's own addresses.
    """

    interface: int
    version: int
    source: str
    next_hop: bytes | None
    local: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A link address that the kernel knows."""

    interface: int
    address: bytes
    link_address: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperPlan:
    """What one helper does; rates are its share of the run's."""

    global_pps: int
    per_host_pps: int
    per_subnet_pps: int | None
    timeout_s: float
    min_timeout_s: float
    host_timeout_s: float | None
    """How long one host may be asked; None: as long as it takes."""
    one_port: bool
    """Whether a probe's sendings share a source port: fewer entries in state tables on the way."""
    paths: tuple[Path, ...]
    neighbours: tuple[Neighbour, ...]


def plan_of(facts: Mapping[str, Any]) -> HelperPlan:
    """Read the parent's first frame.

    Raises:
        WireError: something is missing, or not what it should be.
    """
    try:
        return HelperPlan(
            global_pps=_at_least_one(facts["global_pps"]),
            per_host_pps=_at_least_one(facts["per_host_pps"]),
            per_subnet_pps=_at_least_one(facts["per_subnet_pps"])
            if facts["per_subnet_pps"]
            else None,
            timeout_s=float(facts["timeout_s"]),
            min_timeout_s=float(facts["min_timeout_s"]),
            host_timeout_s=None
            if facts["host_timeout_s"] is None
            else float(facts["host_timeout_s"]),
            one_port=bool(facts["one_port"]),
            paths=tuple(_path_of(each) for each in facts["paths"]),
            neighbours=tuple(_neighbour_of(each) for each in facts["neighbours"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise WireError(f"the plan is not understood: {problem!r}") from None


def _path_of(facts: Mapping[str, Any]) -> Path:
    source = ip_address(facts["source"])
    hop = facts["next_hop"]
    return Path(
        interface=int(facts["interface"]),
        version=source.version,
        source=str(source),
        next_hop=None if hop is None else ip_address(hop).packed,
        local=bool(facts["local"]),
    )


def _neighbour_of(facts: Mapping[str, Any]) -> Neighbour:
    return Neighbour(
        interface=int(facts["interface"]),
        address=ip_address(facts["address"]).packed,
        link_address=bytes.fromhex(facts["link_address"]),
    )


def _at_least_one(number: object) -> int:
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{number!r} is not a number from 1")
    return number
