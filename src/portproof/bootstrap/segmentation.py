"""What the segmentation commands are put together from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from portproof.assets import policies_dir, reports_dir
from portproof.bootstrap import Application
from portproof.documents import load_segmentation, load_service_rules
from portproof.errors import SettingsError
from portproof.policy.segmentation import SegmentationCase
from portproof.policy.services import RuleBook
from portproof.render.segmentation_json import segmentation_json
from portproof.render.segmentation_page import write_page
from portproof.render.segmentation_terminal import (
    history_table,
    matrix_table,
    segmentation_notes,
)

if TYPE_CHECKING:
    from portproof.model.segmentation_result import Matrix

__all__ = [
    "history_table",
    "matrix_table",
    "segmentation_case",
    "segmentation_json",
    "segmentation_notes",
    "write_segmentation_page",
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


def write_segmentation_page(app: Application, matrix: Matrix, out: Path) -> list[Path]:
    """Write the matrix as a page and as JSON into the folder `out`; gives the files.

    Raises:
        RenderError: a file cannot be written, or the template is broken.
    """
    imprint = app.imprint
    return write_page(
        matrix,
        imprint_of=(imprint.entity, imprint.classification, imprint.operator),
        issued_at=app.clock.now(),
        templates=reports_dir(),
        out=out,
    )
