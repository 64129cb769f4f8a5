"""What a check's exit code says."""

from __future__ import annotations

from typing import Final

from portproof.model.finding import Evaluation, Severity
from portproof.model.scan import RunRecord

CLEAN: Final = 0
DEVIATES: Final = 1
INCONCLUSIVE: Final = 3


def exit_code(evaluation: Evaluation, run: RunRecord, fail_on: Severity) -> int:
    """Give 0 (clean), 1 (a deviation at or above `fail_on`), or 3, which wins over 1.

    3 is an inconclusive or interrupted run, or UNKNOWN on something required: nobody knows. A
    waived deviation does not count.
    """
    if not run.conclusive or any(each.required for each in evaluation.unknown):
        return INCONCLUSIVE
    worst = max((each.severity.rank for each in evaluation.deviations if each.severity), default=-1)
    return DEVIATES if worst >= fail_on.rank else CLEAN
