"""Other people's programs, run with an end: a clean environment, a time limit, an output limit.

git, ssh-keygen and GnuPG read what strangers may have written. They get no terminal to ask on
unless asked for, none of the caller's variables beyond PATH and HOME, and are ended, with all that
they started, when they take too long or say too much.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, Final

from portproof.errors import ApprovalError

TIMEOUT_S: Final = 60.0
LARGEST_OUTPUT: Final = 256 * 1024 * 1024
"""Bytes; a history that prints more was not written by people."""
_LOOK_EVERY_S: Final = 0.25
"""How often a program that goes on is asked how much it has said."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take."""

    time_s: float = TIMEOUT_S
    output: int = LARGEST_OUTPUT
    """Bytes, of what it says and of what it complains."""


USUAL: Final = Limits()


def run_bounded(
    command: Sequence[str],
    *,
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
    limits: Limits = USUAL,
    asks: bool = False,
) -> Ended:
    """Run a program to its end, with `given` on its standard input; gives code and output.

    One that `asks` keeps the terminal, where a person types a passphrase; any other has none.

    Raises:
        ApprovalError: it is not installed, took longer or said more than its limits.
    """
    name = command[0]
    with TemporaryFile() as held, TemporaryFile() as out, TemporaryFile() as err:
        held.write(given)
        held.seek(0)
        try:
            started = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                command,
                stdin=held,
                stdout=out,
                stderr=err,
                env=_environment(environment or {}),
                start_new_session=not asks,
            )
        except FileNotFoundError as missing:
            raise ApprovalError(f"{name} is not installed, or not on the PATH") from missing
        except OSError as failure:
            raise ApprovalError(f"{name} cannot be run: {failure.strerror}") from failure
        with started:
            try:
                _wait(started, (out, err), limits, name)
            except BaseException:
                _end(started, whole=not asks)
                raise
        out.seek(0)
        err.seek(0)
        return Ended(started.returncode, out.read(), err.read(64 * 1024).decode(errors="replace"))


def search_path() -> str:
    """Give PATH without the parts that depend on the folder one is in: that may be a stranger's."""
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(each for each in parts if os.path.isabs(each))  # noqa: PTH117 - text


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}
    return {"PATH": search_path(), **home, "LC_ALL": "C", "TZ": "UTC", **more}


def _wait(
    started: subprocess.Popen[bytes], said: Sequence[IO[bytes]], limits: Limits, name: str
) -> None:
    """Wait for the end of a program.

    Raises:
        ApprovalError: it goes on for too long, or said too much.
    """
    end = monotonic() + limits.time_s
    while True:
        with suppress(subprocess.TimeoutExpired):
            started.wait(timeout=min(_LOOK_EVERY_S, max(0.0, end - monotonic())))
        # Its size, not where this process stands in it: the place is shared with the program.
        if any(os.fstat(each.fileno()).st_size > limits.output for each in said):
            raise ApprovalError(f"{name} said more than {limits.output // 2**20} MiB")
        if started.returncode is not None:
            return
        if monotonic() >= end:
            raise ApprovalError(f"{name} took longer than {limits.time_s:.0f} s")


def _end(started: subprocess.Popen[bytes], *, whole: bool) -> None:
    """End a program; with its whole session where it has one of its own."""
    with suppress(ProcessLookupError):
        if whole:
            os.killpg(started.pid, signal.SIGKILL)
        else:
            started.kill()
