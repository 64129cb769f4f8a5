"""`-oX`: nmap's XML, as nmap.dtd has it, for everything that reads nmap.

Two differences, both on purpose: `scanner` says `portproof` (the DTD allows `nmap` alone), and what
was not measured is counted in `extraports` with the state `unknown` (see `nmap_hosts`), the last of
them, because python-libnmap keeps the last. A run that may conclude nothing ends with
`exit="error"` and says why in `errormsg`.

Text of strangers is made visible first: XML 1.0 has no way to write a control character, and a
reader would refuse the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

from portproof.model.endpoint import Transport
from portproof.model.scan import RunRecord
from portproof.render.nmap_hosts import (
    UNKNOWN,
    HostLines,
    PortLine,
    Rest,
    ServiceLine,
    hosts_of,
    planned_ports,
    ranges_text,
)
from portproof.render.nmap_run import (
    HostCount,
    began_line,
    command_text,
    counted,
    ctime,
    fault,
    unresolved_names,
)

_OUTPUT_VERSION: Final = "1.05"
"""The version of nmap's XML that this is written after (nmap 7.93)."""


def nmap_xml(record: RunRecord, command: str, *, open_only: bool = False) -> Iterator[str]:
    """Give the document line by line; `command` is the command line of the scan."""
    count = HostCount()
    yield from _head(record, command)
    for name in unresolved_names(record):
        yield _tag("target", specification=name, status="skipped", reason="invalid")
    for host in hosts_of(record, open_only=open_only):
        yield from _host(count.take(host), record)
    yield from _end(record, count)


def _head(record: RunRecord, command: str) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n'
    # Two hyphens end a comment; nmap writes the second as an entity.
    comment = began_line(record, command).replace("--", "-&#45;")
    yield f"<!-- {comment} -->\n"
    yield _open(
        "nmaprun",
        scanner="portproof",
        args=command_text(command),
        start=_epoch(record.started.timestamp()),
        startstr=ctime(record.started),
        version=record.tool_version,
        xmloutputversion=_OUTPUT_VERSION,
    )
    for transport in Transport:
        ports = planned_ports(record, transport)
        if ports:
            # nmap's word for what a proxy does for us, too.
            engine = "syn" if record.plan.engine == "syn" else "connect"
            kind = engine if transport is Transport.TCP else "udp"
            yield _tag(
                "scaninfo",
                type=kind,
                protocol=transport,
                numservices=len(ports),
                services=ranges_text(ports),
            )
    yield _tag("verbose", level=0) + _tag("debugging", level=0)


def _host(lines: HostLines, record: RunRecord) -> Iterator[str]:
    started, finished = record.started.timestamp(), record.finished.timestamp()
    # When the run was under way: single probes of a host are spread over all of it.
    yield _open("host", starttime=_epoch(started), endtime=_epoch(finished))
    yield _tag("status", state=lines.status, reason=lines.reason, reason_ttl=0)
    address = lines.host.address
    yield _tag("address", addr=address, addrtype=f"ipv{address.version}")
    names = (_tag("hostname", name=each, type="user") for each in lines.host.names)
    yield f"<hostnames>\n{''.join(names)}</hostnames>\n<ports>"
    for rest in (*lines.rest, *([lines.not_measured] if lines.not_measured else [])):
        yield from _extraports(rest)
    for port in lines.ports:
        yield _port(port)
    yield "</ports>\n</host>\n"


def _extraports(rest: Rest) -> Iterator[str]:
    yield _open("extraports", state=rest.state, count=rest.count)
    for share in rest.shares:
        yield _tag(
            "extrareasons",
            reason=share.reason,
            count=len(share.ports),
            proto=share.transport,
            ports=ranges_text(share.ports),
        )
    yield "</extraports>\n"


def _port(line: PortLine) -> str:
    state = _tag("state", state=line.state, reason=line.reason, reason_ttl=0).rstrip("\n")
    head = _open("port", protocol=line.transport, portid=line.port).rstrip("\n")
    return f"{head}{state}{_service(line.service)}</port>\n"


def _service(service: ServiceLine | None) -> str:
    if service is None:
        return _tag("service", name=UNKNOWN, method="table", conf=3).rstrip("\n")
    told = {"product": service.product, "version": service.version, "extrainfo": service.more}
    return _tag(
        "service",
        name=service.name,
        **{key: text for key, text in told.items() if text},
        **({"tunnel": "ssl"} if service.tls else {}),
        method="probed" if service.probed else "table",
        # nmap's scale: 10 for an answer in the protocol, 3 for the port's number.
        conf=10 if service.probed else 3,
    ).rstrip("\n")


def _end(record: RunRecord, count: HostCount) -> Iterator[str]:
    finished, elapsed = record.finished, f"{record.duration_ms / 1000:.2f}"
    summary = f"portproof done at {ctime(finished)}; {counted(record, count)}{fault(record)}"
    failed = {"errormsg": fault(record).removeprefix("; ")} if fault(record) else {}
    ended = _tag(
        "finished",
        time=_epoch(finished.timestamp()),
        timestr=ctime(finished),
        summary=summary,
        elapsed=elapsed,
        exit="error" if failed else "success",
        **failed,
    )
    hosts = _tag("hosts", up=count.up, down=0, total=count.total)
    yield f"<runstats>{ended}{hosts}</runstats>\n</nmaprun>\n"


def _epoch(seconds: float) -> int:
    return int(seconds)


def _tag(element: str, /, **attributes: object) -> str:
    return f"<{element}{_written(attributes)}/>\n"


def _open(element: str, /, **attributes: object) -> str:
    return f"<{element}{_written(attributes)}>\n"


def _written(attributes: dict[str, object]) -> str:
    return "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
