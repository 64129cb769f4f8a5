"""Segmentation matrices: each one that was judged, append-only, and its cells."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TABLES = ("segmentation_record", "segmentation_cell")


def upgrade() -> None:
    """Create both tables, empty."""
    op.create_table(
        "segmentation_record",
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        *_texts("at", "since", "until", "policy_file", "policy_digest", "content", "digest"),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("policy_version", "cells", "supported", "crossed")
        ),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("tested", "policy_committed")),
        sa.PrimaryKeyConstraint("seq", name="pk_segmentation_record"),
        sa.ForeignKeyConstraint(["seq"], ["leaf.seq"], name="fk_segmentation_record_seq"),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name="fk_segmentation_record_digest"),
        sa.UniqueConstraint("content", name="uq_segmentation_record_content"),
    )
    op.create_table(
        "segmentation_cell",
        sa.Column("seq", sa.Integer(), nullable=False),
        *_texts("source", "target", "state"),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("seq", "source", "target", name="pk_segmentation_cell"),
        sa.ForeignKeyConstraint(
            ["seq"], ["segmentation_record.seq"], name="fk_segmentation_cell_seq"
        ),
    )
    op.create_index(
        "ix_segmentation_cell_source_target_state",
        "segmentation_cell",
        ["source", "target", "state"],
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for action in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]
