"""`portproof db`: the database's schema is shown, brought forward, and never forced."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from command import Answer, portproof
from site_documents import Site

COMMANDS = pytest.mark.parametrize("command", ["upgrade", "version"])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Site(tmp_path, networks=["127.0.0.5"], targets=["127.0.0.5"], ports="1").write()


@pytest.fixture
def database(site: Path) -> Path:
    """A database as a first scan makes it."""
    assert portproof("scan", cwd=site).code == 0
    return site / "portproof.sqlite"


def change(database: Path, statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(statements)


def one_line(answer: Answer, *words: str) -> None:
    (line,) = answer.err.splitlines()
    assert answer.code == 2, answer
    assert line.startswith("portproof: ")
    assert all(word in line for word in words), line
    assert not answer.out


@COMMANDS
def test_where_no_database_is_the_next_step_is_named(site: Path, command: str) -> None:
    one_line(portproof("db", command, cwd=site), "portproof.sqlite", "make a first run")
    assert not (site / "portproof.sqlite").exists()


def test_a_new_database_is_up_to_date_and_stays_as_it_is(database: Path) -> None:
    version = portproof("db", "version", cwd=database.parent)
    assert (version.code, version.err) == (0, "")
    assert "schema 0005; this portproof: 0005" in version.out
    upgrade = portproof("db", "upgrade", cwd=database.parent)
    assert (upgrade.code, upgrade.err) == (0, "")
    assert "schema 0005, nothing to do" in upgrade.out


def test_an_empty_database_has_no_schema_until_it_is_upgraded(site: Path) -> None:
    change(site / "portproof.sqlite", "CREATE TABLE gone (id INTEGER); DROP TABLE gone;")
    assert "schema none; this portproof: 0005" in portproof("db", "version", cwd=site).out
    one_line(portproof("runs", cwd=site), "portproof db upgrade")
    assert "schema 0005 (was empty)" in portproof("db", "upgrade", cwd=site).out
    assert portproof("runs", cwd=site).code == 0


def test_a_later_schema_is_shown_and_neither_upgraded_nor_scanned_into(database: Path) -> None:
    change(database, "UPDATE alembic_version SET version_num = '9999';")
    site, before = database.parent, database.read_bytes()
    assert "schema 9999; this portproof: 0005" in portproof("db", "version", cwd=site).out
    words = ("portproof.sqlite", "9999", "later portproof", "nothing was changed")
    one_line(portproof("db", "upgrade", cwd=site), *words)
    one_line(portproof("scan", cwd=site), *words)
    assert database.read_bytes() == before


@COMMANDS
def test_another_programs_database_is_refused_and_left_alone(site: Path, command: str) -> None:
    foreign = site / "portproof.sqlite"
    change(foreign, "CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('one');")
    one_line(portproof("db", command, cwd=site), "another program's database")
    with closing(sqlite3.connect(foreign)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("songs",)]
