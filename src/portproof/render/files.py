"""Text files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from portproof.errors import RenderError


def require_writable(path: Path) -> None:
    """Let a file through that can be written, before hours are spent on what goes into it.

    Raises:
        RenderError: it cannot.
    """
    try:
        if path.is_dir():
            raise RenderError(f"{path}: is a folder, not a file")
        if not path.parent.is_dir():
            raise RenderError(f"{path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise RenderError(f"{path}: cannot be written: permission denied")
    except OSError as failure:
        raise RenderError(f"{path}: cannot be written: {failure.strerror or failure}") from failure


def write_text(path: Path, chunks: Iterable[str]) -> None:
    """Write a file; until it is whole, a reader finds what was there before.

    What is no regular file (a pipe, /dev/null) is written to directly: replacing it would leave a
    file in its place.

    Raises:
        RenderError: it cannot be written; the file is as it was.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8") as file:
                file.writelines(chunks)
            return
        _replace(target, chunks)
    except OSError as failure:
        raise RenderError(f"{path}: cannot be written: {failure.strerror or failure}") from failure


def _replace(path: Path, chunks: Iterable[str]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        # Also after a second Ctrl-C: half a document is nobody's result.
        part.unlink(missing_ok=True)
        raise
