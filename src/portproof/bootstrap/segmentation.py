"""What the segmentation commands are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from portproof.assets import policies_dir, reports_dir
from portproof.bootstrap import Application
from portproof.documents import load_segmentation, load_service_rules
from portproof.documents.segmentation_commit import policy_commit
from portproof.errors import SettingsError
from portproof.policy.segmentation import SegmentationCase
from portproof.policy.services import RuleBook
from portproof.render.segmentation_history import cell_table, clocks_tables, records_table
from portproof.render.segmentation_json import clocks_json, segmentation_json
from portproof.render.segmentation_terminal import (
    history_table,
    matrix_table,
    segmentation_notes,
)

if TYPE_CHECKING:
    from portproof.model.segmentation import Segmentation
    from portproof.model.segmentation_record import KeptMatrix, PolicyCommit
    from portproof.model.segmentation_result import Matrix

__all__ = [
    "cell_table",
    "clocks_json",
    "clocks_tables",
    "history_table",
    "matrix_table",
    "policy_commit_of",
    "records_table",
    "segmentation_case",
    "segmentation_json",
    "segmentation_notes",
    "write_segmentation_report",
]


def segmentation_case(app: Application, named: Path | None) -> SegmentationCase:
    """Give the policy (as named, else as configured) with the documents around it.

    Raises:
        SettingsError: no policy is named.
        DocumentError: a document has faults.
    """
    path = named or app.settings.segmentation
    if path is None:
        raise SettingsError(
            "no segmentation policy is named: the configuration file has no 'segmentation', and "
            "there is no --policy; docs/segmentation.md shows how to write one"
        )
    return SegmentationCase(
        policy=load_segmentation(path, vantages=app.vantages),
        vantages=app.vantages,
        rules=RuleBook(load_service_rules(policies_dir() / "service-rules.yaml")),
    )


def policy_commit_of(policy: Segmentation) -> PolicyCommit | None:
    """Give the commit that brought the policy; None where git does not have it as it was read."""
    return policy_commit(Path(policy.file), policy.digest)


def write_segmentation_report(
    app: Application,
    matrix: Matrix,
    kept: KeptMatrix | None,
    out: Path,
    forms: Sequence[str],
) -> list[Path]:
    """Write the matrix into the folder `out`, in the forms (`REPORT_FORMATS`); gives the files.

    `kept` is the record that it was read from, if it was.

    Raises:
        RenderError: a file cannot be written, the template is broken, or a library is missing.
    """
    # Jinja is loaded by whoever wants a report.
    from portproof.render.segmentation_page import Cover, Drawn, write_report  # noqa: PLC0415

    imprint = app.imprint
    cover = Cover(
        entity=imprint.entity,
        classification=imprint.classification,
        operator=imprint.operator,
        issued_at=app.clock.now(),
    )
    drawn = Drawn(matrix, kept, cover)
    return write_report(drawn, templates=reports_dir(), out=out, forms=forms)
