"""Files that a source reads: found by pattern, bounded, and parsed without surprises."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from glob import glob, has_magic
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from portproof.sources.gathering import Gathering

_DEEPEST: Final = 32
"""Lists and mappings within each other in YAML: a kubeconfig has five, target groups three."""
_CHECK_PATH: Final = "check the path, and that this user may read it"


def each_file(gathering: Gathering, patterns: tuple[str, ...]) -> Iterator[Path]:
    """Give every file that the patterns name, each once, in one order.

    Raises:
        SourceError: a pattern names no file: that is a mistake, never an empty list.
    """
    given: set[Path] = set()
    for pattern in patterns:
        # A path without wildcards is read as it is, so that its error says what is wrong with it.
        found = sorted(glob(pattern)) if has_magic(pattern) else [pattern]  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not found:
            gathering.reading(pattern)
            raise gathering.error("no file matches", "check the pattern and the working directory")
        for path in map(Path, found):
            if path not in given:
                given.add(path)
                yield path


def read_bytes(gathering: Gathering, path: Path) -> bytes:
    """Read a whole file anew; from now on it is the place that errors name.

    Raises:
        SourceError: it is missing, unreadable, no regular file, or too large.
    """
    gathering.reading(str(path))
    most = gathering.ground.limits.bytes
    try:
        # A pipe without a writer would wait for ever, and a device never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise gathering.error("it is not a regular file", "name a file")
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as fault:
        problem = f"it cannot be read: {fault.strerror or fault}"
        raise gathering.error(problem, _CHECK_PATH) from fault
    if len(raw) > most:
        raise gathering.error(f"it is larger than {most:,} bytes", "split it, or list less in it")
    return raw


def read_text(gathering: Gathering, path: Path, encoding: str = "utf-8") -> str:
    """Read a file as text, without a byte order mark.

    Raises:
        SourceError: as `read_bytes`, or it is not of that encoding.
    """
    return decoded(gathering, read_bytes(gathering, path), encoding)


def decoded(gathering: Gathering, raw: bytes, encoding: str = "utf-8") -> str:
    """Give bytes as text, without a byte order mark.

    Raises:
        SourceError: they are not of that encoding.
    """
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as fault:
        row = raw.count(b"\n", 0, fault.start) + 1
        problem = f"line {row}: byte 0x{raw[fault.start]:02x} is no {encoding} text"
        raise gathering.error(problem, "save it as UTF-8, or name its encoding") from fault


def read_json(gathering: Gathering, path: Path) -> Any:
    """Read a JSON file.

    Raises:
        SourceError: as `read_text`, or it is no JSON.
    """
    return json_of(gathering, read_text(gathering, path))


def json_of(gathering: Gathering, content: str) -> Any:
    """Parse JSON.

    Raises:
        SourceError: it is none, or nested beyond any use.
    """
    try:
        return json.loads(content)
    except json.JSONDecodeError as fault:
        place = f"line {fault.lineno}, column {fault.colno}: {fault.msg}"
        raise gathering.error(f"{place}: it is no JSON", "let the program write it again") from None
    except (ValueError, RecursionError):
        problem = "it is nested too deeply, or holds a number too long, to be a list of targets"
        raise gathering.error(problem, "check what wrote it") from None


def yaml_of(gathering: Gathering, content: str) -> Any:
    """Parse YAML 1.2 of plain values; aliases are refused, since a few lines of them are gigabytes.

    Raises:
        SourceError: it is no YAML, holds an alias or a key twice, or is nested beyond any use.
    """
    try:
        _require_plain(gathering, content)
        return YAML(typ="safe", pure=True).load(StringIO(content))
    except YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = str(getattr(fault, "problem", None) or "it cannot be parsed")
        raise gathering.error(f"{place}{problem}: it is no YAML", "mend it there") from None
    except (ValueError, RecursionError):
        problem = "it is nested too deeply, or holds a value that does not exist"
        raise gathering.error(problem, "check what wrote it") from None


def _require_plain(gathering: Gathering, content: str) -> None:
    """Go through YAML event by event, and end at the first that no list of targets has.

    Raises:
        SourceError: an alias, or nesting beyond any use; or the fetch was stopped.
    """
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(StringIO(content)):
        gathering.go_on()
        row = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise gathering.error(f"line {row}: it has an alias (*)", "write the value out")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _DEEPEST:
            problem = f"line {row}: it is nested too deeply to be a list of targets"
            raise gathering.error(problem, "check what wrote it")
