"""A run as it was measured, before anyone judged it: for `portproof scan`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, Observation, PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.render.neutral import PEER_LIMIT, visible

_MAYBE_OPEN = (PortState.OPEN, PortState.OPEN_FILTERED)


def ports_table(record: RunRecord, *, open_only: bool = False, reasons: bool = False) -> Table:
    """Give the noteworthy ports of each host, and the counted rest in one line a host.

    With `open_only` what is certainly not open is left out, but never what was not measured; with
    `reasons` the counted rest says why its states were given.
    """
    table = Table("host", "port", "state", "reason", "service", "rest", box=SIMPLE_HEAD)
    for host in record.hosts:
        rest = _not_measured(host) if open_only else _rest(host, reasons=reasons)
        address = str(host.host.address)
        for seen in host.observations:
            if open_only and seen.state not in _MAYBE_OPEN:
                continue
            own = "portproof's own" if seen.endpoint in record.own_listeners else ""
            # Text, not str: rich reads brackets in strings as markup, and a banner may hold any.
            service = Text(f"{visible(_service(seen), PEER_LIMIT)} {own}".strip())
            port = f"{seen.endpoint.port}/{seen.endpoint.transport}"
            table.add_row(address, port, seen.state, seen.reason, service, rest)
            address = rest = ""
        if rest:
            table.add_row(address, f"…/{host.transport}", "", "", "", rest)
    for name, transport, asked in _unresolved(record):
        rest = f"{len(asked):,} not measured ({LocalFault.UNRESOLVED})"
        table.add_row(Text(visible(name)), f"…/{transport}", "", "", "", rest)
    return table


def to_jsonl_lines(record: RunRecord) -> str:
    """Give one JSON object a line: the run (`type` config), noteworthy ports, what was not measured."""
    lines = [json.dumps(_config(record), sort_keys=True)]
    told = (*_observations(record), *_gaps(record))
    lines += [json.dumps(each, sort_keys=True) for each in told]
    return "\n".join(lines) + "\n"


def _config(record: RunRecord) -> dict[str, object]:
    return {
        "type": "config",
        "run": record.plan.run_id,
        "continues": record.plan.continues,
        "status": record.status,
        "status_reason": record.status_reason,
        "scope": record.plan.scope,
        "vantage": record.plan.vantage.id,
        "zone": record.plan.vantage.zone,
        "started": _rfc3339(record.started),
        "finished": _rfc3339(record.finished),
        "coverage": [
            {
                "transport": each.transport,
                "planned": each.planned,
                "measured": each.measured,
                "unmeasured": {
                    fault.value: count for fault, count in each.unmeasured.items() if count
                },
                "missing": each.missing,
                "loss_ppm": each.loss_ppm,
                "carried": each.carried,
                "repeated": each.repeated,
            }
            for each in record.coverage
        ],
    }


def _observations(record: RunRecord) -> Iterator[dict[str, object]]:
    for host in record.hosts:
        for seen in host.observations:
            yield {
                "type": "observation",
                "host": host.host.name or str(host.host.address),
                "ip": str(host.host.address),
                "port": seen.endpoint.port,
                "protocol": seen.endpoint.transport,
                "tls": seen.service is not None and seen.service.tls is not None,
                "timestamp": _rfc3339(seen.at),
                "state": seen.state,
                "reason": seen.reason,
                "rtt_us": seen.rtt_us,
                "service": seen.service.name if seen.service else None,
                "product": seen.service.product if seen.service else None,
                "own": seen.endpoint in record.own_listeners,
            }


def _gaps(record: RunRecord) -> Iterator[dict[str, object]]:
    """Give what was not measured, per host and cause: it must not vanish from a pipe either."""
    for host in record.hosts:
        for fault, ports in host.unmeasured.items():
            name = host.host.name or str(host.host.address)
            yield _gap(name, str(host.host.address), host.transport, ports, fault)
    for name, transport, asked in _unresolved(record):
        yield _gap(name, None, transport, asked, LocalFault.UNRESOLVED)


def _gap(
    name: str, address: str | None, transport: Transport, ports: PortSet, fault: LocalFault
) -> dict[str, object]:
    return {
        "type": "unmeasured",
        "host": name,
        "ip": address,
        "protocol": transport,
        "ports": str(ports),
        "fault": fault,
    }


def _unresolved(record: RunRecord) -> Iterator[tuple[str, Transport, PortSet]]:
    for resolution in record.plan.resolutions:
        for transport in Transport:
            asked = resolution.ports(transport)
            if asked and not resolution.addresses:
                yield resolution.name, transport, asked


def _service(seen: Observation) -> str:
    return f"{seen.service.name} {seen.service.product}".strip() if seen.service else ""


def _rfc3339(at: datetime) -> str:
    """Write an instant in UTC, to the microsecond, with `Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _rest(host: HostOutcome, *, reasons: bool) -> str:
    """Count what is not listed, by state, and what was not measured, by fault."""
    listed = PortSet.of(*(seen.endpoint.port for seen in host.observations))
    told = []
    for state, ports in host.states.items():
        left = ports - listed
        if left:
            why = f" ({_why(host, left)})" if reasons else ""
            told.append(f"{len(left):,} {state}{why}")
    return ", ".join(each for each in (*told, _not_measured(host)) if each)


def _not_measured(host: HostOutcome) -> str:
    counts = {fault: len(ports) for fault, ports in host.unmeasured.items()}
    return ", ".join(
        f"{count:,} not measured ({fault})" for fault, count in counts.items() if count
    )


def _why(host: HostOutcome, ports: PortSet) -> str:
    counts = {reason: len(held & ports) for reason, held in host.reasons.items()}
    ranked = sorted(counts.items(), key=lambda each: -each[1])
    if len([count for count in counts.values() if count]) == 1:
        return str(ranked[0][0])
    return ", ".join(f"{count:,} {reason}" for reason, count in ranked if count)
