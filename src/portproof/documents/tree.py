"""YAML 1.2 as a tree in which every key and value knows where it stands.

ruamel.yaml's parser gives events; this file builds the tree from them, instead of its loaders,
for three reasons. A loader stops at the first duplicate key, and a person wants all faults at
once. A loader guesses: dates, octal and hexadecimal numbers, sexagesimal `22:22` in YAML 1.1;
here a scalar is a number only where every reader would see the same number. And events cost
less than half the time. The tree is built without recursion, so depth cannot break it.

Refused on purpose: anchors and aliases (an auditor reads each entry by itself, and a few lines
of them can stand for gigabytes), tags, directives, and several documents in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from portproof.documents.text import Text
from portproof.errors import DocumentError, Fault

DEEPEST: Final = 32
"""Levels of nesting; the documents here need five."""

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
# Where a scanner sees column 0: after its line breaks, a byte order mark having no width.
_DIRECTIVE: Final = re.compile("(?:\\A|[\r\n\x85\u2028\u2029])\ufeff*%")
# YAML 1.2 core schema (§10.3.2), less the octal and hexadecimal forms, which stay text.
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Value: TypeAlias = str | int | float | bool | None


@dataclass(slots=True, eq=False)
class Scalar:
    """One value: a text, a number, a truth value or nothing."""

    offset: int
    value: Value
    text: str
    exact: int | None = None
    """Offset of the first character of `text`; None where escapes or folding moved them."""
    refused: bool = False
    """It stands for something that is a fault already; it causes no second one."""


@dataclass(slots=True, eq=False)
class Sequence:
    """A list; `damaged` once something in it had a fault and was left out."""

    offset: int
    items: list[Node] = field(default_factory=list)
    damaged: bool = False


@dataclass(slots=True, eq=False)
class Mapping:
    """Keys and values; of a key that stands twice, the first counts."""

    offset: int
    pairs: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    """Where each key stands."""
    damaged: bool = False
    stood_in: dict[str, int] = field(default_factory=dict)
    """How many stand-ins were tried for each missing key (`reading`)."""


Node: TypeAlias = Scalar | Sequence | Mapping


def plain(node: Node) -> object:
    """Give the tree as plain Python values; a key without a value counts as not written."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            given = {key: plain(child) for key, child in node.pairs.items()}
            return {key: value for key, value in given.items() if value is not None}


def parse_tree(text: Text) -> tuple[Node, list[Fault]]:
    """Build the tree, with the faults that leave a tree all the same (duplicate keys, tags).

    Raises:
        DocumentError: the text is not YAML, or holds nothing.
    """
    builder = _Builder(text)
    for event in _events(text):
        builder.take(event)
    if builder.root is None or (isinstance(builder.root, Scalar) and builder.root.value is None):
        problem = "the file holds nothing" if not text.content.strip() else "there is no content"
        raise DocumentError(builder.faults or [text.fault(0, problem)])
    return builder.root, builder.faults


def _events(text: Text) -> Iterator[Event]:
    if directive := _DIRECTIVE.search(text.content):
        # `%YAML 1.1` would change what the same characters mean.
        problem = "directives (%) are not supported; a text that starts with % stands in quotes"
        raise DocumentError([text.fault(directive.end() - 1, problem)])
    try:
        yield from YAML(typ="safe", pure=True).parse(text.content)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not valid YAML: {_sentence(error)}"
        raise DocumentError([text.fault(mark.index if mark else 0, problem)]) from error
    except ReaderError as error:
        problem = f"character {chr(error.character)!a} is not allowed in YAML"
        raise DocumentError([text.fault(error.position, problem)]) from error
    except (YAMLError, YAMLStreamError) as error:
        raise DocumentError([text.fault(0, f"not valid YAML: {error}")]) from error


def _sentence(error: MarkedYAMLError) -> str:
    said = ", ".join(part for part in (error.context, error.problem) if part)
    hint = ""
    if "sequence entries are not allowed here" in said:
        hint = '; a lone - stands in quotes: "-"'
    elif "mapping values are not allowed here" in said:
        hint = "; a text with ': ' in it stands in quotes"
    elif "found character" in said and "cannot start any token" in said:
        hint = "; indent with spaces, and put text that starts with a sign in quotes"
    return " ".join(said.split()) + hint


class _Builder:
    """Takes events one by one; open collections are a stack."""

    def __init__(self, text: Text) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._text = text
        self._open: list[Sequence | Mapping] = []
        self._waiting: list[tuple[str, int] | None] = []
        """Per open collection, the key whose value comes next."""
        self._documents = 0
        self._aliases: set[str] = set()

    def take(self, event: Event) -> None:
        """Grow the tree by one event."""
        offset = event.start_mark.index
        match event:
            case DocumentStartEvent():
                self._begin(offset)
            case AliasEvent():
                self._refuse_alias(offset, event.anchor)
                self._add(Scalar(offset, None, "", refused=True))
            case ScalarEvent():
                self._refuse_properties(event)
                self._add(_scalar(event, self._text.content))
            case SequenceStartEvent() | MappingStartEvent():
                self._refuse_properties(event)
                is_list = isinstance(event, SequenceStartEvent)
                self._descend(Sequence(offset) if is_list else Mapping(offset))
            case SequenceEndEvent() | MappingEndEvent():
                self._open.pop()
                self._waiting.pop()
            case _:
                pass  # stream and document ends carry nothing

    def _begin(self, offset: int) -> None:
        self._documents += 1
        if self._documents > 1:
            problem = "a second document begins here ('---'); one document per file"
            raise DocumentError([*self.faults, self._text.fault(offset, problem)])

    def _descend(self, node: Sequence | Mapping) -> None:
        if len(self._open) >= DEEPEST:
            problem = f"nested deeper than {DEEPEST} levels"
            raise DocumentError([*self.faults, self._text.fault(node.offset, problem)])
        self._add(node)
        self._open.append(node)
        self._waiting.append(None)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif self._waiting[-1] is None:
            self._waiting[-1] = self._key(node)
        else:
            key, offset = self._waiting[-1]
            self._waiting[-1] = None
            self._refuse_lone(key, offset, node)
            self._put(parent, key, offset, node)

    def _key(self, node: Node) -> tuple[str, int]:
        if isinstance(node, Scalar):
            return node.text, node.offset
        self._fault(node.offset, "a key is a word, not a list or a mapping")
        return "", node.offset

    def _put(self, parent: Mapping, key: str, offset: int, node: Node) -> None:
        if key in parent.pairs:
            line, _ = self._text.place(parent.keys[key])
            self._fault(offset, f"duplicate key '{key}'; it stands in line {line} already")
            parent.damaged = True
            return
        parent.pairs[key] = node
        parent.keys[key] = offset

    def _refuse_lone(self, key: str, offset: int, node: Node) -> None:
        """Refuse what is a key only because a comma stands before it: `{ports: 22,443}`."""
        nothing = isinstance(node, Scalar) and node.value is None and not node.text
        if nothing and key and ":" not in self._text.content[offset + len(key) : node.offset]:
            self._fault(offset, f"'{key}' stands alone, without a value; a list stands in [ ]")

    def _refuse_alias(self, offset: int, anchor: str) -> None:
        """Say it once for each anchor: a file made to grow says the same thousands of times."""
        if anchor not in self._aliases:
            self._aliases.add(anchor)
            self._fault(offset, f"aliases (*{anchor}) are not supported: write the value out")

    def _refuse_properties(
        self, event: ScalarEvent | SequenceStartEvent | MappingStartEvent
    ) -> None:
        if event.anchor is not None:
            self._fault(event.start_mark.index, f"anchors (&{event.anchor}) are not supported")
        if event.ctag is not None:
            self._fault(event.start_mark.index, f"tags ({event.ctag}) are not supported")

    def _fault(self, offset: int, problem: str) -> None:
        self.faults.append(self._text.fault(offset, problem))


def _scalar(event: ScalarEvent, content: str) -> Scalar:
    start, text = event.start_mark.index, event.value
    if event.style:
        exact = start + 1 if content.startswith(text, start + 1) else None
        return Scalar(start, text, text, exact)
    exact = start if content.startswith(text, start) else None
    return Scalar(start, _resolve(text), text, exact)


def _resolve(text: str) -> Value:
    """Give what an unquoted scalar is: text, unless every reader would see a number or a truth."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
