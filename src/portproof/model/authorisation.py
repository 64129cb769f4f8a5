"""Who allows which addresses to be probed, until when, and how fast (law 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portproof.model.endpoint import Address, Network
from portproof.model.ports import PortSet
from portproof.model.scan import AuthorisationRef, Control, Rates

FRAGILE_PORTS: tuple[int, ...] = (102, 502, 9100, 20000, 44818, 47808)
"""S7, Modbus, JetDirect (every byte is printed), DNP3, EtherNet/IP, BACnet: connect, send nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Addresses inside the authorised networks that must not be probed, and why."""

    network: Network
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedName:
    """A DNS name whose addresses belong to a provider (load balancer, CDN).

    An address behind it is in scope only if it lies in one of the provider's permitted networks.
    """

    name: str
    networks: tuple[Network, ...]
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """One written authorisation to scan (`authorisation.yaml`)."""

    id: str
    owner: str
    contact: str
    networks: tuple[Network, ...]
    exclusions: tuple[Exclusion, ...]
    names: tuple[PermittedName, ...]
    valid_from: datetime
    valid_until: datetime
    """The first instant at which it no longer holds."""
    rates: Rates
    max_probes: int
    """The budget of endpoints one run may ask, over both transports."""
    controls: tuple[Control, ...]
    """Configured control endpoints; they may lie outside the networks."""
    allow_fragile: PortSet
    """Fragile ports that may be spoken to all the same."""
    digest: str
    file: str = ""

    def ref(self) -> AuthorisationRef:
        """Give the short form that plans and records carry."""
        return AuthorisationRef(
            id=self.id,
            owner=self.owner,
            contact=self.contact,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            digest=self.digest,
        )

    def permits(self, address: Address, name: str | None = None) -> bool:
        """Whether the address lies in the networks (or in those permitted for its name), not excluded."""
        if any(_holds(each.network, address) for each in self.exclusions):
            return False
        if any(_holds(network, address) for network in self.networks):
            return True
        behind = (each for each in self.names if name is not None and each.name == name.lower())
        return any(_holds(network, address) for each in behind for network in each.networks)


def _holds(network: Network, address: Address) -> bool:
    return address.version == network.version and address in network
