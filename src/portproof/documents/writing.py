"""Write files so that a reader sees the old one or the new one, never a part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from portproof.errors import ApprovalError


def write_files(contents: Mapping[Path, bytes]) -> list[Path]:
    """Write each file beside its place first, and put all into place once all are written.

    A file that is there keeps its permissions, and a link its name: what it points to is replaced.

    Raises:
        ApprovalError: one cannot be written; then none is changed.
    """
    parts: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            real = path.resolve()
            part = real.with_name(f".{real.name}.part")
            parts[part] = real
            _write(part, content)
            if real.exists():
                part.chmod(real.stat().st_mode & 0o7777)
        for part, real in parts.items():
            part.replace(real)
    except OSError as failure:
        for part in parts:
            part.unlink(missing_ok=True)
        problem = failure.strerror or str(failure)
        raise ApprovalError(f"cannot write {failure.filename}: {problem}") from failure
    return list(contents)


def _write(part: Path, content: bytes) -> None:
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
