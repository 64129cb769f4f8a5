"""What this machine lets a scan do: descriptors, raw sockets, address families, ICMP errors."""

from __future__ import annotations

import resource
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portproof.scan import errqueue
from portproof.scan.limits import fit_connections

_CAP_NET_RAW: Final = 13  # <linux/capability.h>
_MANY: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """What was found when each ability was tried."""

    platform: str
    descriptors_soft: int
    descriptors_hard: int
    connections: int
    """Connections at once that a scan may hold now."""
    raw_sockets: bool
    """CAP_NET_RAW is in force: the SYN engine could run."""
    ipv6: bool
    icmp_errors: bool
    """IP_RECVERR can be set: a reset is told from an ICMP unreachable."""


def machine_facts() -> MachineFacts:
    """Try each ability, sending nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MachineFacts(
        platform=f"{sys.platform}, Python {sys.version.split()[0]}",
        descriptors_soft=soft,
        descriptors_hard=hard,
        connections=fit_connections(_MANY),
        raw_sockets=_has_capability(_CAP_NET_RAW),
        ipv6=_can_bind_ipv6(),
        icmp_errors=_can_read_errors(),
    )


def _has_capability(number: int) -> bool:
    status = Path("/proc/self/status")
    if not status.exists():
        return False
    effective = next(line for line in status.read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> number & 1)


def _can_bind_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


def _can_read_errors() -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
            errqueue.enable(trial)
    except OSError:
        return False
    return True
