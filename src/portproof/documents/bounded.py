"""Other people's programs, run with an end: a clean environment, a time limit, an output limit.

git and ssh-keygen read what strangers may have written. They get no terminal to ask on unless
asked for, none of the caller's variables beyond PATH and HOME, and are ended when they take too
long or say too much.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Final

from portproof.errors import ApprovalError

TIMEOUT_S: Final = 60.0
LARGEST_OUTPUT: Final = 256 * 1024 * 1024
"""Bytes; a history that prints more was not written by people."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int
    out: bytes
    err: str


def run_bounded(
    command: Sequence[str],
    *,
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Ended:
    """Run a program to its end, with `given` on its standard input; gives code and output.

    Raises:
        ApprovalError: it is not installed, took longer than `timeout_s`, or said too much.
    """
    name = command[0]
    held = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    with TemporaryFile() as out, TemporaryFile() as err:
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                command,
                input=given,
                stdout=out,
                stderr=err,
                env=held | {"LC_ALL": "C", "TZ": "UTC"} | dict(environment or {}),
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError as missing:
            raise ApprovalError(f"{name} is not installed, or not on the PATH") from missing
        except OSError as failure:
            raise ApprovalError(f"{name} cannot be run: {failure.strerror}") from failure
        except subprocess.TimeoutExpired as late:
            raise ApprovalError(f"{name} took longer than {timeout_s:.0f} s") from late
        if out.seek(0, os.SEEK_END) > LARGEST_OUTPUT:
            raise ApprovalError(f"{name} said more than {LARGEST_OUTPUT // 2**20} MiB")
        out.seek(0)
        err.seek(0)
        return Ended(done.returncode, out.read(), err.read(64 * 1024).decode(errors="replace"))
