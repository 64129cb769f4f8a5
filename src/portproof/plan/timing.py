"""nmap's -T0 to -T5, with values of our own.

A template chooses how patient and how wide a scan is. It can only lower the rates of the
authorisation, never raise them: -T4 and -T5 are less patient with silence, not faster than allowed.
What they save they pay for: a shorter patience calls slow answers silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portproof.model.rates import Rates
from portproof.model.scan import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One level: `-T2` or, by its name in nmap, `polite`."""

    name: str
    timing: Timing
    rates: Rates | None = None
    """Its own limits, in force where they are below the authorisation's; None: it has none."""


TEMPLATES: Final = (
    Template(
        name="paranoid",
        timing=Timing(timeout_ms=5_000, min_timeout_ms=5_000, udp_timeout_ms=5_000),
        rates=Rates(global_pps=1, per_host_pps=1, max_connections=1, per_host_connections=1),
    ),
    Template(
        name="sneaky",
        timing=Timing(timeout_ms=5_000, min_timeout_ms=2_000, udp_timeout_ms=5_000),
        rates=Rates(global_pps=10, per_host_pps=2, max_connections=20, per_host_connections=2),
    ),
    Template(
        name="polite",
        timing=Timing(timeout_ms=2_000, min_timeout_ms=1_000, udp_timeout_ms=2_000),
        rates=Rates(global_pps=200, per_host_pps=20, max_connections=200, per_host_connections=20),
    ),
    Template(name="normal", timing=Timing()),
    Template(
        name="aggressive",
        timing=Timing(
            timeout_ms=750, min_timeout_ms=150, udp_timeout_ms=1_000, dialogue_timeout_ms=2_000
        ),
    ),
    Template(
        name="insane",
        timing=Timing(
            timeout_ms=300,
            min_timeout_ms=100,
            max_retries=1,
            udp_timeout_ms=500,
            dialogue_timeout_ms=1_500,
        ),
    ),
)
"""By level; 3 is what a scan does when no level is asked for."""

NORMAL: Final = 3


def template_of(text: str) -> Template:
    """Give a template by its number or its name, in any case.

    Raises:
        KeyError: there is none of that number or name.
    """
    lowered = text.lower()
    for number, template in enumerate(TEMPLATES):
        if lowered in (str(number), template.name):
            return template
    raise KeyError(text)


def at_most(global_pps: int) -> Rates:
    """Give the rates that limit probes per second in all, and nothing else."""
    return Rates(
        global_pps=global_pps,
        per_host_pps=_UNLIMITED,
        max_connections=_UNLIMITED,
        per_host_connections=_UNLIMITED,
    )


_UNLIMITED: Final = 1 << 31
"""Above every rate that an authorisation can name, so that the stricter of both is its own."""
