"""Rates as documents state them: an authorisation for its networks, a vantage for its own line."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from portproof.documents.shape import Shape
from portproof.model.rates import DEFAULT_MAX_FLOWS, Rates

# Ten times what one sender can put on a 10 Gbit/s line; more is a typing mistake.
_HIGHEST: Final = 100_000_000
_Rate = Annotated[int, Field(ge=1, le=_HIGHEST)]


class RatesShape(Shape):
    """How fast, and how wide."""

    global_pps: _Rate = Rates().global_pps
    """Probes per second, over all hosts."""
    per_host_pps: _Rate = Rates().per_host_pps
    per_subnet_pps: _Rate | None = None
    """Probes per second to each IPv4 /24 and each IPv6 /64; left out: no limit of its own."""
    max_connections: _Rate = Rates().max_connections
    """Connections at once, over all hosts."""
    per_host_connections: _Rate = Rates().per_host_connections
    max_flows: _Rate = DEFAULT_MAX_FLOWS
    """Entries our probes may hold at once in the state table of one router on the way."""


class VantageRatesShape(Shape):
    """What may leave from one place at most; what is left out, the authorisation alone limits."""

    global_pps: _Rate | None = None
    """Probes per second, over all hosts."""
    per_host_pps: _Rate | None = None
    per_subnet_pps: _Rate | None = None
    """Probes per second to each IPv4 /24 and each IPv6 /64."""
    max_connections: _Rate | None = None
    """Connections at once, over all hosts."""
    per_host_connections: _Rate | None = None
    max_flows: _Rate | None = None
    """Entries our probes may hold at once in the state table of one router on the way."""

    def read(self) -> Rates:
        """Give the rates; a limit that was left out is the highest one that can be written."""
        return Rates(
            global_pps=self.global_pps or _HIGHEST,
            per_host_pps=self.per_host_pps or _HIGHEST,
            per_subnet_pps=self.per_subnet_pps,
            max_connections=self.max_connections or _HIGHEST,
            per_host_connections=self.per_host_connections or _HIGHEST,
            max_flows=self.max_flows,
        )
