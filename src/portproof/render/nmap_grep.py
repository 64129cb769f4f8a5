"""`-oG`: nmap's one line per host, for grep, cut and awk.

Two tabbed fields more than nmap's: `Not measured` counts what nobody may take for a result, and
`Ignored State` is written for each of several such states, where nmap writes none.
"""

from __future__ import annotations

from collections.abc import Iterator

from portproof.model.scan import RunRecord
from portproof.render.nmap_hosts import (
    UNKNOWN,
    HostLines,
    PortLine,
    Rest,
    hosts_of,
)
from portproof.render.nmap_run import HostCount, began_line, ended_line, unresolved_names


def nmap_grep(record: RunRecord, command: str, *, open_only: bool = False) -> Iterator[str]:
    """Give the lines; `command` is the command line of the scan."""
    count = HostCount()
    yield f"# {began_line(record, command)}\n"
    for name in unresolved_names(record):
        yield f"# not measured: {name} does not resolve\n"
    for host in hosts_of(record, open_only=open_only):
        yield from _host(count.take(host))
    yield f"# {ended_line(record, count)}\n"


def _host(lines: HostLines) -> Iterator[str]:
    head = f"Host: {lines.host.address} ({lines.hostname})"
    yield f"{head}\tStatus: {lines.status.capitalize()}\n"
    fields = [f"Ports: {', '.join(map(_port, lines.ports))}"]
    fields += [f"Ignored State: {each.state} ({each.count})" for each in lines.rest]
    if lines.not_measured:
        fields.append(f"Not measured: {not_measured_text(lines.not_measured)}")
    yield "\t".join([head, *fields]) + "\n"


def _port(line: PortLine) -> str:
    """Give `22/open/tcp//ssh//OpenSSH 9.2p1/`: owner and RPC number are never known here."""
    service, told = UNKNOWN, ""
    if line.service is not None:
        service = f"ssl|{line.service.name}" if line.service.tls else line.service.name
        told = line.service.told
    fields = (str(line.port), line.state, line.transport, "", service, "", told)
    return "/".join(map(_field, fields)) + "/"


def _field(text: str) -> str:
    """Keep a field a field: nmap writes a bar for a slash; a comma would end the port."""
    return text.replace("/", "|").replace(",", ";")


def not_measured_text(rest: Rest) -> str:
    """Give `5 tcp (control-failed)`, by transport and cause."""
    return ", ".join(
        f"{len(each.ports)} {each.transport} ({each.reason.removeprefix('not-measured-')})"
        for each in rest.shares
    )
