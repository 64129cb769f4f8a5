"""What the exit code of a segmentation check says: as that of `check` (policy.exit_code)."""

from __future__ import annotations

from portproof.model.finding import Severity
from portproof.model.segmentation_result import CellState, Matrix
from portproof.policy.exit_code import CLEAN, DEVIATES, INCONCLUSIVE


def segmentation_exit_code(matrix: Matrix, fail_on: Severity) -> int:
    """Give 0 (every cell supported), 1 (a path at or above `fail_on`), or 3, which wins over 1.

    3 is a cell that lacks evidence, also where another one has a path: nobody knows what else there
    is.
    """
    unknown = any(
        each.gaps or each.state in (CellState.NOT_EVALUATED, CellState.INSUFFICIENT)
        for each in matrix.cells
    )
    if unknown:
        return INCONCLUSIVE
    worst = max((each.worst.rank for each in matrix.cells if each.worst), default=-1)
    return DEVIATES if worst >= fail_on.rank else CLEAN
