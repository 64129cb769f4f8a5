"""Runs that continue an interrupted one: which one it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; no earlier run continues another."""
    op.add_column("run", sa.Column("continues", sa.String(), nullable=True))
