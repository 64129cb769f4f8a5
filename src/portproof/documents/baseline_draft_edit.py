"""Add proposed entries to a baseline's own text: everything else stays as it is, to the byte.

They are put behind the last entry of the file. The result is read again before anything is written:
it must say of every entry what it said before, and of each new one what was proposed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from portproof.documents.approval_edit import read_edited
from portproof.documents.baseline_draft import entries_text
from portproof.documents.git_history import digest_of_entry
from portproof.documents.text import Text, read_text
from portproof.documents.tree import Mapping, parse_tree
from portproof.documents.tree import Sequence as Listed
from portproof.errors import ApprovalError, DocumentError, SettingsError
from portproof.model.baseline import Baseline, Status
from portproof.policy.proposals import Proposal
from portproof.usecases.draft_baseline import Terms


def with_proposals(
    baseline: Baseline,
    into: Path,
    proposals: Sequence[Proposal],
    terms: Terms,
    load: Callable[[Path], Baseline],
) -> str:
    """Give the new text of one of the baseline's files.

    Raises:
        SettingsError: `into` is no file of this baseline.
        DocumentError: a file cannot be read, or the result has faults: an id that the naming pattern
            refuses, say.
        ApprovalError: the file lists its entries in a way that nothing can be added to safely.
    """
    path = _part(baseline, into)
    text = read_text(path)
    new = _added(text, proposals, terms)
    try:
        after = read_edited(baseline, {path: new}, load)
    except DocumentError as error:
        first = str(error).partition("\n")[0]
        raise ApprovalError(f"the proposals do not fit into this baseline: {first}") from None
    _check(baseline, after, proposals, text)
    return new


def _part(baseline: Baseline, into: Path) -> Path:
    wanted = into.resolve()
    for name in baseline.files or (baseline.file,):
        if Path(name).resolve() == wanted:
            return Path(name)
    raise SettingsError(
        f"{into} is no file of the baseline {baseline.file}; list it there under 'include' first"
    )


def _added(text: Text, proposals: Sequence[Proposal], terms: Terms) -> str:
    content = text.content
    end = "\r\n" if "\r\n" in content else "\n"
    tree, _ = parse_tree(text)
    if not isinstance(tree, Mapping):
        raise ApprovalError(_by_hand(text, 0))
    held = tree.pairs.get("entries")
    if held is None:
        whole = content if content.endswith("\n") else content + end
        return whole + _lines(f"\nentries:\n{entries_text(proposals, terms, indent=2)}", end)
    if not isinstance(held, Listed):
        raise ApprovalError(_by_hand(text, held.offset))
    if not held.items:
        return _in_place_of_none(text, held, entries_text(proposals, terms, indent=2), end)
    if content[held.offset] != "-":
        raise ApprovalError(_by_hand(text, held.offset))
    margin = text.place(held.offset)[1] - 1
    first, stop = _last_item(content, tree, held)
    body, tail = _split_tail(content[first:stop], margin)
    body = body if body.endswith("\n") else body + end
    listed = _lines(f"\n{entries_text(proposals, terms, indent=margin)}", end)
    return "".join((content[:first], body, listed, tail, content[stop:]))


def _last_item(content: str, tree: Mapping, held: Listed) -> tuple[int, int]:
    """Give where the lines of the last entry begin, and where those of the next key do."""
    last = held.items[-1].offset
    begin = content.rfind("\n", 0, last) + 1
    after = min((each for each in tree.keys.values() if each > last), default=len(content))
    return begin, content.rfind("\n", 0, after) + 1 if after < len(content) else after


def _in_place_of_none(text: Text, held: Listed, listed: str, end: str) -> str:
    """Put entries in the place of `entries: []`; what stands behind it on its line stays."""
    content = text.content
    found = re.compile(r"\s*\[\s*\]([^\r\n]*)(\r?\n|\Z)").match(
        content, content.rindex(":", 0, held.offset) + 1
    )
    if found is None:
        raise ApprovalError(_by_hand(text, held.offset))
    behind = found[1].rstrip()
    return content[: found.start()] + behind + end + _lines(listed, end) + content[found.end() :]


def _split_tail(item: str, margin: int) -> tuple[str, str]:
    """Split what belongs to an entry from blank lines and comments behind it.

    A comment that is indented further than the entry's dash belongs to the entry.
    """
    lines = item.splitlines(keepends=True)
    last = len(lines)
    while last > 1:
        bare = lines[last - 1].lstrip(" ")
        comment = bare.startswith("#") and len(lines[last - 1]) - len(bare) <= margin
        if bare.strip() and not comment:
            break
        last -= 1
    return "".join(lines[:last]), "".join(lines[last:])


def _lines(text: str, end: str) -> str:
    return text if end == "\n" else text.replace("\n", end)


def _check(before: Baseline, after: Baseline, proposals: Sequence[Proposal], text: Text) -> None:
    """Hold the result against what it must say.

    Raises:
        ApprovalError: it says something else.
    """
    held = {each.id: digest_of_entry(each, before.scope) for each in before.entries}
    now = {each.id: each for each in after.entries}
    kept = all(
        name in now and digest_of_entry(now[name], after.scope) == digest
        for name, digest in held.items()
    )
    new = [now.get(each.id) for each in proposals]
    proposed = all(
        entry is not None
        and entry.status is Status.PROPOSED
        and (entry.transport, entry.ports, entry.hosts_text)
        == (wanted.transport, wanted.ports, wanted.hosts)
        for entry, wanted in zip(new, proposals, strict=True)
    )
    if not kept or not proposed or len(now) != len(held) + len(proposals):
        raise ApprovalError(_by_hand(text, 0))


def _by_hand(text: Text, offset: int) -> str:
    line, column = text.place(offset)
    return (
        f"{text.file}:{line}:{column}: the entries are written so that nothing can be added to them "
        "safely; write them as a block, one '- id: …' below the other, or name another file of the "
        "baseline with --into"
    )
