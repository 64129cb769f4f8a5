"""Record an approval in the baseline's own text: a few characters change, every comment stays.

The text is changed where the entry stands, and the result is read again before anything is written:
it must say of every entry exactly what it said before, but for the approval.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from portproof.documents.git_history import digest_of_entry
from portproof.documents.text import Text, read_text
from portproof.documents.tree import Mapping as MappingNode
from portproof.documents.tree import Node, Scalar, parse_tree
from portproof.documents.tree import Sequence as SequenceNode
from portproof.errors import ApprovalError, DocumentError
from portproof.model.baseline import Baseline
from portproof.usecases.approve import Recorded

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+ -]*[A-Za-z0-9]|[A-Za-z0-9]")
_NOT_PLAIN: Final = re.compile(r"[0-9.+_-]*|(?i:true|false|yes|no|on|off|null|y|n)")


@dataclass(frozen=True, slots=True)
class _Change:
    """Put `text` in the place of `length` characters at `offset`."""

    offset: int
    length: int
    text: str


def edited(
    baseline: Baseline, records: Sequence[Recorded], load: Callable[[Path], Baseline]
) -> dict[Path, str]:
    """Give the new text of each file that changes.

    Raises:
        ApprovalError: an entry is written so that it has to be changed by hand.
        DocumentError: a file cannot be read.
    """
    texts: dict[Path, str] = {}
    for file in dict.fromkeys(each.entry.location.file for each in records):
        path = Path(file)
        text = read_text(path)
        here = [each for each in records if each.entry.location.file == file]
        nodes = _by_place(text)
        changes = [change for each in here for change in _changes(text, nodes, each)]
        if changes:
            texts[path] = _applied(text.content, changes)
    if texts:
        _check(baseline, records, texts, load)
    return texts


def _by_place(text: Text) -> dict[tuple[int, int], MappingNode]:
    """Give the mappings of a file by line and column: read once, however many entries change."""
    tree, _ = parse_tree(text)
    held: dict[tuple[int, int], MappingNode] = {}
    for each in _mappings(tree):
        held.setdefault(text.place(each.offset), each)
    return held


def _changes(
    text: Text, nodes: Mapping[tuple[int, int], MappingNode], record: Recorded
) -> Iterator[_Change]:
    node = nodes.get((record.entry.location.line, record.entry.location.column))
    if node is None:
        raise ApprovalError(_by_hand(record))
    if record.status is not None:
        yield from _set(text, node, {"status": record.status.value})
    values: dict[str, str | bool | None] = {
        "approver": record.approver,
        "approved_on": _day(record.approved_on),
        "emergency": record.emergency,
        "ratified_by": record.ratified_by,
        "ratified_on": _day(record.ratified_on),
    }
    told = {key: _written(value) for key, value in values.items() if value is not None}
    approval = node.pairs.get("approval")
    if isinstance(approval, MappingNode) and approval.pairs:
        yield from _set(text, approval, told)
    elif told:
        inside = ", ".join(f"{key}: {value}" for key, value in told.items())
        yield from _set(text, node, {"approval": f"{{{inside}}}"})


def _set(text: Text, node: MappingNode, told: Mapping[str, str]) -> Iterator[_Change]:
    """Replace the values of keys that are there; put the others before the mapping's last key."""
    new = {key: value for key, value in told.items() if key not in node.pairs}
    for key, value in told.items():
        held = node.pairs.get(key)
        if isinstance(held, Scalar):
            yield _replaced(text, held, value, node.keys[key] + len(key))
        elif held is not None:
            new[key] = value
    if not new:
        return
    at = max(node.keys.values())
    if text.content[node.offset : node.offset + 1] == "{":
        between = ", "
    else:
        _, column = text.place(at)
        ending = "\r\n" if "\r\n" in text.content else "\n"
        between = ending + " " * (column - 1)
    yield _Change(at, 0, "".join(f"{key}: {value}{between}" for key, value in new.items()))


def _replaced(text: Text, held: Scalar, value: str, after_key: int) -> _Change:
    if held.value is None and not held.text:
        # Nothing is written: the parser puts it where the next thing begins.
        return _Change(text.content.index(":", after_key) + 1, 0, f" {value}")
    quoted = text.content[held.offset] in "\"'"
    return _Change(held.offset, len(held.text) + 2 * quoted, value)


def _applied(content: str, changes: Sequence[_Change]) -> str:
    # From the end, so that none moves another; of several at one place, the first comes first.
    order = sorted(enumerate(changes), key=lambda each: (each[1].offset, each[0]), reverse=True)
    for _, each in order:
        content = content[: each.offset] + each.text + content[each.offset + each.length :]
    return content


def read_edited(
    baseline: Baseline, texts: Mapping[Path, str], load: Callable[[Path], Baseline]
) -> Baseline:
    """Read a baseline as it would be with new texts of some of its files; nothing is written there.

    Raises:
        DocumentError: it would have faults; the files in them are named as they are called here.
    """
    first = Path(baseline.file)
    top, shown = first.resolve().parent, first.parent
    new = {path.resolve(): text for path, text in texts.items()}
    with TemporaryDirectory(prefix="portproof-") as folder:
        for name in baseline.files or (baseline.file,):
            real = Path(name).resolve()
            copy = Path(folder) / real.relative_to(top)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(new[real].encode() if real in new else real.read_bytes())
        try:
            return load(Path(folder) / first.resolve().name)
        except DocumentError as error:
            faults = [
                replace(each, file=str(shown / each.file.removeprefix(f"{folder}/")))
                for each in error.faults
            ]
            raise DocumentError(faults) from None


def _check(
    baseline: Baseline,
    records: Sequence[Recorded],
    texts: Mapping[Path, str],
    load: Callable[[Path], Baseline],
) -> None:
    """Read the changed files as a baseline.

    Raises:
        ApprovalError: they do not say what they must.
    """
    try:
        after = read_edited(baseline, texts, load)
    except DocumentError:
        raise ApprovalError(_by_hand(records[0])) from None
    before = {each.id: digest_of_entry(each, baseline.scope) for each in baseline.entries}
    now = {each.id: digest_of_entry(each, after.scope) for each in after.entries}
    held = {each.id: each for each in after.entries}
    for record in records:
        entry = held.get(record.entry.id)
        if now != before or entry is None or not _says(record, entry.approval, entry.status):
            raise ApprovalError(_by_hand(record))


def _says(record: Recorded, approval: object, status: object) -> bool:
    fields = ("approver", "approved_on", "emergency", "ratified_by", "ratified_on")
    wanted = ((getattr(record, name), getattr(approval, name)) for name in fields)
    stated = record.status is None or record.status is status
    return stated and all(want is None or want == have for want, have in wanted)


def _by_hand(record: Recorded) -> str:
    place = record.entry.location
    told = (
        f"{key}: {value}"
        for key, value in (
            ("status", record.status),
            ("approver", record.approver),
            ("approved_on", record.approved_on),
            ("ratified_by", record.ratified_by),
        )
        if value is not None
    )
    return (
        f"{place.file}:{place.line}:{place.column}: entry {record.entry.id} is written so that it "
        f"cannot be changed here safely; nothing was signed. Write {', '.join(told)} and repeat"
    )


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _written(value: object) -> str:
    if not isinstance(value, str):
        return str(value).lower()  # true, false
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return value
    plain = _PLAIN.fullmatch(value) and not _NOT_PLAIN.fullmatch(value)
    return value if plain else json.dumps(value)


def _mappings(node: Node) -> Iterator[MappingNode]:
    waiting: list[Node] = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, MappingNode):
            yield each
            waiting.extend(each.pairs.values())
        elif isinstance(each, SequenceNode):
            waiting.extend(each.items)
