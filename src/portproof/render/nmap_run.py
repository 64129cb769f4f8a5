"""What nmap's output formats say of a run as a whole: when, how, how many, and whether it ended well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portproof.model.scan import RunRecord
from portproof.render.neutral import visible
from portproof.render.nmap_hosts import HostLines

_LONGEST_COMMAND = 4_000
"""Characters of a command line; a thousand targets on one are better listed in a file."""


@dataclass(slots=True)
class HostCount:
    """Counts hosts while they are written."""

    up: int = 0
    total: int = 0

    def take(self, host: HostLines) -> HostLines:
        """Count a host, and give it back."""
        self.total += 1
        self.up += host.status == "up"
        return host


def began_line(record: RunRecord, command: str) -> str:
    """Give the first line of every format: `portproof 0.1.0 scan initiated ... as: ...`."""
    shown = command_text(command)
    return f"portproof {record.tool_version} scan initiated {ctime(record.started)} as: {shown}"


def ended_line(record: RunRecord, count: HostCount) -> str:
    """Give the last line: nmap's, and where the run did not end well, that and why."""
    return f"portproof done at {ctime(record.finished)} -- {counted(record, count)}{fault(record)}"


def counted(record: RunRecord, count: HostCount) -> str:
    """Give nmap's `2 IP addresses (1 host up) scanned in 1.22 seconds`."""
    addresses = "1 IP address" if count.total == 1 else f"{count.total} IP addresses"
    up = "1 host up" if count.up == 1 else f"{count.up} hosts up"
    return f"{addresses} ({up}) scanned in {record.duration_ms / 1000:.2f} seconds"


def fault(record: RunRecord) -> str:
    """Say that the run may conclude nothing, and why; empty for a complete one."""
    if record.conclusive:
        return ""
    return f"; the run is {record.status}: {visible(record.status_reason)}"


def command_text(command: str) -> str:
    """Give a command line as one visible line."""
    return visible(command, _LONGEST_COMMAND)


def unresolved_names(record: RunRecord) -> Iterable[str]:
    """Give the names that had no address, and so no host among the others."""
    return (visible(each.name) for each in record.plan.resolutions if not each.addresses)


def ctime(at: datetime) -> str:
    """Write an instant as nmap does, in UTC: `Sat Nov 21 10:28:35 2026`."""
    # Not strftime: its names of days and months follow the locale.
    return at.ctime()
