"""What lies around an address: found by its prefixes, not by going through all networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from portproof.model.baseline import Asset, Baseline, BaselineZone
from portproof.model.endpoint import Address, Network
from portproof.model.vantage import Vantages, Zone

T = TypeVar("T")


class NetworkIndex(Generic[T]):
    """Values by the networks they belong to; a look-up costs one step per prefix length in use."""

    def __init__(self, held: Iterable[tuple[Network, T]]) -> None:
        by_length: dict[tuple[int, int], dict[int, list[T]]] = {}
        for network, value in held:
            shift = network.max_prefixlen - network.prefixlen
            places = by_length.setdefault((network.version, shift), {})
            places.setdefault(int(network.network_address) >> shift, []).append(value)
        self._of_version: dict[int, list[tuple[int, dict[int, list[T]]]]] = {4: [], 6: []}
        for (version, shift), places in sorted(by_length.items(), key=lambda item: item[0]):
            self._of_version[version].append((shift, places))

    def around(self, address: Address) -> list[T]:
        """Give the values of all networks that hold the address, the most specific first.

        Those of one network stand in the order in which they came.
        """
        number = int(address)
        found: list[T] = []
        for shift, places in self._of_version[address.version]:
            held = places.get(number >> shift)
            if held is not None:
                found += held
        return found


class Places:
    """To which asset and which zone an address belongs, as `Baseline` and `Vantages` tell it."""

    def __init__(self, baseline: Baseline, vantages: Vantages) -> None:
        self._assets = NetworkIndex(
            (network, asset) for asset in baseline.assets for network in asset.networks
        )
        self._named: dict[str, Asset] = {}
        for asset in baseline.assets:
            for name in asset.names:
                self._named.setdefault(name, asset)
        self._declared = NetworkIndex(
            (network, (position, zone))
            for position, zone in enumerate(baseline.zones)
            for network in zone.networks
        )
        self._zones = NetworkIndex(
            (network, zone) for zone in vantages.zones for network in zone.networks
        )

    def asset_of(self, address: Address, name: str | None = None) -> Asset | None:
        """Find the asset, as `Baseline.asset_of` does; None where none has it."""
        if name is not None and (named := self._named.get(name.lower())) is not None:
            return named
        return next(iter(self._assets.around(address)), None)

    def zone_of(self, address: Address) -> BaselineZone | Zone | None:
        """Find the zone, the baseline's before the vantages'; None where none has it."""
        declared = self._declared.around(address)
        if declared:
            return min(declared, key=lambda pair: pair[0])[1]
        return next(iter(self._zones.around(address)), None)
