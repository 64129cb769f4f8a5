"""The stop file: whoever can write beside the database can end a running scan.

    touch portproof.stop      the scan ends within a second and keeps what was measured
    rm portproof.stop         scans may begin again

It needs no process id and no right to signal the process, and it holds until somebody removes it:
no scan begins while it is there.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from rich.console import Console

from portproof.errors import SettingsError

_LOOK_S: Final = 0.25


class StopFile:
    """A stop signal: whether the file is there, looked at four times a second at most."""

    def __init__(self, path: Path | None, console: Console) -> None:
        """Watch the path; None watches nothing.

        Raises:
            SettingsError: the file is there already.
        """
        self._path = path
        self._console = console
        self._there = False
        self._next_look = 0.0
        if path is not None and path.exists():
            raise SettingsError(f"{path}: the stop file is there, so no scan may begin; remove it")

    def __call__(self) -> bool:
        """Say whether somebody has laid the file; once seen, it counts even when it is gone again."""
        if self._path is None or self._there:
            return self._there
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_S
            self._there = self._path.exists()
            if self._there:
                self._console.print(
                    f"stopping: {self._path} is there; keeping what was measured", soft_wrap=True
                )
        return self._there
