r"""One order of keys and entries for baselines, with every comment where it belongs.

Whole lines are moved, and nothing inside a line is touched, so that quoting, folding and comments
stay as their author wrote them. The tree says on which line each key and item begins; a block is
what lies between two of them::

    # about web             ┐ lead: comments right above, no deeper than the key or dash
    - id: web               │ body: up to the next lead
      ports: 443  # https   ┘
                              gap: blank lines stay in their place when blocks change theirs

What is written in flow style (`{…}`, `[…]`) stays as it is inside. The result is read again, and
written only if it says the same: the order of lines must never be able to change an approval.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Table
from collections.abc import Sequence as Listed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from portproof.documents.text import Text, read_text
from portproof.documents.tree import Mapping, Node, Scalar, Sequence, parse_tree, plain
from portproof.errors import DocumentError, Fault

_TERMS: Final = (
    *("from", "zones", "to", "hosts", "allow", "require", "ports", "transport", "service", "tls"),
    *(
        "presence",
        "tier",
        "direction",
        "owner",
        "capability",
        "breaks",
        "runbook",
        "justification",
        "mitigation",
    ),
    "approval",
)
_ASSET: Final = ("id", "addresses", "tags", "owner", "tier", "capability")
_ZONE: Final = ("name", "networks", "default", "approvals", "protected", "description")
_ROOT: Final = (
    *("schema", "scope", "include", "reviewed", "naming", "zones", "assets", "templates"),
    *("entries", "environments"),
)


@dataclass(frozen=True, slots=True)
class Order:
    """How one part of a baseline is ordered, and the parts below it."""

    keys: tuple[str, ...] = ()
    """The order of its keys; keys of no known order come after them as they were written."""
    by_name: bool = False
    """Whether its keys are names, in the order of the alphabet."""
    item_id: str = ""
    """The key that the items of a list are ordered by; empty: they keep their order."""
    below: Table[str, Order] = field(default_factory=dict)
    """Plans of the values by key; of every value and item under the key `*`."""


_APPROVAL: Final = Order(
    (
        "requester",
        "approver",
        "approved_on",
        "review_by",
        "ticket",
        "emergency",
        "ratified_by",
        "ratified_on",
    )
)
_PARTS: Final = {"approval": _APPROVAL, "mitigation": Order(("measure", "checked_by"))}
_CHANGE: Final = Order(("id", "status", "use", *_TERMS), below=_PARTS)
_ENTRIES: Final = Order(item_id="id", below={"*": _CHANGE})
_ENVIRONMENT: Final = Order(
    ("entries", "add", "remove"),
    below={"entries": Order(by_name=True, below={"*": _CHANGE}), "add": _ENTRIES},
)
PLAN: Final = Order(
    _ROOT,
    below={
        "reviewed": Order(("on", "by")),
        "zones": Order(item_id="name", below={"*": Order(_ZONE)}),
        "assets": Order(item_id="id", below={"*": Order(_ASSET)}),
        "templates": Order(by_name=True, below={"*": Order(_TERMS, below=_PARTS)}),
        "entries": _ENTRIES,
        "environments": Order(by_name=True, below={"*": _ENVIRONMENT}),
    },
)
"""The order of a whole baseline."""

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_DASH: Final = re.compile(r"(?P<indent> *)-(?P<space> +)")
_LONE_DASH: Final = re.compile(r" *-\s*(#.*)?")

Lines: TypeAlias = list[str]


def format_baseline(path: Path) -> str | None:
    """Give the file in the one order; None when it is so already.

    Raises:
        DocumentError: it is no YAML, or its order cannot be changed without changing its meaning.
    """
    text = read_text(path)
    formatted = _formatted(text)
    return None if formatted == text.content else formatted


def _formatted(text: Text) -> str:
    tree, faults = parse_tree(text)
    if faults:
        raise DocumentError(faults)
    lines = _LINE_END.split(text.content)
    moved = _Formatter(text, lines).document(tree)
    while moved and not moved[-1].strip():
        moved.pop()
    newline = "\r\n" if "\r\n" in text.content else "\n"
    result = newline.join([*moved, ""])
    again, _ = parse_tree(Text(text.file, result, ""))
    if _meaning(again) != _meaning(tree):
        problem = (
            "cannot be put in order without changing what it says; nothing was written. Look for "
            "text over several lines that begins one of them with #, for |+, or for | at the very end"
        )
        raise DocumentError([Fault(text.file, 0, 0, problem)])
    return result


def _meaning(node: Node) -> object:
    """Give what a document says, whatever the order of its keys and of its named items."""
    return _unordered(plain(node))


def _unordered(value: object) -> object:
    match value:
        case dict():
            return {key: _unordered(value[key]) for key in sorted(value)}
        case list():
            items = [_unordered(each) for each in value]
            named = all(isinstance(each, dict) and {"id", "name"} & each.keys() for each in items)
            return sorted(items, key=repr) if named else items
        case _:
            return value


@dataclass(slots=True)
class _Block:
    """One key with its value, or one item of a list, as lines."""

    name: str
    lead: Lines
    body: Lines
    gap: int
    """Blank lines before it, which stay in their place."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a key or an item begins."""

    name: str
    line: int
    column: int
    value: Node


class _Formatter:
    """Puts the blocks of one document in order; line numbers are 0-based."""

    def __init__(self, text: Text, lines: Lines) -> None:
        self._text = text
        self._lines = lines

    def document(self, tree: Node) -> Lines:
        """Give all lines in their order."""
        if not isinstance(tree, Mapping) or not self._is_block(tree):
            return self._lines
        first, _ = self._place(tree.offset)
        head = self._end_of_head(first)
        return [*self._lines[:head], *self._ordered(tree, PLAN, head, len(self._lines))]

    def _end_of_head(self, first: int) -> int:
        """Give the line after what belongs to the file and not to its first key."""
        line = first
        while line > 0 and self._lines[line - 1].lstrip().startswith("#"):
            line -= 1
        # Comments from the first line on are about the file, such as `# yaml-language-server`.
        return first if line == 0 else line

    def _ordered(self, node: Node, order: Order, start: int, end: int) -> Lines:
        """Give the lines of a block collection, whose content lies between two lines."""
        starts = self._starts(node, order)
        if not starts or starts[0].line < start:
            return self._lines[start:end]
        blocks, head, tail = self._blocks(starts, order, start, end)
        ordered = sorted(blocks, key=_order(order, listed=isinstance(node, Sequence)))
        return [*head, *_joined(ordered, [each.gap for each in blocks]), *tail]

    def _starts(self, node: Node, order: Order) -> list[_Start]:
        """Give where the parts of a block collection begin; empty where their order is left alone."""
        if isinstance(node, Scalar) or not self._is_block(node):
            return []
        starts = self._keys(node) if isinstance(node, Mapping) else self._items(node, order)
        lines = [each.line for each in starts]
        alike = len({each.column for each in starts}) == 1
        return starts if alike and lines == sorted(set(lines)) else []

    def _keys(self, node: Mapping) -> list[_Start]:
        starts = []
        for key, offset in node.keys.items():
            line, column = self._place(offset)
            if self._lines[line][:column].strip():
                return []
            starts.append(_Start(key, line, column, node.pairs[key]))
        return starts

    def _items(self, node: Sequence, order: Order) -> list[_Start]:
        starts = []
        for item in node.items:
            line, column = self._place(item.offset)
            before = self._lines[line][:column]
            dash = _DASH.fullmatch(before)
            if dash:
                column = len(dash["indent"])
            elif not before.strip() and (above := self._lone_dash(line)) is not None:
                line, column = above
            else:
                return []
            name = item.pairs.get(order.item_id) if isinstance(item, Mapping) else None
            starts.append(_Start(name.text if isinstance(name, Scalar) else "", line, column, item))
        return starts

    def _lone_dash(self, line: int) -> tuple[int, int] | None:
        """Find the dash that stands alone on a line above an item."""
        above = line - 1
        while above >= 0 and _is_comment(self._lines[above]):
            above -= 1
        if above < 0 or not _LONE_DASH.fullmatch(self._lines[above]):
            return None
        return above, self._lines[above].index("-")

    def _blocks(
        self, starts: Listed[_Start], order: Order, start: int, end: int
    ) -> tuple[list[_Block], Lines, Lines]:
        """Cut the lines into blocks; gives the lines before and after them as well."""
        leads = [
            self._lead(each, starts[position - 1].line + 1 if position else start)
            for position, each in enumerate(starts)
        ]
        foot = self._foot(starts[-1], end)
        blocks, gap = [], 0
        for each, lead, stop in zip(starts, leads, [*leads[1:], foot], strict=True):
            last = stop
            while last > each.line + 1 and not self._lines[last - 1].strip():
                last -= 1
            below = order.below.get(each.name) or order.below.get("*") or Order()
            body = self._body(each, below, last)
            blocks.append(_Block(each.name, self._lines[lead : each.line], body, gap))
            gap = stop - last
        return blocks, self._lines[start : leads[0]], self._lines[foot:end]

    def _foot(self, last: _Start, end: int) -> int:
        """Give the line after the last block; comments behind it that are no part of it stay last."""
        foot = end
        while foot > last.line + 1 and _is_comment(self._lines[foot - 1], last.column):
            foot -= 1
        return foot

    def _lead(self, each: _Start, least: int) -> int:
        """Give the first of the comment lines that belong to a key or item."""
        line, first = each.line, each.line
        while line > least and _is_comment(self._lines[line - 1], each.column):
            line -= 1
            if self._lines[line].strip():
                first = line
        return first

    def _body(self, each: _Start, order: Order, end: int) -> Lines:
        """Give the lines of a key or item from its own on, what is in it put in order."""
        value, line = each.value, each.line
        dash = (
            _DASH.match(self._lines[line]) if self._lines[line].lstrip().startswith("-") else None
        )
        if isinstance(value, Mapping) and dash and self._place(value.offset)[0] == line:
            return self._inline(value, order, line, end)
        return [self._lines[line], *self._ordered(value, order, line + 1, end)]

    def _inline(self, node: Mapping, order: Order, line: int, end: int) -> Lines:
        """Give the lines of a mapping whose first key stands behind a dash."""
        _, column = self._place(node.offset)
        written = self._lines[line]
        dash = written[:column]
        self._lines[line] = " " * column + written[column:]
        try:
            ordered = self._ordered(node, order, line, end)
        finally:
            self._lines[line] = written
        first = next(place for place, each in enumerate(ordered) if not _is_comment(each))
        indent = dash[: dash.index("-")]
        lead = [indent + each.lstrip() if each.strip() else each for each in ordered[:first]]
        return [*lead, dash + ordered[first][column:], *ordered[first + 1 :]]

    def _is_block(self, node: Mapping | Sequence) -> bool:
        return self._text.content[node.offset] not in "{[?"

    def _place(self, offset: int) -> tuple[int, int]:
        line, column = self._text.place(offset)
        return line - 1, column - 1


def _is_comment(line: str, deepest: int | None = None) -> bool:
    """Whether a line is blank or a comment, which stands no deeper than a column if one is given."""
    bare = line.lstrip()
    if not bare:
        return True
    return bare.startswith("#") and (deepest is None or len(line) - len(bare) <= deepest)


def _order(order: Order, *, listed: bool) -> Callable[[_Block], int | str]:
    """Give what the blocks of a collection are sorted by; where all is alike, they keep their order."""
    if order.by_name or (listed and order.item_id):
        return lambda block: block.name
    known = {key: place for place, key in enumerate(order.keys)}
    return lambda block: known.get(block.name, len(known))


def _joined(blocks: Listed[_Block], gaps: Listed[int]) -> Lines:
    lines: Lines = []
    for block, gap in zip(blocks, gaps, strict=True):
        lines += [*[""] * gap, *block.lead, *block.body]
    return lines
