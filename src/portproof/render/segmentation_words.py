"""How cells, paths and gaps are put into words, the same in terminal, page and JSON."""

from __future__ import annotations

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


def gap_text(gap: Gap) -> str:
    """Say what a complete test lacks: `10.66.0.9 not proved alive from inside its own zone`."""
    place = "" if gap.address is None else bracketed(gap.address)
    if gap.ports is not None:
        ports = f"{ports_text(str(gap.ports))}/{gap.transport}"
        place = f"{place}:{ports}" if place else ports
    said = f"{place} {gap.kind}".strip()
    return f"{said} ({gap.detail})" if gap.detail else said


def expected_text(cell: Cell) -> str:
    """Say what is expected of a cell: `deny (by default)`, `allow list of 2`."""
    rule = cell.rule
    if rule.allowed:
        return f"allow list of {len(rule.allowed)}"
    return "deny" if rule.location else "deny (by default)"
