"""Alembic's entry point: runs revisions on the connection, and in the transaction, it is given."""

from __future__ import annotations

from alembic import context

from portproof.store.tables import METADATA

# SQLite can roll back CREATE TABLE; Alembic assumes otherwise, and would commit on the way.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
