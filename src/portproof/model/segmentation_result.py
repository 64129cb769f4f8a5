"""What a segmentation test came to: the matrix, its cells, and why each cell says what it says.

The states are the words of a control (`model.compliance.ControlWord`): absence of evidence has a
type of its own here too (law 1), and a cell is *supported* only where nothing is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portproof.model.endpoint import Address, Transport
from portproof.model.finding import Severity, SeverityStep
from portproof.model.ports import PortSet
from portproof.model.scan import RunStatus
from portproof.model.segmentation import CellRule, Segmentation


class CellState(StrEnum):
    """What the evidence says of one cell."""

    SUPPORTED = "supported"
    """Every target was proved alive and asked, and nothing crossed that may not."""
    EXCEPTIONS = "exceptions noted"
    """Something crossed that may not."""
    INSUFFICIENT = "insufficient evidence"
    NOT_EVALUATED = "not evaluated"
    """No run of the window asked anything of it."""


class Crossing(StrEnum):
    """How it is known that packets crossed."""

    OPEN = "answered open"
    RESET = "reset in the target's name"
    UNREACHABLE = "ICMP unreachable from the target"
    ARRIVED = "arrived at the sink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Ports of one address that were reached though the policy forbids it."""

    address: Address
    transport: Transport
    ports: PortSet
    """One port where something answered open; else all with the same kind of crossing."""
    how: Crossing
    run_id: str
    vantage: str
    at: datetime
    """When the run finished that saw it last."""
    severity: Severity
    trace: tuple[SeverityStep, ...]
    service: str = ""
    """What answered; empty when nothing identified itself."""
    own_sink: bool = False
    """Whether portproof's own sink was what answered: the path is real, the service is ours."""
    evidence: tuple[str, ...] = ()
    """Digests of raw records in the store."""


class GapKind(StrEnum):
    """Why a cell is not supported although no path was seen."""

    NO_TARGET = "no target was asked"
    NOT_ASKED = "not asked"
    NOT_MEASURED = "not measured"
    NOT_ALIVE = "not proved alive from inside its own zone"
    SENDER_UNKNOWN = "who sent the refusal is not known"
    BOUNDARY_RESET = "a reset that may be the boundary's own"
    UDP_UNPROVED = "UDP silence without a paired sink or a valid answer from inside"
    INCONCLUSIVE = "only runs that may conclude nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that a complete test lacks."""

    kind: GapKind
    address: Address | None = None
    transport: Transport | None = None
    ports: PortSet | None = None
    """None where it is about the whole host or cell."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTold:
    """One run as the record of a cell names it."""

    run_id: str
    vantage: str
    zone: str
    operator: str
    started: datetime
    finished: datetime
    status: RunStatus
    status_reason: str
    engine: str
    tool_version: str
    started_by: str
    """What the run says it was started by; empty where it says nothing."""
    controls: int
    controls_as_expected: int
    longest_gap_ms: int | None
    """The longest interval without a witness; None where the run had no silence to witness."""
    inside: bool
    """Whether it looked from inside the target zone: it proves targets alive."""
    through: str = ""
    """The proxy or jump host that opened its connections; empty: they left from the vantage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the matrix."""

    rule: CellRule
    state: CellState
    targets: tuple[Address, ...]
    """What a complete test had to ask."""
    alive: tuple[Address, ...]
    """Of them, those proved alive from inside."""
    unused: int
    """Addresses of a swept network at which no neighbour answered from inside: no targets."""
    tcp: PortSet
    udp: PortSet
    """The ports that were measured of some target."""
    endpoints: int
    """How many endpoints were measured."""
    allowed_seen: int
    """Endpoints on the allow list that answered open."""
    paths: tuple[Path, ...]
    earlier: tuple[Path, ...]
    """Paths that an earlier run of the window saw and a later one did not see again."""
    gaps: tuple[Gap, ...]
    runs: tuple[RunTold, ...]
    tested_at: datetime | None
    """When the latest conclusive run from the source zone finished; None without one."""
    sinks: tuple[Address, ...] = ()
    """Of the targets, those at which a sink of ours was listening, and heard something, all through
    a run."""

    @property
    def crossed(self) -> int:
        """How many endpoints lie on paths that the policy forbids."""
        return sum(len(each.ports) for each in self.paths)

    @property
    def complete(self) -> bool:
        """Whether the test lacks nothing: only such a one resets a due-date clock."""
        return self.tested_at is not None and not self.gaps

    @property
    def worst(self) -> Severity | None:
        """Give the worst severity of its paths; None without any."""
        return max((each.severity for each in self.paths), key=lambda one: one.rank, default=None)


@dataclass(frozen=True, slots=True)
class SinkUsed:
    """A sink's log that was read."""

    file: str
    digest: str
    """SHA-256 of its bytes, lower-case hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTest:
    """The last valid complete test of a cell: what its due-date clocks run from."""

    source: str
    target: str
    at: datetime | None
    """None: there was none."""
    started_by: str = ""
    """What started it; empty where the run does not say."""
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All cells of a policy, judged on the runs of one window."""

    policy: Segmentation
    since: datetime
    until: datetime
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    cells: tuple[Cell, ...]
    """Row by row; there is none where source and target are the same zone."""
    last: tuple[LastTest, ...] = ()
    """In the order of the cells; empty where nobody looked beyond the window."""
    sinks: tuple[SinkUsed, ...] = ()

    def cell(self, source: str, target: str) -> Cell | None:
        """Find a cell; None inside a zone, and for zones that are not in the matrix."""
        held = (each for each in self.cells if each.rule.source == source)
        return next((each for each in held if each.rule.target == target), None)

    @property
    def tested_at(self) -> datetime | None:
        """When the latest run finished that a cell rests on; None where no cell was tested."""
        return max((each.tested_at for each in self.cells if each.tested_at), default=None)

    def count(self, state: CellState) -> int:
        """Count the cells in a state."""
        return sum(each.state is state for each in self.cells)
