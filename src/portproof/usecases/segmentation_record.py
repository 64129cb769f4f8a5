"""Keep what a segmentation check came to, and find the record that a report may rest on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from portproof import __version__
from portproof.contracts import Store
from portproof.model.scan import RunRecord
from portproof.model.segmentation import Segmentation
from portproof.model.segmentation_record import (
    Clocks,
    Judged,
    KeptMatrix,
    PolicyCommit,
    RecordSummary,
    RunUsed,
)
from portproof.model.segmentation_result import Matrix, RunTold


class MatrixBook(Protocol):
    """Keeps segmentation matrices as they were judged, each a leaf of the log."""

    def keep(self, judged: Judged) -> tuple[KeptMatrix, bool]:
        """Append a matrix, unless it says what a kept one says; gives it as kept, and whether it is new."""
        ...

    def summaries(self, limit: int | None = None) -> Sequence[RecordSummary]:
        """List the kept matrices, newest first."""
        ...

    def load(self, seq: int) -> KeptMatrix:
        """Give the matrix of a leaf.

        Raises:
            StoreError: that leaf is no matrix.
        """
        ...

    def clocks(self) -> Clocks:
        """Give what due dates of segmentation tests are counted from."""
        ...


def keep_matrix(
    store: Store,
    book: MatrixBook,
    matrix: Matrix,
    at: datetime,
    commit: PolicyCommit | None = None,
) -> tuple[KeptMatrix, bool]:
    """Append the matrix to the log with the runs it rests on; gives it as kept, and whether it is new.

    `commit` is the one that brought the policy; None where nobody knows. What says the same as a kept one (the same policy, runs, sink logs and cells) is not kept again.

    Raises:
        StoreError: it cannot be kept, or one of its runs is gone.
    """
    told: dict[str, RunTold] = {each.run_id: each for cell in matrix.cells for each in cell.runs}
    used = tuple(
        RunUsed(
            run_id=run_id,
            vantage=each.vantage,
            zone=each.zone,
            outcome=store.outcome_digest(run_id),
        )
        for run_id, each in sorted(told.items())
    )
    return book.keep(
        Judged(matrix=matrix, runs=used, at=at, tool_version=__version__, commit=commit)
    )


def record_at_hand(
    book: MatrixBook | None, policy: Segmentation | None, run: RunRecord
) -> KeptMatrix | None:
    """Give the last record of this version of the policy whose tests lie near the run.

    Near is what makes runs one test: the window that the record itself was judged on. None: there
    is no such record, or nothing to look for it in.

    Raises:
        StoreError: the database cannot be read, or the record is damaged.
    """
    if book is None or policy is None:
        return None
    for each in book.summaries():
        if each.policy == policy.digest and each.is_near(run.finished):
            return book.load(each.seq)
    return None
