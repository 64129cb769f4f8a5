"""The entries of a baseline as they hold, each with the places that made it so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from portproof.model.baseline import Baseline, BaselineEntry, SourceLocation
from portproof.render.neutral import visible

SCHEMA: Final = "portproof.effective-baseline/1"

_WORDS: Final = {"hosts": "to", "zones": "from"}
"""The words of the file for keys of the model."""


def effective_text(entries: Iterable[BaselineEntry]) -> Iterator[str]:
    """Give some lines per entry: what it approves, where it stands, and what changed it."""
    for entry in entries:
        direction = f"{', '.join(entry.zones)} → {', '.join(entry.hosts_text)}"
        extra = _extra(entry)
        yield visible(f"{entry.id} ({entry.status}): {direction}, {_ports(entry)}{extra}")
        made = f"  template {entry.template}" if entry.template else ""
        yield visible(f"    {_place(entry.location)}{made}")
        for each in entry.changed:
            word = _WORDS.get(each.key, each.key)
            yield visible(f"    {word} changed at {_place(each.location)}")
        if entry.environment:
            yield visible(f"    added by environment {entry.environment}")


def effective_json(baseline: Baseline, entries: Iterable[BaselineEntry]) -> str:
    """Write the entries with their places as one JSON document, keys in a fixed order."""
    told = {
        "schema": SCHEMA,
        "file": baseline.file,
        "digest": baseline.digest,
        "environment": baseline.environment,
        "entries": [_as_json(each) for each in entries],
    }
    return json.dumps(told, indent=2) + "\n"


def _as_json(entry: BaselineEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "status": entry.status,
        "from": list(entry.zones),
        "to": list(entry.hosts_text),
        "networks": [str(each) for each in entry.networks],
        "names": list(entry.names),
        "ids": list(entry.ids),
        "transport": entry.transport,
        "ports": str(entry.ports),
        "presence": entry.presence,
        "service": entry.service,
        "tls_at_least": entry.tls_at_least,
        "owner": entry.owner,
        "location": _place(entry.location),
        "template": entry.template,
        "added_by": entry.environment,
        "changed": {
            _WORDS.get(each.key, each.key): _place(each.location) for each in entry.changed
        },
    }


def _ports(entry: BaselineEntry) -> str:
    text = str(entry.ports)
    return f"{entry.transport} {'1-65535' if text == '-' else text}"


def _extra(entry: BaselineEntry) -> str:
    parts = [entry.presence.value]
    if entry.service:
        parts.append(entry.service)
    if entry.tls_at_least is not None:
        parts.append(f"TLS {entry.tls_at_least} or newer")
    return f"; {', '.join(parts)}"


def _place(location: SourceLocation) -> str:
    return f"{location.file}:{location.line}:{location.column}"
