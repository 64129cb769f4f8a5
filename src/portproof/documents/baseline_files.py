"""The files of one baseline: the first one, and those that it includes, each read once.

What is included lies in the folder tree of the first file, whatever links say: a reviewed
repository must hold all of what it approves. All files together are no larger than one file may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import Final

from portproof.documents.baseline_shape import BaselineShape
from portproof.documents.reading import Reading, Steps
from portproof.documents.text import LARGEST
from portproof.errors import DocumentError, Fault
from portproof.evidence.canonical import digest
from portproof.model.baseline import SourceLocation

DEEPEST: Final = 8
"""Files that include one another in a row; people lose their way before."""
MOST_FILES: Final = 256
MOST_FAULTS: Final = 1_000
"""What a person may want to read; a file with more has one mistake in every line."""

_FIRST_FILE_ONLY: Final = ("scope", "reviewed", "naming")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a baseline: as it was read, and what is left of it once faults are cut out."""

    reading: Reading
    document: BaselineShape
    path: Path
    """As people name it, without `..`."""
    name: str
    """Where it really is, seen from the folder of the first file, with forward slashes."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a baseline, the first one first, and what was wrong with reaching others."""

    parts: tuple[Part, ...]
    unread: tuple[Fault, ...] = ()
    """Faults of files that hold nothing to go on with."""

    @property
    def first(self) -> Part:
        """The file that was named."""
        return self.parts[0]

    @property
    def digest(self) -> str:
        """SHA-256 of a single file's bytes; of several, over their names and digests (RFC 8785)."""
        if len(self.parts) == 1:
            return self.first.reading.digest
        pairs = sorted((each.name, each.reading.digest) for each in self.parts)
        return digest(tuple(pairs))

    def finish(self) -> None:
        """End the reading.

        Raises:
            DocumentError: with every fault of every file.
        """
        found = [*self.unread, *(fault for each in self.parts for fault in each.reading.faults)]
        kept = sorted(set(found))[:MOST_FAULTS]
        left_out = len(set(found)) - len(kept)
        if left_out:
            problem = f"has {left_out:,} further faults, which are left out here"
            kept.append(Fault(self.first.reading.file, 0, 0, problem))
        if kept:
            raise DocumentError(kept)

    def unique(self, rows: str, key: str, what: str) -> None:
        """Record a fault for each row of any file whose key holds what an earlier row's holds."""
        self.once(
            what, ((part, *row) for part in self.parts for row in part.reading.named(rows, key))
        )

    def unique_keys(self, steps: Steps, what: str) -> None:
        """Record a fault for each key of a mapping that an earlier file has as well."""
        self.once(what, ((part, *row) for part in self.parts for row in part.reading.keys(steps)))

    def once(self, what: str, named: Iterable[tuple[Part, str, SourceLocation]]) -> None:
        """Record a fault where a name stands a second time, at the second place."""
        first: dict[str, SourceLocation] = {}
        for part, name, place in named:
            earlier = first.setdefault(name, place)
            if earlier != place:
                near = "line " if earlier.file == place.file else f"{earlier.file}:"
                problem = f"duplicate {what} '{name}'; {near}{earlier.line} has it already"
                part.reading.fault_at(place, problem)

    def lost(self, key: str) -> bool:
        """Whether what stands under a key of some file was a fault as a whole, and is not known."""
        return any(
            part.reading.wrote((), key) and key not in part.document.model_fields_set
            for part in self.parts
        )

    def texts(self, rows: str, key: str) -> list[str]:
        """Give what was written under a key in each row of a list, faulty rows included."""
        return [text for each in self.parts for text in each.reading.texts(rows, key)]


def read_files(path: Path) -> Files:
    """Read a baseline and what it includes; faults of the shape are recorded in each part.

    Raises:
        DocumentError: the first file is no baseline at all, or an included one cannot be read:
            with all that is known by then, because what is missing would look like wrong names.
    """
    reading = Reading(path)
    first = Part(reading, reading.shape(BaselineShape), path, path.name)
    walk = _Walk(first)
    walk.follow(first, (path.resolve(),))
    files = Files(tuple(walk.parts), tuple(walk.unread))
    _check_first_file(files)
    if not walk.complete:
        files.finish()
    return files


class _Walk:
    """Goes from file to file, depth first, in the order of their `include` lists."""

    def __init__(self, first: Part) -> None:
        self.parts = [first]
        self.unread: list[Fault] = []
        self.complete = True
        self._folder = first.path.parent.resolve()
        self._seen = {first.path.resolve()}
        self._bytes = _size(first.path)

    def follow(self, part: Part, chain: tuple[Path, ...]) -> None:
        """Read what a part includes; `chain` are the real paths that led here."""
        for position, name in enumerate(part.document.include or ()):
            at = ("include", position)
            path = Path(normpath(part.path.parent / name))
            refused = self._refusal(name, path, chain)
            if refused:
                self.complete = False
                part.reading.fault(at, refused)
            elif (real := path.resolve()) not in self._seen:
                self._seen.add(real)
                self._bytes += _size(real)
                self._read((part, at, name), path, (*chain, real))

    def _refusal(self, name: str, path: Path, chain: tuple[Path, ...]) -> str:
        """Say why a file may not be included; empty when it may."""
        if Path(name).is_absolute():
            return f"'{name}' is an absolute path; write it relative to this file"
        if not name.isprintable():
            return "holds a character that has no place in the name of a file"
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            return f"'{name}' is a link that leads to itself"
        if not real.is_relative_to(self._folder):
            return (
                f"'{name}' lies outside the folder of the baseline ({self._folder}); a baseline "
                "includes files of its own folder tree only"
            )
        if real in chain:
            row = [*chain[chain.index(real) :], real]
            told = " → ".join(each.name for each in row)
            return f"'{name}' includes itself in the end: {told}"
        return self._excess(real, chain)

    def _excess(self, real: Path, chain: tuple[Path, ...]) -> str:
        """Say why a further file would be too much; empty when it is not."""
        if real in self._seen:
            return ""
        if len(chain) > DEEPEST:
            return f"is the {len(chain)}th file in a row that includes another; at most {DEEPEST}"
        if len(self._seen) >= MOST_FILES:
            return f"is one file too many; a baseline has at most {MOST_FILES}"
        if self._bytes + _size(real) > LARGEST:
            most = LARGEST // 1024 // 1024
            return f"makes the baseline, with its other files, larger than {most} MiB; is it the right file?"
        return ""

    def _read(self, included: tuple[Part, Steps, str], path: Path, chain: tuple[Path, ...]) -> None:
        part, at, written = included
        try:
            reading = Reading(path)
            name = chain[-1].relative_to(self._folder).as_posix()
            found = Part(reading, reading.shape(BaselineShape), path, name)
        except DocumentError as error:
            self.complete = False
            self.unread.extend(each for each in error.faults if each.line)
            for each in error.faults:
                if not each.line:
                    part.reading.fault(at, f"'{written}' {each.problem}")
            return
        self.parts.append(found)
        self.follow(found, chain)


def _check_first_file(files: Files) -> None:
    """Record what only the first file may say, and what it must."""
    first = files.first
    if not first.reading.wrote((), "entries") and not first.reading.wrote((), "include"):
        problem = "the key 'entries' is required and has no value here"
        first.reading.fault_of_key((), "entries", problem)
    for part, key in _said_elsewhere(files.parts[1:]):
        problem = f"'{key}' stands in the first file only, {first.path.name}"
        part.reading.fault_of_key((), key, problem)


def _said_elsewhere(parts: Iterable[Part]) -> Iterator[tuple[Part, str]]:
    for part in parts:
        yield from ((part, key) for key in _FIRST_FILE_ONLY if part.reading.wrote((), key))


def _size(path: Path) -> int:
    """Give the bytes of a file; 0 where it cannot be told, which reading it will say."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
