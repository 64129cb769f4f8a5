"""One document being read: its tree, its faults so far, and how paths in it become places.

Checks come in two passes over the same tree. First pydantic judges the shape (keys, types,
words); what it refuses is recorded and cut out of the tree, until the rest is valid. Then each
loader judges the meaning (references, overlaps, dates) of the rest. So one load shows the faults
of both kinds at once, and a fault of the first kind causes none of the second: what was cut
marks the parts around it as damaged, and names are looked up among all that were written.

A path is what pydantic calls `loc`: keys and list positions, such as `("entries", 3, "ports")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from pydantic import ValidationError

from portproof.documents.scalar_places import source_offset
from portproof.documents.shape import Shape
from portproof.documents.text import printable, read_text
from portproof.documents.tree import Mapping, Node, Scalar, Sequence, parse_tree, plain
from portproof.documents.wording import describe, did_you_mean
from portproof.errors import DocumentError, Fault, SpecificationError
from portproof.model.baseline import SourceLocation

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

S = TypeVar("S", bound=Shape)
Steps: TypeAlias = tuple[str | int, ...]

# Nothing made of them leaves a reading: a document that needs one has a fault, and is refused.
_STAND_INS: Final = ("stand-in", "2000-01-01")


class Reading:
    """The file at `path`, parsed; `finish` raises all that was found wrong with it."""

    def __init__(self, path: Path) -> None:
        """Read and parse the file.

        Raises:
            DocumentError: it is no YAML at all, so that nothing further can be said of it.
        """
        self._text = read_text(path)
        self._tree, faults = parse_tree(self._text)
        self._faults: list[Fault] = faults

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes, lower-case hex."""
        return self._text.digest

    @property
    def file(self) -> str:
        """The file as it was named."""
        return self._text.file

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was found wrong so far, each once."""
        # The same key may have been reached twice, by its shape and by its meaning.
        return tuple(dict.fromkeys(self._faults))

    def shape(self, shape: type[S]) -> S:
        """Judge the shape; gives what is left once faulty parts are cut out.

        Raises:
            DocumentError: too little is left to go on with.
        """
        reported = False
        while True:
            try:
                return shape.model_validate(plain(self._tree))
            except ValidationError as refused:
                # What cutting brings to light (a key now missing) is no fault of the person.
                if not reported:
                    self._report(refused, shape)
                    reported = True
                self._cut(refused)

    def fault(self, steps: Steps, problem: str, *, inside: int = 0) -> None:
        """Record a fault of the value at a path; `inside` is an offset in its text.

        Nothing is recorded of what stands in for something that had a fault already.
        """
        node = self._node(steps)
        offset = node.offset
        if isinstance(node, Scalar):
            if node.refused:
                return
            if node.exact is not None and inside:
                offset = node.exact + inside
        self._faults.append(self._text.fault(offset, problem))

    def fault_inside(self, steps: Steps, problem: str, inside: int) -> None:
        """Record a fault of one character of the text at a path, in whatever style it is written."""
        node = self._node(steps)
        if isinstance(node, Scalar) and not node.refused:
            place = source_offset(self._text.content, node.offset, node.text, inside)
            self._faults.append(self._text.fault(place, problem))

    def fault_of_key(self, steps: Steps, key: str, problem: str) -> None:
        """Record a fault of a key in the mapping at a path; at the mapping where it is not written."""
        mapping = self._node(steps)
        keys = mapping.keys if isinstance(mapping, Mapping) else {}
        self._faults.append(self._text.fault(keys.get(key, mapping.offset), problem))

    def wrote(self, steps: Steps, key: str) -> bool:
        """Whether the mapping at a path was written with a value under a key, a faulty one included."""
        mapping = self._node(steps)
        if not isinstance(mapping, Mapping) or key not in mapping.keys:
            return False
        kept = mapping.pairs.get(key)
        refused = isinstance(kept, Scalar) and kept.refused
        return kept is None or refused or plain(kept) is not None

    def fault_at(self, location: SourceLocation, problem: str) -> None:
        """Record a fault at a place that `location` gave."""
        told = printable(problem)
        self._faults.append(Fault(location.file, location.line, location.column, told))

    @contextmanager
    def specification(self, steps: Steps, shift: int = 0) -> Iterator[None]:
        """Turn a SpecificationError raised inside into a fault at its place in the value."""
        try:
            yield
        except SpecificationError as error:
            inside = max(0, error.position - shift)
            self.fault(steps, error.problem, inside=inside)

    def location(self, steps: Steps) -> SourceLocation:
        """Give the place of the value at a path."""
        line, column = self._text.place(self._node(steps).offset)
        return SourceLocation(file=self.file, line=line, column=column)

    def damaged(self, steps: Steps) -> bool:
        """Whether something below the path had a fault and was cut out."""
        node = self._node(steps)
        return not isinstance(node, Scalar) and node.damaged

    def texts(self, rows: str, key: str) -> list[str]:
        """Give what was written under a key in each row of a list, faulty rows included.

        Taken before `shape` cuts, it is what references may name without being unknown.
        """
        return [text for node in self._column(rows, key) for text in _texts(node)]

    def named(self, rows: str, key: str) -> Iterator[tuple[str, SourceLocation]]:
        """Give what each row of a list has under a key, with its place; faulty rows included."""
        for node in self._column(rows, key):
            if isinstance(node, Scalar) and node.value is not None:
                line, column = self._text.place(node.offset)
                yield node.text, SourceLocation(file=self.file, line=line, column=column)

    def keys(self, steps: Steps) -> Iterator[tuple[str, SourceLocation]]:
        """Give the keys of the mapping at a path with their places; what was cut out included.

        Nothing where there is no mapping.
        """
        node: Node = self._tree
        for step in steps:
            inner = self._child(node, step)
            if inner is None:
                return
            node = inner
        for key, offset in node.keys.items() if isinstance(node, Mapping) else ():
            line, column = self._text.place(offset)
            yield key, SourceLocation(file=self.file, line=line, column=column)

    def faults_so_far(self) -> int:
        """Count the faults recorded: a loader compares before and after a part."""
        return len(self._faults)

    def unique(self, rows: str, key: str, what: str) -> None:
        """Record a fault for each row of a list whose key holds what an earlier row's holds.

        To be asked before `shape` cuts, so that faulty rows count too.
        """
        first: dict[str, int] = {}
        for node in self._column(rows, key):
            if isinstance(node, Scalar) and node.value is not None:
                earlier = first.setdefault(node.text, node.offset)
                if earlier != node.offset:
                    line, _ = self._text.place(earlier)
                    problem = f"duplicate {what} '{node.text}'; line {line} has it already"
                    self._faults.append(self._text.fault(node.offset, problem))

    def known(self, steps: Steps, name: str, among: Iterable[str], what: str) -> bool:
        """Whether a name refers to something; records a fault where it does not."""
        names = list(among)
        if name in names:
            return True
        self.fault(steps, f"unknown {what} '{name}'{did_you_mean(name, names)}")
        return False

    def finish(self) -> None:
        """End the reading.

        Raises:
            DocumentError: with every fault found.
        """
        if self._faults:
            raise DocumentError(self.faults)

    def _column(self, rows: str, key: str) -> list[Node]:
        """Give the values under a key in the rows of a list at the top of the document."""
        listed = self._tree.pairs.get(rows) if isinstance(self._tree, Mapping) else None
        if not isinstance(listed, Sequence):
            return []
        mappings = [row for row in listed.items if isinstance(row, Mapping)]
        return [row.pairs[key] for row in mappings if key in row.pairs]

    def _report(self, refused: ValidationError, shape: type[Shape]) -> None:
        for error in refused.errors(include_url=False):
            node = self._node(error["loc"])
            if not (isinstance(node, Scalar) and node.refused):
                problem = describe(error, shape)
                self._faults.append(self._text.fault(self._place(error), problem))

    def _place(self, error: ErrorDetails) -> int:
        steps = error["loc"]
        parent = self._node(steps[:-1]) if steps else self._tree
        if isinstance(parent, Mapping) and steps:
            key = str(steps[-1])
            # An unknown key is shown itself; a missing one by its parent, or where it stands empty.
            if error["type"] in {"extra_forbidden", "missing"}:
                return parent.keys.get(key, parent.offset)
        node = self._node(steps)
        inside = error.get("ctx", {}).get("inside", 0)
        if isinstance(node, Scalar) and node.exact is not None and inside:
            return node.exact + int(inside)
        return node.offset

    def _node(self, steps: Steps) -> Node:
        """Give the node at a path, or the last one on the way to it that exists."""
        node = self._tree
        for step in steps:
            inner = self._child(node, step)
            if inner is None:
                break
            node = inner
        return node

    @staticmethod
    def _child(node: Node, step: str | int) -> Node | None:
        if isinstance(node, Mapping) and step in node.pairs:
            return node.pairs[str(step)]
        if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            return node.items[step]
        return None

    def _cut(self, refused: ValidationError) -> None:
        """Cut what was refused: the value itself, or the mapping that lacks a key.

        Raises:
            DocumentError: that would be the whole document.
        """
        doomed: set[Steps] = set()
        for error in refused.errors(include_url=False):
            steps = error["loc"]
            if error["type"] != "missing":
                doomed.add(self._existing(steps))
            elif not self._stand_in(steps):
                doomed.add(self._existing(steps[:-1]))
        if () in doomed:
            raise DocumentError(self._faults)
        # From the end, so that cutting a list item moves no other that is still to be cut.
        for steps in sorted(doomed, key=_order, reverse=True):
            self._remove(steps)

    def _stand_in(self, steps: Steps) -> bool:
        """Put a word, or else a date, under a missing key, so that the keys beside it are judged.

        False when the key has refused both.
        """
        mapping, key = self._node(steps[:-1]), str(steps[-1])
        if not isinstance(mapping, Mapping):
            return False
        tried = mapping.stood_in.get(key, 0)
        if tried == len(_STAND_INS):
            return False
        mapping.stood_in[key] = tried + 1
        mapping.pairs[key] = Scalar(mapping.offset, _STAND_INS[tried], "", refused=True)
        self._damage(steps)
        return True

    def _damage(self, steps: Steps) -> None:
        for length in range(len(steps)):
            above = self._node(steps[:length])
            if not isinstance(above, Scalar):
                above.damaged = True

    def _existing(self, steps: Steps) -> Steps:
        """Shorten a path to what exists: a single value may stand where a list is allowed."""
        while steps and self._node(steps) is self._node(steps[:-1]):
            steps = steps[:-1]
        return steps

    def _remove(self, steps: Steps) -> None:
        self._damage(steps)
        parent, last = self._node(steps[:-1]), steps[-1]
        if isinstance(parent, Mapping):
            del parent.pairs[str(last)]
        elif isinstance(parent, Sequence):
            del parent.items[int(last)]


def _texts(node: Node) -> list[str]:
    match node:
        case Scalar():
            return [node.text]
        case Sequence():
            return [item.text for item in node.items if isinstance(item, Scalar)]
        case Mapping():
            return []


def _order(steps: Steps) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (0, step) for step in steps)
