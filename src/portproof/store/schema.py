"""Which schema a database has, which one this portproof needs, and the way from one to the other.

A store is brought forward (`portproof db upgrade`) and never back: evidence that a later version
wrote must not be squeezed into the tables of an earlier one. Going back means restoring a backup.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from portproof.errors import StoreError, StoreNewerError, StoreOutdatedError
from portproof.store.database import Database, check_place, path_of
from portproof.store.lock import RunLock

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005")
"""Every revision in `migrations/versions`, oldest first: known without loading Alembic."""

NO_SCHEMA: Final = ""
"""The revision of an empty database."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def schema_version(location: str | Path) -> str:
    """Give the revision of a store's schema; empty when its database holds no tables yet.

    Raises:
        StoreError: there is no store, or it is another program's database.
    """
    path = path_of(location)
    check_place(path, create=False)
    database = Database(path)
    try:
        with database.reading() as session:
            return revision_of(session, path)
    finally:
        database.close()


def upgrade(location: str | Path) -> tuple[str, str]:
    """Bring a store's schema up to this portproof's; gives the revisions before and after.

    It holds the run lock meanwhile, so that no run writes into changing tables. All or nothing.

    Raises:
        StoreNewerError: the schema is a later portproof's.
        StoreLockedError: a run is under way.
        StoreError: there is no store, it is another program's database, or it cannot be written.
    """
    path = path_of(location)
    check_place(path, create=False)
    database = Database(path)
    try:
        with RunLock(path).holding():
            return migrate(database)
    finally:
        database.close()


def migrate(database: Database) -> tuple[str, str]:
    """Bring an open database forward in one transaction; gives the revisions before and after.

    Raises:
        StoreNewerError: the schema is a later portproof's.
        StoreError: it is another program's database, or it cannot be written.
    """
    with database.writing() as session:
        before = revision_of(session, database.path)
        _refuse_newer(before, database.path)
        if before != REVISIONS[-1]:
            _run_migrations(session.connection())
    return before, REVISIONS[-1]


def check_schema(session: Session, path: Path) -> None:
    """Refuse a store whose schema is not this portproof's.

    Raises:
        StoreNewerError: it is a later portproof's.
        StoreOutdatedError: it is an earlier one's, or there is none yet.
        StoreError: it is another program's database.
    """
    revision = revision_of(session, path)
    _refuse_newer(revision, path)
    if revision != REVISIONS[-1]:
        has = f"schema {revision}" if revision else "no schema yet"
        raise StoreOutdatedError(f"{path}: it has {has}: run `portproof db upgrade` first")


def revision_of(session: Session, path: Path) -> str:
    """Give the revision of a database's schema; empty when it holds no tables.

    Raises:
        StoreError: it holds tables, but not portproof's.
    """
    tables = inspect(session.connection()).get_table_names()
    if "alembic_version" in tables and "leaf" in tables:
        return str(session.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if tables:
        raise StoreError(f"{path} is another program's database: choose another path for the store")
    return NO_SCHEMA


def _refuse_newer(revision: str, path: Path) -> None:
    if revision not in (NO_SCHEMA, *REVISIONS):
        raise StoreNewerError(
            f"{path}: its schema {revision} was made by a later portproof: install that version"
            " (nothing was changed)"
        )


def _run_migrations(connection: Connection) -> None:
    # Alembic takes a tenth of a second to load, and is needed only here.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    # A percent sign in a path would be read as an interpolation.
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, REVISIONS[-1])
