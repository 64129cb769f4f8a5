"""What the system lets this process have: descriptors (RLIMIT_NOFILE), and local ports.

The soft descriptor limit is raised to the hard one, which needs no privilege. What remains is asked for by
number before a scan, because running into the limit in the middle of one costs outcomes.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

# NumPy loads this part at the first `unique`, which a process out of descriptors could not do.
import numpy.ma  # noqa: F401

_SPARE: Final = 48
"""Left for what the process opens meanwhile: database, log, TLS contexts, libraries."""
_UNLIMITED: Final = 1 << 20


def fit_connections(wanted: int) -> int:
    """Give how many sockets can be open at once, at most `wanted` and at least 1.

    Raises the soft descriptor limit as far as that needs and the system lets it.
    """
    try:
        in_use = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return 1  # not even a folder can be opened: all descriptors are in use
    soft = raise_descriptor_limit(in_use + _SPARE + wanted)
    return max(1, min(wanted, soft - in_use - _SPARE))


def raise_descriptor_limit(needed: int) -> int:
    """Raise the soft limit towards `needed`, at most to the hard one; gives the limit in force."""
    soft, hard = (_finite(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft >= needed:
        return soft
    raised = min(needed, hard)
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (raised, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
    except (ValueError, OSError):
        return soft  # a sandbox forbids it: the scan is narrower, not wrong
    return raised


def ephemeral_ports() -> range:
    """Give the local ports that the kernel may choose for us; all, where it does not say."""
    try:
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
    except OSError:
        return range(1, 1 << 16)
    return range(int(first), int(last) + 1)


def reserved_ports() -> frozenset[int]:
    """Give the local ports that are kept free for somebody (net.ipv4.ip_local_reserved_ports)."""
    try:
        listed = Path("/proc/sys/net/ipv4/ip_local_reserved_ports").read_text("ascii").strip()
    except OSError:
        return frozenset()
    spans = [each.partition("-") for each in listed.split(",") if each]
    return frozenset(
        port for first, _, last in spans for port in range(int(first), int(last or first) + 1)
    )


def _finite(limit: int) -> int:
    return _UNLIMITED if limit == resource.RLIM_INFINITY else limit
