"""Targets of sources: each fetch, append-only, and the targets that the fetches have made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create both tables, empty."""
    op.create_table(
        "source_fetch",
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("source", "at", "outcome", "because", "digest")
        ),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_source_fetch"),
        sa.ForeignKeyConstraint(["seq"], ["leaf.seq"], name="fk_source_fetch_seq"),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name="fk_source_fetch_digest"),
    )
    op.create_index("ix_source_fetch_source", "source_fetch", ["source"])
    op.create_table(
        "target",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("retired_at", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", name="pk_target"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER source_fetch_no_{action.lower()} BEFORE {action} ON source_fetch "
                "BEGIN SELECT RAISE(ABORT, 'source_fetch is append-only'); END"
            )
