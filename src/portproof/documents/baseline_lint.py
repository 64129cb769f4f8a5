"""All that is wrong with a baseline, in every environment, as a value instead of an error."""

from __future__ import annotations

from pathlib import Path

from portproof.documents.baseline import check_baseline
from portproof.errors import DocumentError
from portproof.model.linted import Linted
from portproof.model.vantage import Vantages


def lint_baseline(path: Path, *, vantages: Vantages | None) -> Linted:
    """Look through a baseline, the files that it includes, and each of its environments."""
    try:
        base, environments = check_baseline(path, vantages=vantages)
    except DocumentError as error:
        return Linted(file=str(path), faults=error.faults)
    return Linted(
        file=str(path),
        files=base.files,
        entries=len(base.approved),
        proposed=len(base.entries) - len(base.approved),
        environments=environments,
    )
