"""The database file: where it may lie, how it is opened, and what its errors mean.

SQLite in WAL mode: readers see the last commit and never wait for the writer, the writer never
waits for readers. Every writing transaction begins IMMEDIATE, so that it holds the write lock
before it reads what it will change; a transaction that first reads and then wants to write would
fail at once (SQLITE_BUSY) when another one wrote in between, whatever the time-out.

Two strengths of commit, after what may hurt it:

* `kill -9` loses no commit of either strength: committed pages are with the operating system.
* Power loss may take the last commits made under synchronous=NORMAL, though never the integrity
  of the file. FULL waits until they are on the disk.

The log is written under FULL: a head that a report has printed must not be rolled back. The
journal of a running scan is written under NORMAL: the power loss ends the run anyway, and a
thousand open ports shall not wait for a thousand disk flushes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portproof.errors import StoreError

BUSY_TIMEOUT_MS: Final = 10_000
"""How long a transaction waits for another writer; ours take milliseconds."""

_MAGIC: Final = b"SQLite format 3\x00"  # https://www.sqlite.org/fileformat2.html §1.3
_MODE: Final = "portproof_mode"
_READ: Final = "BEGIN"
_WRITE: Final = "BEGIN IMMEDIATE"

_PROBLEMS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space; nothing that was acknowledged is lost",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written (full, over quota, or failing)",
    sqlite3.SQLITE_READONLY: "it is not writable: check the owner and mode of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check the owner and mode of the file and its folder",
    sqlite3.SQLITE_PERM: "access is denied: check the owner and mode of the file and its folder",
    sqlite3.SQLITE_BUSY: "another process keeps it locked: try again when that has ended",
    sqlite3.SQLITE_LOCKED: "another connection keeps it locked: try again when that has ended",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a backup",
    sqlite3.SQLITE_NOTADB: "it is not a database: choose another path for the store",
}


def path_of(location: str | Path) -> Path:
    """Give the file that a path or an `sqlite:///` URL names.

    Raises:
        StoreError: it names another kind of database, or one in memory, which proves nothing.
    """
    text = str(location)
    scheme, separator, rest = text.partition("://")
    if separator and scheme != "sqlite":
        raise StoreError(f"the store cannot be a {scheme} database yet: give the path of a file")
    path = rest.removeprefix("/") if separator else text
    if path in ("", ":memory:"):
        raise StoreError(f"{text!r} names no file: give a path, as in portproof.db")
    return Path(path).expanduser()


def check_place(path: Path, *, create: bool) -> None:
    """Refuse a place where no store is, or can be made, before SQLite gives it a vague name.

    Raises:
        StoreError: what is wrong with it, and what to do.
    """
    try:
        if path.is_dir():
            raise StoreError(f"{path} is a directory: give a file, as in {path / 'portproof.db'}")
        if not path.parent.is_dir():
            raise StoreError(f"{path}: the directory {path.parent} does not exist: create it first")
        if path.exists():
            _check_file(path)
            return
    except OSError as fault:
        raise StoreError(f"{path}: {fault.strerror}: check its owner and mode") from fault
    if not create:
        raise StoreError(f"there is no store at {path}: make a first run, or check the path")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(
            f"{path}: the directory {path.parent} is not writable: change its owner or mode"
        )


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise StoreError(f"{path} is not a regular file: choose another path for the store")
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    # An empty file is what SQLite itself leaves between opening and the first commit.
    if start not in (b"", _MAGIC):
        raise StoreError(f"{path} is not a database: choose another path for the store")
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise StoreError(
            f"{path} is not writable: check the owner and mode of the file and its folder"
        )


class Database:
    """One SQLite file; connections are pooled, transactions are explicit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine: Engine = create_engine(URL.create("sqlite", database=str(path)))
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)

    def close(self) -> None:
        """Close all connections; the last one folds the write-ahead log into the file."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give one consistent view, as of the last commit.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._transaction(_READ, flush="FULL") as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Hold the write lock; all or nothing, and on the disk once the block has ended.

        Raises:
            StoreError: the database cannot be written; nothing of the block was.
        """
        with self._transaction(_WRITE, flush="FULL") as session:
            yield session

    @contextmanager
    def journalling(self) -> Iterator[Session]:
        """As `writing`, but safe from the death of this process only, not from power loss.

        Raises:
            StoreError: the database cannot be written; nothing of the block was.
        """
        with self._transaction(_WRITE, flush="NORMAL") as session:
            yield session

    @contextmanager
    def _transaction(self, begin: str, *, flush: str) -> Iterator[Session]:
        with translated(self.path), self.engine.connect() as connection:
            options = connection.execution_options(**{_MODE: (flush, begin)})
            with options.begin(), Session(options, expire_on_commit=False) as session:
                yield session
                session.flush()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the database's errors into one line that says what to do.

    Raises:
        StoreError: instead of any SQLite error inside the block.
    """
    try:
        yield
    except DBAPIError as fault:
        raise StoreError(f"{path}: {_problem(fault.orig)}") from fault
    except sqlite3.Error as fault:
        # Raised while a new connection is set up, before SQLAlchemy wraps anything.
        raise StoreError(f"{path}: {_problem(fault)}") from fault


def _problem(fault: BaseException | None) -> str:
    code = getattr(fault, "sqlite_errorcode", 0)
    # The low byte is the primary code (https://www.sqlite.org/rescode.html).
    known = _PROBLEMS.get(code & 0xFF)
    return known or " ".join(str(fault).split())


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    """Set up a new connection; transactions are begun by `_begin`, not by the sqlite3 module."""
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "foreign_keys=ON",
        # Without it, INSERT OR REPLACE would delete rows past the append-only triggers.
        "recursive_triggers=ON",
        # After a large run, the write-ahead log shrinks again.
        "journal_size_limit=67108864",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    flush, begin = connection.get_execution_options()[_MODE]
    # It has no effect inside a transaction, so it comes first.
    connection.exec_driver_sql(f"PRAGMA synchronous={flush}")
    connection.exec_driver_sql(begin)
