"""JSON lines, for pipes: the run, then one line per observation, and per gap in the measurement.

The keys of an observation are those that scanners agree on (host, ip, port, protocol, tls,
timestamp), so that `jq` filters written for others work. What was not measured has lines of its
own, because a consumer that sees no line would take the port for closed. Text is ASCII with JSON's
escapes: no banner can act on a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from portproof.model.evidence import EvidenceDocument, HostInfo, OpenPortInfo


def to_jsonl(document: EvidenceDocument) -> str:
    """Write lines of types `config` (first), `observation`, `unmeasured`, `finding` and `unknown`."""
    return "".join(json.dumps(each, ensure_ascii=True) + "\n" for each in _lines(document))


def _lines(document: EvidenceDocument) -> Iterator[dict[str, Any]]:
    yield _config(document)
    for host in document.hosts:
        yield from (_observation(host, seen) for seen in host.observations)
        yield from (_unmeasured(host, fault, ports) for fault, ports in host.unmeasured.items())
    yield from ({"type": "finding", **asdict(each)} for each in document.findings)
    yield from ({"type": "unknown", **asdict(each)} for each in document.unknown)


def _config(document: EvidenceDocument) -> dict[str, Any]:
    return {
        "type": "config",
        "schema": document.schema,
        "report": document.report.id,
        "run": document.run.id,
        "continues": document.run.continues or None,
        "status": document.run.status,
        "status_reason": document.run.status_reason,
        "started": document.run.started,
        "finished": document.run.finished,
        "scope": document.report.scope,
        "vantage": document.vantage.id,
        "zone": document.vantage.zone,
        "tcp_ports": document.method.tcp_ports,
        "udp_ports": document.method.udp_ports,
        "planned": document.summary.planned,
        "measured": document.summary.measured,
    }


def _observation(host: HostInfo, seen: OpenPortInfo) -> dict[str, Any]:
    return {
        "type": "observation",
        "host": host.name or host.address,
        "ip": host.address,
        "port": seen.port,
        "protocol": seen.transport,
        "tls": bool(seen.tls_version),
        "timestamp": seen.at,
        "state": seen.state,
        "reason": seen.reason,
        "rtt_us": seen.rtt_us,
        "attempts": seen.attempts,
        "service": seen.service or None,
        "product": seen.product or None,
        "identified_by": seen.identified_by or None,
        "attributes": seen.attributes,
        "entry": seen.entry or None,
        "own": seen.own,
        "evidence": seen.evidence or None,
    }


def _unmeasured(host: HostInfo, fault: str, ports: str) -> dict[str, Any]:
    return {
        "type": "unmeasured",
        "host": host.name or host.address,
        "ip": host.address,
        "protocol": host.transport,
        "ports": ports,
        "fault": fault,
    }
