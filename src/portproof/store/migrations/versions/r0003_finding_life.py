"""The life of findings beyond runs: who did what, owners, tickets, claimed fixes, false positives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_OF_EVENT = ("actor", "actor_source", "value", "digest", "closed_by")
_OF_FINDING = ("closed_by", "assigned_to", "ticket", "claimed_at", "changed_at")


def upgrade() -> None:
    """Add the columns; of what happened before, only the last change is told by the events."""
    for table, names in (("finding_event", _OF_EVENT), ("finding", _OF_FINDING)):
        for name in names:
            op.add_column(table, sa.Column(name, sa.String(), nullable=True))
    op.execute(
        "UPDATE finding SET changed_at = (SELECT at FROM finding_event "
        "WHERE finding_event.finding = finding.fingerprint AND kind <> 'seen' "
        "ORDER BY seq DESC LIMIT 1)"
    )
