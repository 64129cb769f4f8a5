"""Where probes are sent from, and how that place is classed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from portproof.model.endpoint import Address, Network
from portproof.model.rates import Rates
from portproof.model.way import Way


class Trust(StrEnum):
    """How much a zone is trusted; decides which severity column of a service rule applies."""

    UNTRUSTED = "untrusted"
    TRUSTED = "trusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A class of places: `internet`, `office`, `cde`. `networks` are the addresses that lie in it."""

    name: str
    trust: Trust
    networks: tuple[Network, ...] = ()
    protected: bool = False
    """Whether it is a protected zone (a CDE): a forbidden path into it is at least high."""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """A named place probes are sent from."""

    id: str
    zone: str
    description: str = ""
    operator: str = ""
    location: str = ""
    public_addresses: tuple[Address, ...] = ()
    """Its source addresses as targets see them, after NAT; empty where not declared."""
    rates: Rates | None = None
    """What may leave from this place at most; None: the authorisation's rates alone bind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantages:
    """The declared vantages and zones of an organisation (`vantages.yaml`)."""

    zones: tuple[Zone, ...]
    vantages: tuple[Vantage, ...]
    digest: str
    """SHA-256 of the document's bytes, lower-case hex."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """By vantage: the public key that signs its packs, as `evidence.vantage_key` prints it."""
    ways: Mapping[str, Way] = field(default_factory=dict)
    """By vantage: the proxy or jump host it probes through; none: over its own network."""

    def vantage(self, vantage_id: str) -> Vantage | None:
        """Find a vantage by its id; None when nobody declared it."""
        return next((each for each in self.vantages if each.id == vantage_id), None)

    def zone(self, name: str) -> Zone | None:
        """Find a zone by its name; None when nobody declared it."""
        return next((each for each in self.zones if each.name == name), None)

    def zone_of(self, address: Address) -> Zone | None:
        """Find the zone with the most specific network around the address; None where none has it."""
        held = [
            (network.prefixlen, zone)
            for zone in self.zones
            for network in zone.networks
            if address.version == network.version and address in network
        ]
        return max(held, key=lambda pair: pair[0])[1] if held else None
