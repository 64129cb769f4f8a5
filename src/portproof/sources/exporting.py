"""Our own targets in the shapes that other programs, and our own sources, read.

`file_sd` and `http_sd` are the same list of target groups, one group for each asset; its identity
goes along as the label `portproof_id`. Cells of CSV that a spreadsheet would run as a formula are
written with an apostrophe before them, which it shows as text.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any, Final

from portproof.model.endpoint import bracketed
from portproof.model.source import SourcedTarget
from portproof.sources.csv_register import MEANINGS
from portproof.sources.prometheus import IDENTITY, KIND, UDP

FORMS: Final = ("file_sd", "http_sd", "json", "csv")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet runs (OWASP, CSV injection)."""


def exported(targets: Iterable[tuple[str, SourcedTarget]], form: str) -> str:
    """Write targets, each with the identity it is exported under, in one of `FORMS`."""
    match form:
        case "json":
            return _json([_record(identity, each) for identity, each in targets])
        case "csv":
            return _csv(targets)
        case _:
            return _json([_group(identity, each) for identity, each in targets])


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def _group(identity: str, target: SourcedTarget) -> dict[str, Any]:
    """Give one asset as a target group; one without ports lists its hosts bare."""
    hosts = [*map(bracketed, target.addresses), *target.names]
    tcp = list(target.ports.tcp) if target.ports else []
    said = {
        IDENTITY: identity,
        KIND: target.kind,
        UDP: ",".join(map(str, target.ports.udp)) if target.ports else "",
        **_labels(target),
    }
    return {
        "targets": [f"{host}:{port}" for host in hosts for port in tcp] or hosts,
        "labels": {name: value for name, value in said.items() if value},
    }


def _labels(target: SourcedTarget) -> Mapping[str, str]:
    return {
        "owner": target.owner,
        "tags": ",".join(target.tags),
        "tier": str(target.tier.value) if target.tier else "",
        "capability": target.capability,
        "zone": target.zone,
    }


def _record(identity: str, target: SourcedTarget) -> dict[str, Any]:
    return {
        "id": identity,
        "kind": target.kind,
        "addresses": [str(each) for each in target.addresses],
        "names": list(target.names),
        "owner": target.owner,
        "tags": list(target.tags),
        "tier": target.tier.value if target.tier else None,
        "capability": target.capability,
        "zone": target.zone,
        "ports": str(target.ports) if target.ports else None,
        "seen_at": target.seen_at.isoformat(),
        "attributes": dict(sorted(target.attributes.items())),
    }


def _csv(targets: Iterable[tuple[str, SourcedTarget]]) -> str:
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")  # RFC 4180 §2
    writer.writerow(MEANINGS)
    for identity, each in targets:
        row = {
            "id": identity,
            "kind": each.kind,
            "address": " ".join(map(str, each.addresses)),
            "name": " ".join(each.names),
            **_labels(each),
            "ports": str(each.ports) if each.ports else "",
        }
        writer.writerow([_harmless(row[name]) for name in MEANINGS])
    return written.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
