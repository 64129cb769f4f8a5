"""Prometheus' `file_sd`: files of target groups, JSON or YAML, found by pattern.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config. Each fetch
asks every file for its inode, size and time of change; one that is as it was is not read again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

from portproof.model.source import FileOptions
from portproof.sources.files import each_file, json_of, read_text, yaml_of
from portproof.sources.gathering import Gathering
from portproof.sources.prometheus import add_groups

_YAML: Final = frozenset({".yml", ".yaml"})

Stamp: TypeAlias = tuple[int, int, int]
"""Inode, size, and time of change in ns: a file that was replaced, or written in place, has another."""


class Watched:
    """The files of one source, remembered between two fetches."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[Stamp, object]] = {}
        self.reads = 0
        """How many times a file was read and parsed."""

    def fill(self, gathering: Gathering, options: FileOptions) -> None:
        """List the groups of every file.

        Raises:
            SourceError: a file cannot be read, or is no list of groups.
        """
        held: dict[Path, tuple[Stamp, object]] = {}
        for path in each_file(gathering, options.patterns):
            gathering.reading(str(path))
            stamp = _stamp(gathering, path)
            known = self._read.get(path)
            held[path] = (
                known if known and known[0] == stamp else (stamp, self._parsed(gathering, path))
            )
            add_groups(gathering, held[path][1])
        self._read = held

    def _parsed(self, gathering: Gathering, path: Path) -> object:
        self.reads += 1
        content = read_text(gathering, path)
        if path.suffix.lower() in _YAML:
            parsed: object = yaml_of(gathering, content)
            # An empty YAML file is an empty list to Prometheus as well.
            return [] if parsed is None else parsed
        return json_of(gathering, content)


def _stamp(gathering: Gathering, path: Path) -> Stamp:
    try:
        state = path.stat()
    except OSError as fault:
        problem = f"it cannot be read: {fault.strerror or fault}"
        raise gathering.error(problem, "check the path, and that this user may read it") from None
    return state.st_ino, state.st_size, state.st_mtime_ns
