"""A matrix that was judged and kept: one leaf of the log, and what its due dates are counted from.

The whole matrix is kept, so that an earlier statement can be shown again as it was made, whatever
has become of the policy and the runs since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portproof.model.segmentation_result import CellState, Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUsed:
    """A run that a matrix was judged on, and the digest of what it showed."""

    run_id: str
    vantage: str
    zone: str
    outcome: str
    """SHA-256 of the run's outcome document, lower-case hex; empty: it had none, its process died."""


@dataclass(frozen=True, slots=True)
class PolicyCommit:
    """The commit that brought a version of the policy."""

    id: str
    at: datetime
    """When it was committed, in the committer's own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A matrix with what it was judged on: all that is kept, but for its place in the log.

    The tester, the sink logs and the policy's digest are the matrix's own.
    """

    matrix: Matrix
    runs: tuple[RunUsed, ...]
    at: datetime
    """When it was judged, by the clock of the machine that judged it; `matrix.until` may be earlier."""
    tool_version: str
    commit: PolicyCommit | None = None
    """The commit of the policy; None where git does not have it as it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMatrix:
    """A judged matrix as the log has it."""

    judged: Judged
    seq: int
    """Its leaf."""
    digest: str
    """SHA-256 of its document, lower-case hex: `portproof evidence show` prints that."""

    @property
    def matrix(self) -> Matrix:
        """The matrix itself."""
        return self.judged.matrix

    @property
    def is_whole(self) -> bool:
        """Whether each cell is supported; a matrix without cells says nothing."""
        cells = self.matrix.cells
        return bool(cells) and all(each.state is CellState.SUPPORTED for each in cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSummary:
    """One kept matrix as a list shows it."""

    seq: int
    digest: str
    at: datetime
    since: datetime
    until: datetime
    """The window that it was judged on, both ends included."""
    tested_at: datetime | None
    """When the latest run finished that a cell rests on; None where no cell was tested."""
    policy: str
    """SHA-256 of the policy's document."""
    cells: int
    supported: int
    crossed: int
    """Endpoints on paths that the policy forbids."""

    def is_near(self, instant: datetime) -> bool:
        """Whether its latest test and that instant lie no further apart than the runs of one test."""
        if self.tested_at is None:
            return False
        return abs(instant - self.tested_at) <= self.until - self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class PairClock:
    """What the due dates of one pair of zones are counted from; None: there was none so far."""

    source: str
    target: str
    supported_at: datetime | None
    """When the last test finished of which every port of every target conforms, and nothing lacks."""
    supported_by: int | None
    """The leaf that says so first."""
    complete_at: datetime | None
    """The same of tests that lack nothing, whether or not they found a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A version of the segmentation policy, and since when matrices have been judged by it."""

    file: str
    digest: str
    judged_from: datetime
    """When a matrix was judged by it first: the change itself was made no later."""
    committed: datetime | None
    """When it was committed, as git has it; None where no record of it names a commit."""
    seq: int
    """The leaf of the first matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """All that due dates of segmentation tests are counted from."""

    pairs: tuple[PairClock, ...] = ()
    policies: tuple[PolicyVersion, ...] = ()
    """Oldest first; a version that comes back stands here again."""
