"""The run lock: one run at a time per store, whatever happens to its process.

An advisory lock (flock) on a file beside the database, `<database>.lock`. The operating system
frees it when the holder dies, also by `kill -9`; a row in the database would stay. The file tells
whom to ask: process id and run. It is never deleted, because a lock on a deleted file excludes
nobody.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from portproof.errors import StoreError, StoreLockedError

# A reader that asks whether the lock is free holds it (shared) for some microseconds.
_TRIES: Final = 20
_PAUSE_S: Final = 0.01


class RunLock:
    """The lock of one store, from one process's side."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether this very object holds it."""
        return self._file is not None

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the lock inside the block.

        Raises:
            StoreLockedError: another run holds it.
            StoreError: the lock file cannot be written.
        """
        file = self._open(os.O_RDWR | os.O_CREAT)
        try:
            if not _taken(file):
                raise StoreLockedError(
                    f"{self.path}: another run is under way ({self._holder()}): wait for its end"
                )
            self._file = file
            self.name_run("")
            yield
        finally:
            self._file = None
            os.close(file)

    def name_run(self, run_id: str) -> None:
        """Write into the lock file who holds it: this process, and its run once it has one.

        Raises:
            StoreError: the lock file cannot be written.
        """
        if self._file is None:
            raise StoreError("a run needs the store's run lock: begin it inside run_lock()")
        text = f"process {os.getpid()}" + (f", run {run_id}" if run_id else "") + "\n"
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text.encode(), 0)
        except OSError as fault:
            raise StoreError(
                f"{self.path}: {fault.strerror}: free space, or check its mode"
            ) from fault

    def is_free(self) -> bool:
        """Whether no process holds it, this one included.

        Raises:
            StoreError: the lock file cannot be opened.
        """
        if self.held:
            return False
        if not self.path.exists():
            return True
        file = self._open(os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
        return True

    def _open(self, flags: int) -> int:
        try:
            return os.open(self.path, flags | os.O_CLOEXEC, 0o644)
        except OSError as fault:
            raise StoreError(f"{self.path}: {fault.strerror}: check its owner and mode") from fault

    def _holder(self) -> str:
        """Say who holds it, as far as the holder has written that yet."""
        return self.path.read_text(errors="replace").strip() or "its process is not known"


def _taken(file: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False
