"""Runs the `portproof` command as a user does: a process of its own, its output and exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_FORGOTTEN = (
    "PORTPROOF_CONFIG",
    "PORTPROOF_DATABASE",
    "PORTPROOF_BASELINE",
    "PORTPROOF_AUTHORISATION",
)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


def portproof(
    *arguments: str, cwd: Path, before: Callable[[], None] | None = None, timeout_s: float = 120.0
) -> Answer:
    """Run one command to its end; `before` runs in the child just before it starts."""
    environment = {name: value for name, value in os.environ.items() if name not in _FORGOTTEN}
    done = subprocess.run(
        [sys.executable, "-m", "portproof", *arguments],
        cwd=cwd,
        env=environment | {"COLUMNS": "120", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        preexec_fn=before,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
