"""How cells, paths and gaps are put into words, the same in terminal, page and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from portproof.model.endpoint import bracketed
from portproof.model.segmentation_result import Cell, CellState, Gap, Path

NOT_A_PENETRATION_TEST = (
    "This is evidence about segmentation controls. It is not a penetration test: ports were asked "
    "whether they can be reached, nothing was exploited, and no way around a control was looked for. "
    "Whether PCI DSS 11.4.5 or 11.4.6 is met is for the assessor to say."
)
DEFAULT_DENY = "Cells that the policy does not list are denied: nothing may cross."
MARKS = {
    CellState.SUPPORTED: "supported",
    CellState.EXCEPTIONS: "exceptions",
    CellState.INSUFFICIENT: "insufficient",
    CellState.NOT_EVALUATED: "not evaluated",
}
"""One word or two for each state: what fits into a cell of a table 80 columns wide."""
_LONGEST_PORTS = 60
_LONGEST_ZONE = 28
_MOST_HOSTS = 8
"""Hosts named of those that lack the same; the JSON has them all."""


def ports_text(text: str) -> str:
    """Write ports for readers: all of them as `1-65535`, and a long list cut with its length told."""
    if text == "-":
        return "1-65535"
    if len(text) <= _LONGEST_PORTS:
        return text
    shown, _, _ = text[:_LONGEST_PORTS].rpartition(",")
    return f"{shown},… ({text.count(',') + 1} ranges)"


def path_text(path: Path) -> str:
    """Say what crossed: `10.66.0.2:22/tcp answered open (ssh)`."""
    ports = ports_text(str(path.ports))
    place = f"{bracketed(path.address)}:{ports}/{path.transport}"
    service = f" ({path.service})" if path.service else ""
    own = ", portproof's own sink" if path.own_sink else ""
    return f"{place} {path.how}{service}{own}"


def merged_paths(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Give the paths with those joined that differ in their ports and evidence alone, worst first."""
    joined: dict[tuple[object, ...], Path] = {}
    for each in paths:
        key = (each.address, each.transport, each.how, each.run_id, each.service, each.trace)
        known = joined.get((*key, each.own_sink))
        joined[(*key, each.own_sink)] = each if known is None else _joined(known, each)
    return tuple(sorted(joined.values(), key=lambda each: -each.severity.rank))


def _joined(one: Path, other: Path) -> Path:
    evidence = tuple(dict.fromkeys((*one.evidence, *other.evidence)))
    return replace(one, ports=one.ports | other.ports, evidence=evidence)


def gap_lines(gaps: Sequence[Gap]) -> tuple[str, ...]:
    """Say what a complete test lacks, a line for all hosts that lack the same.

    `10.66.0.9 and 10.66.0.10: 1-1024/tcp not asked`.
    """
    lacking: dict[str, list[str]] = {}
    for gap in gaps:
        hosts = lacking.setdefault(_lack(gap), [])
        if gap.address is not None:
            hosts.append(bracketed(gap.address))
    return tuple(
        f"{_named(dict.fromkeys(hosts))}: {lack}" if hosts else lack
        for lack, hosts in lacking.items()
    )


def _lack(gap: Gap) -> str:
    ports = f"{ports_text(str(gap.ports))}/{gap.transport} " if gap.ports is not None else ""
    return f"{ports}{gap.kind} ({gap.detail})" if gap.detail else f"{ports}{gap.kind}"


def _named(hosts: Iterable[str]) -> str:
    listed = list(hosts)
    if len(listed) <= _MOST_HOSTS:
        return ", ".join(listed)
    return f"{', '.join(listed[:_MOST_HOSTS])} and {len(listed) - _MOST_HOSTS:,} more"


def short_zone(name: str) -> str:
    """Cut a zone's name for a table, where a long one would push all else away."""
    return name if len(name) <= _LONGEST_ZONE else f"{name[: _LONGEST_ZONE - 1]}…"


def expected_text(cell: Cell) -> str:
    """Say what is expected of a cell: `default deny`, `allow list of 2`."""
    rule = cell.rule
    if rule.allowed:
        return f"allow list of {len(rule.allowed)}"
    return "deny" if rule.location else "default deny"


def paths_word(cell: Cell) -> str:
    """Count the endpoints on forbidden paths, with the worst severity: `3 critical`, `0`."""
    return f"{cell.crossed:,} {cell.worst}" if cell.worst else f"{cell.crossed:,}"
