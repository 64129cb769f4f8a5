"""`-oN`: what nmap shows a person, as a text file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from portproof.model.scan import RunRecord
from portproof.render.nmap_grep import not_measured_text
from portproof.render.nmap_hosts import UNKNOWN, HostLines, PortLine, hosts_of
from portproof.render.nmap_run import HostCount, began_line, ended_line, unresolved_names

_US_PER_S = 1_000_000


def nmap_normal(
    record: RunRecord, command: str, *, open_only: bool = False, reason: bool = False
) -> Iterator[str]:
    """Give the text host by host; `command` is the command line, `reason` adds its column."""
    count = HostCount()
    yield f"# {began_line(record, command)}\n"
    for name in unresolved_names(record):
        yield f"Not measured: {name} does not resolve\n\n"
    for host in hosts_of(record, open_only=open_only):
        yield from _host(count.take(host), reason=reason)
    yield f"# {ended_line(record, count)}\n"


def _host(lines: HostLines, *, reason: bool) -> Iterator[str]:
    where = str(lines.host.address)
    named = f"{lines.hostname} ({where})" if lines.hostname else where
    yield f"Nmap scan report for {named}\n{_status(lines, reason=reason)}\n"
    if lines.rest:
        if not lines.ports:
            total = sum(each.count for each in lines.rest)
            yield f"All {total} scanned ports on {named} are in ignored states.\n"
        yield f"Not shown: {_not_shown(lines)}\n"
    if lines.not_measured:
        yield f"Not measured: {not_measured_text(lines.not_measured)}\n"
    if lines.ports:
        yield "" if lines.rest else "\n"
        yield from _table(lines.ports, reason=reason)
    yield "\n"


def _status(lines: HostLines, *, reason: bool) -> str:
    if lines.status == UNKNOWN:
        return "Host was not measured."
    why = f", received {lines.reason}" if reason else ""
    if lines.rtt_us is None:
        return f"Host is up{why}."
    return f"Host is up{why} ({_two_digits(lines.rtt_us / _US_PER_S)}s latency)."


def _two_digits(seconds: float) -> str:
    """Write a time as nmap does: two significant digits, never as a power of ten."""
    decimals = 2
    while decimals < 6 and seconds < 10 ** (1 - decimals):  # noqa: PLR2004 - microseconds
        decimals += 1
    return f"{seconds:.{decimals}f}"


def _not_shown(lines: HostLines) -> str:
    return ", ".join(
        f"{len(share.ports)} {rest.state} {share.transport} ports ({share.reason})"
        for rest in lines.rest
        for share in rest.shares
    )


def _table(ports: Sequence[PortLine], *, reason: bool) -> Iterator[str]:
    """Give nmap's columns, each as wide as its widest cell; a column without a word is left out."""
    rows = [("PORT", "STATE", "SERVICE", "REASON", "VERSION"), *map(_cells, ports)]
    shown = [0, 1, 2, *([3] if reason else []), *([4] if any(row[4] for row in rows[1:]) else [])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield " ".join(f"{row[each]:<{widths[each]}}" for each in shown).rstrip() + "\n"


def _cells(line: PortLine) -> tuple[str, str, str, str, str]:
    name, told = UNKNOWN, ""
    if line.service is not None:
        name = f"ssl/{line.service.name}" if line.service.tls else line.service.name
        told = line.service.told
    return f"{line.port}/{line.transport}", line.state, name, line.reason, told
