"""A run as it was measured, before anyone judged it: for `portproof scan`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from portproof.model.observation import Observation
from portproof.model.scan import HostOutcome, RunRecord
from portproof.render.neutral import PEER_LIMIT, visible


def ports_table(record: RunRecord) -> Table:
    """Give the noteworthy ports of each host, and the counted rest in one line a host."""
    table = Table("host", "port", "state", "reason", "service", "rest", box=SIMPLE_HEAD)
    for host in record.hosts:
        rest = _rest(host)
        address = str(host.host.address)
        for seen in host.observations:
            own = "portproof's own" if seen.endpoint in record.own_listeners else ""
            # Text, not str: rich reads brackets in strings as markup, and a banner may hold any.
            service = Text(f"{visible(_service(seen), PEER_LIMIT)} {own}".strip())
            port = f"{seen.endpoint.port}/{seen.endpoint.transport}"
            table.add_row(address, port, seen.state, seen.reason, service, rest)
            address = rest = ""
        if rest:
            table.add_row(address, f"…/{host.transport}", "", "", "", rest)
    return table


def to_jsonl_lines(record: RunRecord) -> str:
    """Give one JSON object a line: the run first (`type` config), then each noteworthy port."""
    lines = [json.dumps(_config(record), sort_keys=True)]
    lines += [json.dumps(each, sort_keys=True) for each in _observations(record)]
    return "\n".join(lines) + "\n"


def _config(record: RunRecord) -> dict[str, object]:
    return {
        "type": "config",
        "run": record.plan.run_id,
        "status": record.status,
        "status_reason": record.status_reason,
        "scope": record.plan.scope,
        "vantage": record.plan.vantage.id,
        "zone": record.plan.vantage.zone,
        "started": record.started.isoformat(),
        "finished": record.finished.isoformat(),
        "coverage": [
            {
                "transport": each.transport,
                "planned": each.planned,
                "measured": each.measured,
                "unmeasured": {
                    fault.value: count for fault, count in each.unmeasured.items() if count
                },
                "missing": each.missing,
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
                "timestamp": seen.at.isoformat(),
                "state": seen.state,
                "reason": seen.reason,
                "rtt_us": seen.rtt_us,
                "service": seen.service.name if seen.service else None,
                "product": seen.service.product if seen.service else None,
                "own": seen.endpoint in record.own_listeners,
            }


def _service(seen: Observation) -> str:
    return f"{seen.service.name} {seen.service.product}".strip() if seen.service else ""


def _rest(host: HostOutcome) -> str:
    """Count what is not listed, by state, and what was not measured, by fault."""
    listed = {seen.endpoint.port for seen in host.observations}
    counts = {
        state.value: sum(p not in listed for p in ports) for state, ports in host.states.items()
    }
    counts |= {f"not measured ({fault})": len(ports) for fault, ports in host.unmeasured.items()}
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
