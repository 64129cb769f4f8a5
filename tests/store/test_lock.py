"""One run at a time per store, and nobody needs to clean up after a process that died."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portproof.errors import StoreError, StoreLockedError
from portproof.store import SqlStore, open_store
from portproof.store.lock import RunLock
from store.examples import BEGAN, plan

HOLD = """
import sys
from pathlib import Path
from portproof.store.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
with lock.holding():
    lock.name_run("run-7")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_and_told_who_holds_the_lock(store: SqlStore, place: Path) -> None:
    with store.run_lock(), open_store(place) as other:
        store.begin_run(plan("run-1"), BEGAN)
        with (
            pytest.raises(StoreLockedError, match=rf"process {os.getpid()}, run run-1\): wait"),
            other.run_lock(),
        ):
            pytest.fail("two runs at once")


def test_the_same_store_does_not_run_twice_at_once_either(store: SqlStore) -> None:
    with store.run_lock(), pytest.raises(StoreLockedError), store.run_lock():
        pytest.fail("two runs at once")


def test_the_lock_is_free_after_the_block_and_after_an_error_in_it(store: SqlStore) -> None:
    with pytest.raises(ZeroDivisionError), store.run_lock():
        raise ZeroDivisionError
    with store.run_lock():
        pass


def test_asking_whether_it_is_free_leaves_it_free(place: Path) -> None:
    lock = RunLock(place)
    assert lock.is_free()
    with lock.holding():
        assert not lock.is_free()
        assert not RunLock(place).is_free()
    assert lock.is_free()


def test_the_death_of_its_holder_frees_it(place: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(StoreLockedError, match=f"process {holder.pid}, run run-7"),
            RunLock(place).holding(),
        ):
            pytest.fail("two runs at once")
        holder.kill()
        holder.wait()
        with RunLock(place).holding():
            assert not RunLock(place).is_free()


def test_a_lock_file_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="check its owner and mode"),
        RunLock(tmp_path / "no" / "a.db").holding(),
    ):
        pytest.fail("there is nothing to hold")
