"""A store is migrated when it is made, refused when it does not fit, and brought forward on request."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

import portproof.store.migrations
from policy.segmentation_world import judged_then
from portproof.errors import (
    StoreError,
    StoreLockedError,
    StoreNewerError,
    StoreOutdatedError,
)
from portproof.model.finding import FindingEventKind
from portproof.policy.targets import failed
from portproof.store import SqlStore, open_store, schema_version, upgrade, verify_log
from portproof.store.matrices import SqlMatrices
from portproof.store.schema import REVISIONS
from portproof.store.tables import APPEND_ONLY, METADATA
from portproof.store.targets import SqlTargets
from store.examples import BEGAN, HOUR, happened, judgement, plan, run


def empty_database(place: Path) -> None:
    """A database that holds nothing: where a store of before the first revision would be."""
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").close()
        connection.executescript("CREATE TABLE gone (id INTEGER); DROP TABLE gone;")


def pretend_revision(place: Path, revision: str) -> None:
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,)).close()


def test_a_new_store_has_the_newest_schema_at_once(store: SqlStore, place: Path) -> None:
    assert schema_version(place) == REVISIONS[-1]
    assert store.head().size == 0


def test_the_migrations_make_exactly_the_tables_of_the_models(store: SqlStore) -> None:
    with store.database.reading() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_constraints_and_foreign_keys_are_those_of_the_models_too(store: SqlStore) -> None:
    with store.database.reading() as session:
        found = inspect(session.connection())
        for table in METADATA.sorted_tables:
            referred = {
                (tuple(each["constrained_columns"]), each["referred_table"])
                for each in found.get_foreign_keys(table.name)
            }
            assert referred == {
                ((key.parent.name,), key.column.table.name) for key in table.foreign_keys
            }


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(portproof.store.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(each.revision for each in scripts.walk_revisions())[::-1] == REVISIONS


def test_an_empty_database_is_outdated_and_upgraded_on_request(place: Path) -> None:
    empty_database(place)
    with pytest.raises(StoreOutdatedError, match="run `portproof db upgrade` first"):
        open_store(place)
    assert schema_version(place) == ""
    assert upgrade(place) == ("", REVISIONS[-1])
    open_store(place).close()


def test_an_empty_file_becomes_a_store_where_one_may_be_made(place: Path) -> None:
    place.touch()
    with pytest.raises(StoreOutdatedError):
        open_store(place)
    with open_store(place, create=True) as store:
        assert store.runs() == []


def test_upgrading_a_store_that_is_up_to_date_changes_nothing(store: SqlStore, place: Path) -> None:
    done = run(store, "run-1", [22])
    assert upgrade(place) == (REVISIONS[-1], REVISIONS[-1])
    assert store.load_run("run-1") == done


def test_a_later_schema_is_refused_by_one_clear_line(store: SqlStore, place: Path) -> None:
    store.close()
    pretend_revision(place, "0999")
    for refused in (lambda: open_store(place), lambda: upgrade(place)):
        with pytest.raises(StoreNewerError, match="0999 was made by a later portproof") as caught:
            refused()
        assert "\n" not in str(caught.value)
    assert schema_version(place) == "0999"


def test_a_schema_is_not_changed_under_a_run(store: SqlStore, place: Path) -> None:
    with store.run_lock():
        store.begin_run(plan(), BEGAN)
        with pytest.raises(StoreLockedError):
            upgrade(place)


def test_another_programs_database_is_left_alone(place: Path) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.executescript("CREATE TABLE customers (id INTEGER);")
    for refused in (open_store, upgrade, schema_version):
        with pytest.raises(StoreError, match="another program's database"):
            refused(place)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {table} SET {column} = ''", "DELETE FROM {table}"])
def test_the_database_itself_refuses_to_rewrite_the_past(
    store: SqlStore, place: Path, table: str, statement: str
) -> None:
    run(store, "run-1", [22])
    store.apply_events("run-1", [happened(FindingEventKind.OPENED)], [judgement()])
    store.record_refusal("expired", "AUTH-1", "it ended", BEGAN)
    SqlTargets(store.database).keep([failed("cmdb", BEGAN, "it is down")])
    SqlMatrices(store.database).keep(judged_then())
    rewriting = statement.format(table=table, column="body" if table == "blob" else "at")
    with (
        closing(sqlite3.connect(place)) as connection,
        connection,
        pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"),
    ):
        connection.execute(rewriting)


def test_the_log_takes_no_leaf_out_of_order(store: SqlStore, place: Path) -> None:
    run(store, "run-1")
    with closing(sqlite3.connect(place)) as connection, connection:
        for seq in (0, 1, 5):
            with pytest.raises(sqlite3.IntegrityError, match="leaf has no gaps"):
                connection.execute(
                    "INSERT OR REPLACE INTO leaf (seq, kind, at, data, hash) VALUES (?, '', '', '', '')",
                    (seq,),
                )


def brought_back(place: Path, revision: str) -> None:
    """Put what a store holds into one of an earlier schema, as that portproof would have kept it."""
    new = place.rename(place.with_name("new.db"))
    empty_database(place)
    config = Config()
    config.set_main_option("script_location", str(Path(portproof.store.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{place}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("ATTACH ? AS new", (str(new),))
        query = (
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name <> 'alembic_version'"
        )
        for (table,) in connection.execute(query).fetchall():
            names = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
            columns = ", ".join(names)
            connection.execute(
                f"INSERT OR REPLACE INTO main.{table} ({columns}) "
                f"SELECT {columns} FROM new.{table} ORDER BY rowid"
            )
        connection.commit()


def test_a_store_of_the_first_schema_keeps_its_runs_and_their_proofs(place: Path) -> None:
    with open_store(place, create=True) as store:
        run(store, "run-1", [22])
        kinds = (FindingEventKind.OPENED, FindingEventKind.WAIVED, FindingEventKind.SEEN)
        for hours, kind in enumerate(kinds):
            event = happened(kind, at=BEGAN + hours * HOUR)
            store.apply_events("run-1", [event], [judgement(because=kind)])
    brought_back(place, "0001")
    with pytest.raises(StoreOutdatedError, match="portproof db upgrade"), open_store(place):
        pass
    assert upgrade(place) == ("0001", REVISIONS[-1])
    with open_store(place) as store:
        (shown,) = store.runs()
        assert (shown.id, shown.continues) == ("run-1", None)
        (finding,) = store.findings()
        assert (finding.closed_by, finding.changed_at) == (None, BEGAN + HOUR)
        assert verify_log(store) == []
