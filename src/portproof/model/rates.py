"""How fast and how wide a scan may be: limits that are kept, never aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_MAX_FLOWS: Final = 16_384
"""A quarter of the 65 536 entries of a common state table: three quarters stay with its owners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast and how wide; probes per second, and connections at once.

    A probe counts each time it is sent. Where several processes send, they share each limit.
    """

    global_pps: int = 20_000
    per_host_pps: int = 20_000
    max_connections: int = 4_000
    per_host_connections: int = 2_000
    per_subnet_pps: int | None = None
    """Per IPv4 /24 or IPv6 /64; None: no limit of its own."""
    max_flows: int | None = None
    """Entries that our probes may hold at once in the state table of one next hop.

    A router between us and the targets may be a stateful firewall, whose table everybody behind it
    shares. None: not limited, as it was in runs stored before the limit existed.
    """

    def stricter(self, other: Rates) -> Rates:
        """Give the lower of two limits, each for each."""
        return Rates(
            global_pps=min(self.global_pps, other.global_pps),
            per_host_pps=min(self.per_host_pps, other.per_host_pps),
            max_connections=min(self.max_connections, other.max_connections),
            per_host_connections=min(self.per_host_connections, other.per_host_connections),
            per_subnet_pps=_lower(self.per_subnet_pps, other.per_subnet_pps),
            max_flows=_lower(self.max_flows, other.max_flows),
        )


def _lower(one: int | None, other: int | None) -> int | None:
    given = [each for each in (one, other) if each is not None]
    return min(given, default=None)
