"""The first schema: the log, runs, findings, intervals.

The tables are spelled out, not taken from `store.tables`: a migration that changed with the
models would no longer be what made the databases that exist.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_APPEND_ONLY = ("leaf", "blob", "finding_event", "evaluation", "refusal")


def upgrade() -> None:
    """Create everything, and an empty log."""
    _create_log()
    _create_runs()
    _create_findings()
    op.execute("INSERT INTO frontier (id, size, nodes) VALUES (1, 0, x'')")
    if op.get_bind().dialect.name == "sqlite":
        _create_triggers()


def _text(name: str, *constraints: sa.ForeignKey, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), *constraints, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=f"fk_{table}_{column}")


def _sequence() -> sa.Column[int]:
    return sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False)


def _create_log() -> None:
    op.create_table(
        "leaf",
        _sequence(),
        _text("kind"),
        _text("at"),
        _bytes("data"),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("seq", name="pk_leaf"),
    )
    op.create_table(
        "frontier",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        _number("size"),
        _bytes("nodes"),
        sa.CheckConstraint("id = 1", name="ck_frontier_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_frontier"),
    )
    op.create_table(
        "blob",
        _text("digest"),
        _number("size"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("digest", name="pk_blob"),
    )
    op.create_table(
        "refusal",
        _sequence(),
        *(_text(name) for name in ("at", "code", "subject", "problem")),
        _refers("refusal", "seq", "leaf.seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_refusal"),
    )


def _create_runs() -> None:
    op.create_table(
        "run",
        _number("number"),
        *(_text(name) for name in ("run_id", "scope", "vantage", "zone", "started")),
        _text("finished", nullable=True),
        _text("status"),
        _text("status_reason"),
        _number("planned"),
        _number("measured"),
        _text("plan_digest"),
        _text("outcome_digest", nullable=True),
        _number("begun_seq"),
        _number("ended_seq", nullable=True),
        _refers("run", "plan_digest", "blob.digest"),
        _refers("run", "outcome_digest", "blob.digest"),
        _refers("run", "begun_seq", "leaf.seq"),
        _refers("run", "ended_seq", "leaf.seq"),
        sa.PrimaryKeyConstraint("number", name="pk_run"),
        sa.UniqueConstraint("run_id", name="uq_run_run_id"),
    )
    op.create_index("ix_run_scope", "run", ["scope"])
    op.create_index("ix_run_status", "run", ["status"])
    op.create_table(
        "journal_entry",
        _number("id"),
        _text("run_id"),
        _text("kind"),
        _bytes("body"),
        _refers("journal_entry", "run_id", "run.run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_journal_entry"),
    )
    op.create_index("ix_journal_entry_run_id", "journal_entry", ["run_id"])
    _create_intervals()


def _create_intervals() -> None:
    op.create_table(
        "state_interval",
        _number("id"),
        *(_text(name) for name in ("vantage", "address", "transport")),
        _number("port"),
        *(_text(name) for name in ("state", "first_seen", "last_seen")),
        _number("runs"),
        sa.Column("latest", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_state_interval"),
    )
    endpoint = ["vantage", "address", "transport", "port"]
    op.create_index(f"ix_state_interval_{'_'.join(endpoint)}", "state_interval", endpoint)
    op.create_index("ix_state_interval_vantage_latest", "state_interval", ["vantage", "latest"])


def _create_findings() -> None:
    op.create_table(
        "finding",
        *(_text(name) for name in ("fingerprint", "status", "first_seen", "last_seen")),
        _number("times_seen"),
        _number("reopened"),
        _text("resolved_at", nullable=True),
        _text("run_id"),
        _bytes("judgement"),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_finding"),
    )
    op.create_table(
        "finding_event",
        _sequence(),
        *(_text(name) for name in ("finding", "kind", "at", "run_id", "severity", "because")),
        _refers("finding_event", "seq", "leaf.seq"),
        _refers("finding_event", "finding", "finding.fingerprint"),
        _refers("finding_event", "run_id", "run.run_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_finding_event"),
    )
    op.create_index("ix_finding_event_finding", "finding_event", ["finding"])
    op.create_table(
        "evaluation",
        _sequence(),
        *(_text(name) for name in ("run_id", "at", "judgements_digest")),
        _number("deviations"),
        _refers("evaluation", "seq", "leaf.seq"),
        _refers("evaluation", "run_id", "run.run_id"),
        _refers("evaluation", "judgements_digest", "blob.digest"),
        sa.PrimaryKeyConstraint("seq", name="pk_evaluation"),
    )
    op.create_index("ix_evaluation_run_id", "evaluation", ["run_id"])


def _create_triggers() -> None:
    """Let the database itself refuse to rewrite the past, and to leave a gap in the log."""
    for table in _APPEND_ONLY:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    op.execute(
        "CREATE TRIGGER leaf_gapless BEFORE INSERT ON leaf "
        "WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq) + 1, 0) FROM leaf) "
        "BEGIN SELECT RAISE(ABORT, 'leaf has no gaps'); END"
    )
