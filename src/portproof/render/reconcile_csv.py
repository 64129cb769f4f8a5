"""A reconciliation as CSV: a row for each port or rule, as a review of rules goes through them.

The stale rules, *allowed but nothing listening*, are what a review after PCI DSS v4.0.1 §1.2.7 has
to look at.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from portproof.model.reconcile import ReconcileDocument, ReconcileRow
from portproof.render.csv_text import to_csv

_OF_RUN: Final = ("run", "at", "vantage", "zone")
_COLUMNS: Final = (*ReconcileRow.__dataclass_fields__, *_OF_RUN)


def reconcile_csv(document: ReconcileDocument) -> str:
    """Write one row per row, under the names of the fields, each with the run it is from."""
    run = {name: getattr(document, name) for name in _OF_RUN}
    return to_csv(_COLUMNS, (asdict(each) | run for each in document.rows))
