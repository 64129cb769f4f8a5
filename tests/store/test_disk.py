"""A disk that is full, read-only or busy: one clear line, nothing acknowledged is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from netns import unshare_command
from portproof.errors import StoreError
from portproof.store import SqlStore, open_store, verify_log
from portproof.store.database import Database
from store.examples import BEGAN, batch, plan, run

TESTS = Path(__file__).parents[1]

# Fills the disk below a running scan, frees it, and goes on; prints what happened.
FULL = """
import random
import sys
from pathlib import Path
from store.examples import BEGAN, batch, observation, plan, record
from portproof.errors import StoreError
from portproof.store import open_store, verify_log

def acknowledge_until_refused(listener):
    port = 0
    try:
        while port < 100:
            listener.batch(batch([port + 1]))
            listener.observed(observation(port + 1), noise(port + 1))
            port += 1
    except StoreError as refusal:
        print(refusal)
    return port

def noise(port):
    # It does not compress, and no two are alike.
    return {"banner": random.Random(port).randbytes(8192).hex()}

folder = Path(sys.argv[1])
store = open_store(folder / "a.db", create=True)
with store.run_lock():
    listener = store.begin_run(plan(), BEGAN)
    kept = acknowledge_until_refused(listener)
    assert 0 < kept < 100, kept
    assert verify_log(store) == []
    with store.database.reading() as session:
        sql = "SELECT count(*) FROM journal_entry WHERE kind = 'observation'"
        assert session.connection().exec_driver_sql(sql).scalar_one() == kept
    make_room(folder)
    listener.batch(batch(range(1, 101)))
    store.finish_run(record(plan()))
assert store.load_run("run-1") == record(plan())
assert verify_log(store) == []
print("went on")
"""

# A user namespace may not change a mounted file system's size, so a file takes up the room.
ON_A_SMALL_DISK = """
def make_room(folder):
    (folder / "ballast").unlink()
"""

UNDER_A_LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
def make_room(folder):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def told_by(argv: list[str]) -> list[str]:
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    # A real file system with half a megabyte free, in a mount namespace of its own. In a chroot `/` is no
    # mount point and cannot be made private, so the mount may be seen outside: it is taken down.
    mount = (
        "mount --make-rprivate / 2>/dev/null; "
        f"mount -t tmpfs -o size=8m tmpfs {tmp_path} || exit 1; "
        f"head -c 7600k /dev/zero >{tmp_path}/ballast; "
        f'{sys.executable} -c "$0" {tmp_path}; status=$?; umount {tmp_path}; exit $status'
    )
    apart = [*unshare_command(), "--mount", "--propagation", "unchanged"]
    command = [*apart, "sh", "-c", mount, ON_A_SMALL_DISK + FULL]
    refusal, went_on = told_by(command)
    assert refusal == (
        f"{tmp_path}/a.db: the disk is full: free some space; nothing that was acknowledged is lost"
    )
    assert went_on == "went on"


def test_a_quota_is_one_clear_line_too(tmp_path: Path) -> None:
    refusal, went_on = told_by([sys.executable, "-c", UNDER_A_LIMIT + FULL, str(tmp_path)])
    assert "the disk" in refusal
    assert went_on == "went on"


def test_a_database_that_another_process_keeps_locked_is_said_so(
    store: SqlStore, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    monkeypatch.setattr("portproof.store.database.BUSY_TIMEOUT_MS", 1)
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another process keeps it locked"):
            store.record_refusal("expired", "AUTH-1", "it ended", BEGAN)
    store.record_refusal("expired", "AUTH-1", "it ended", BEGAN)
    assert store.head().size == 1


def test_a_reader_sees_the_last_commit_while_a_run_is_written(store: SqlStore, place: Path) -> None:
    run(store, "run-1", [22])
    with open_store(place) as reader, store.run_lock():
        listener = store.begin_run(plan("run-2"), BEGAN)
        with store.database.writing() as writing:
            listening = writing.connection()
            listening.exec_driver_sql("UPDATE run SET status_reason = 'not yet committed'")
            assert {each.status_reason for each in reader.runs()} == {""}
            assert reader.load_run("run-1").plan.run_id == "run-1"
            writing.rollback()
        listener.batch(batch([1]))
        assert len(reader.runs()) == 2
        assert verify_log(reader) == []


def test_a_transaction_that_fails_leaves_nothing(store: SqlStore) -> None:
    before = store.head()
    with suppress(ZeroDivisionError), store.database.writing() as session:
        session.connection().exec_driver_sql("UPDATE frontier SET size = 99")
        raise ZeroDivisionError
    assert store.head() == before


def test_the_log_is_on_the_disk_before_it_is_acknowledged(place: Path, store: SqlStore) -> None:
    modes = {}
    for name in ("writing", "journalling"):
        with getattr(store.database, name)() as session:
            modes[name] = session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one()
    assert modes == {"writing": 2, "journalling": 1}  # FULL, NORMAL


def test_a_database_is_in_write_ahead_mode_and_checks_its_foreign_keys(store: SqlStore) -> None:
    database: Database = store.database
    with database.reading() as session:
        connection = session.connection()
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
