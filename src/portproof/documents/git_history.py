"""The versions of a baseline's entries, from git: who changed what an entry means, when and why.

A version is a commit with which an entry's meaning, or the approval it records, became another.
The entry is followed by its id, whatever file it stands in, so that a moved, renamed or split file
changes nothing::

    HEAD ── first parents ──► each commit that changed a file of the baseline
              │                 load before and after, compare the entry's canonical content
              └─ a merge that brought it: then the line that was merged, the same way

What an entry means depends on assets, tags, templates and environments, and no line of text alone
can tell: the product's own reader does. Of each state of the files it reads only the entries that
no other state with the same assets, tags, templates and environments had (`entry_items`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from posixpath import normpath
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from portproof.documents.entry_items import Pieces, pieces_of
from portproof.documents.git_repository import Repository
from portproof.documents.text import LARGEST, Text
from portproof.documents.tree import Mapping as MappingNode
from portproof.documents.tree import Scalar, parse_tree
from portproof.documents.tree import Sequence as SequenceNode
from portproof.errors import ApprovalError, DocumentError
from portproof.evidence.canonical import digest, digest_of
from portproof.model.approval import Commit, EntryVersion, content_of
from portproof.model.baseline import Baseline, BaselineEntry

MOST_FILES: Final = 256
DEEPEST_MERGE: Final = 20
"""Merges inside merges that are followed; deeper ones count as where the content comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A baseline as one commit has it."""

    root: str
    """The first file's path in the repository; empty when it is not there."""
    files: tuple[str, ...] = ()
    entries: Mapping[str, BaselineEntry]
    """With locations as paths in the repository; lines are right in the first state that is read."""
    digests: Mapping[str, str]
    problem: str = ""
    """Why it cannot be read, as far as it cannot."""


_Piece: TypeAlias = tuple[str, str, str]
"""Digest of all that is no entry, a file, and the text of one of its items."""
_ABSENT: Final = State(root="", entries={}, digests={})


class BaselineHistory:
    """The history of one baseline in one repository."""

    def __init__(self, repository: Repository, root: str, load: Callable[[Path], Baseline]) -> None:
        """Begin at the checked-out commit; `root` is the first file's path in the repository.

        `load` reads a baseline as the product does, in the environment that is looked at.
        """
        self._repository = repository
        self._root = root
        self._load = load
        self._head = repository.head()
        self._by_commit: dict[tuple[str, str], State] = {}
        self._by_blobs: dict[tuple[tuple[str, str], ...], State] = {}
        self._contents: dict[str, bytes] = {}
        """Of the state that is being read, by blob."""
        self._known: dict[_Piece, tuple[BaselineEntry, str]] = {}
        self._renamed: dict[tuple[str, str], str] = {}
        self._lines: dict[tuple[str, tuple[str, ...], str], tuple[Commit, ...]] = {}

    def state(self, commit: str, root: str = "") -> State:
        """Give the baseline as a commit has it.

        Raises:
            ApprovalError: git fails.
        """
        key = (commit, root or self._root)
        if key not in self._by_commit:
            self._by_commit[key] = self._read(*key)
        return self._by_commit[key]

    def seed(self, baseline: Baseline) -> None:
        """Take a baseline that was read from the work tree for the checked-out one, where it is.

        That saves reading it a second time; where a file differs from its commit, nothing is taken.

        Raises:
            ApprovalError: git fails, or a file lies outside the work tree.
        """
        named = {self._repository.inside(Path(each)): each for each in baseline.files}
        blobs = self._blobs(self._head, self._root)
        if named.keys() != blobs.keys() or not named:
            return
        if any(Path(named[path]).read_bytes() != self._contents[blobs[path]] for path in named):
            return
        places = {name: path for path, name in named.items()}
        entries = {
            each.id: replace(each, location=replace(each.location, file=places[each.location.file]))
            for each in baseline.entries
        }
        self._by_blobs[tuple(blobs.items())] = State(
            root=self._root,
            files=tuple(blobs),
            entries=entries,
            digests={name: digest_of_entry(each, baseline.scope) for name, each in entries.items()},
        )

    def versions(self, entry_id: str) -> Iterator[EntryVersion]:
        """Give the versions of an entry, the present one first; empty when no commit has it.

        Lazily: whoever looks at the first one only has only so much loaded.

        Raises:
            ApprovalError: git fails.
        """
        return self._along(entry_id, self._head, self._root, (), "")

    def _along(
        self, entry_id: str, tip: str, root: str, merges: tuple[Commit, ...], without: str
    ) -> Iterator[EntryVersion]:
        """Go along the first parents of a commit; `without` ends it where another line begins."""
        now = self.state(tip, root)
        for commit in self._line(tip, now, without):
            after = self.state(commit.id, root)
            if after.files != now.files:
                # Other files make it up from here on: their changes count from here on.
                yield from self._along(entry_id, commit.id, root, merges, without)
                return
            before_root = self._root_before(commit, root, after)
            before = self._first_parent(commit, before_root)
            if _same(before, after, entry_id):
                if before_root != root:
                    yield from self._along(
                        entry_id, commit.parents[0], before_root, merges, without
                    )
                    return
                continue
            merged = self._merged_line(commit, root, after, entry_id, len(merges))
            if merged is None:
                yield _version(commit, before, after, entry_id, merges)
            else:
                # As the merged line tells it; the merge brought it, and made none of it.
                inner = (*merges, commit)
                yield from self._along(entry_id, merged, root, inner, commit.parents[0])
            if before_root != root:
                yield from self._along(entry_id, commit.parents[0], before_root, merges, without)
                return

    def _line(self, tip: str, state: State, without: str) -> tuple[Commit, ...]:
        key = (tip, state.files or (state.root or self._root,), without)
        if key not in self._lines:
            self._lines[key] = self._repository.line(tip, key[1], without=without)
        return self._lines[key]

    def _first_parent(self, commit: Commit, root: str) -> State:
        return self.state(commit.parents[0], root) if commit.parents and root else _ABSENT

    def _root_before(self, commit: Commit, root: str, after: State) -> str:
        """Give the first file's path before a commit: another one where the commit renamed it."""
        if not commit.parents or not after.root or self.state(commit.parents[0], root).root:
            return root
        key = (commit.id, root)
        if key not in self._renamed:
            self._renamed[key] = self._repository.renamed_from(*key) or root
        return self._renamed[key]

    def _merged_line(
        self, commit: Commit, root: str, after: State, entry_id: str, depth: int
    ) -> str | None:
        """Find the merged parent that has the entry as the merge has it; None when none does."""
        if depth >= DEEPEST_MERGE:
            return None
        for parent in commit.parents[1:]:
            if _same(self.state(parent, root), after, entry_id):
                return parent
        return None

    def _read(self, commit: str, root: str) -> State:
        try:
            blobs = self._blobs(commit, root)
        except DocumentError as fault:
            return replace(_ABSENT, root=root, files=(root,), problem=_first_line(fault))
        if not blobs:
            return _ABSENT
        key = tuple(blobs.items())
        if key not in self._by_blobs:
            self._by_blobs[key] = self._loaded(root, blobs)
        return self._by_blobs[key]

    def _blobs(self, commit: str, root: str) -> dict[str, str]:
        """Give the files of the baseline in a commit, by path: the first one and what it includes."""
        found: dict[str, str] = {}
        self._contents.clear()
        waiting = [root]
        while waiting and len(found) < MOST_FILES:
            path = waiting.pop()
            held = self._repository.blob(commit, path)
            if path in found or held is None or held[1] > LARGEST:
                continue
            found[path] = held[0]
            folder = PurePosixPath(path).parent
            content = self._contents[held[0]] = self._repository.content(held[0])
            waiting += [normpath(str(folder / name)) for name in _included(path, content)]
        return found

    def _loaded(self, root: str, blobs: Mapping[str, str]) -> State:
        texts = {
            path: self._contents[blob].decode(errors="surrogateescape")
            for path, blob in blobs.items()
        }
        files = tuple(blobs)
        try:
            held = self._by_pieces(root, texts)
        except DocumentError as fault:
            return replace(_ABSENT, root=root, files=files, problem=_first_line(fault))
        return State(
            root=root,
            files=files,
            entries={name: entry for name, (entry, _) in held.items()},
            digests={name: digest for name, (_, digest) in held.items()},
        )

    def _by_pieces(
        self, root: str, texts: Mapping[str, str]
    ) -> dict[str, tuple[BaselineEntry, str]]:
        """Give the entries and their digests, reading those alone that were never read before.

        Raises:
            DocumentError: the baseline cannot be read.
        """
        pieces = {path: pieces_of(text) for path, text in texts.items()}
        rest = _digest_of_rest(pieces)
        keys = [(rest, path, item) for path, each in pieces.items() for item in each.items]
        missing = [key for key in keys if key not in self._known]
        if not keys or len(set(keys)) < len(keys) or not self._learn(root, pieces, missing):
            return self._read_whole(root, texts)
        return {self._known[key][0].id: self._known[key] for key in keys}

    def _learn(self, root: str, pieces: Mapping[str, Pieces], missing: Sequence[_Piece]) -> bool:
        """Read the missing pieces; False when they are not one entry each, or not by themselves."""
        if not missing:
            return True
        texts, begins = {}, {}
        for path, each in pieces.items():
            items = tuple(item for _, where, item in missing if where == path)
            texts[path] = each.only(items)
            line = each.before.count("\n") + 1
            for item in items:
                begins[path, line] = item
                line += item.count("\n")
        try:
            found = self._read_whole(root, texts)
        except DocumentError:
            # An environment that changes an entry which is not missing, say: read all of it.
            return False
        places = {
            (each.location.file, each.location.line): name for name, (each, _) in found.items()
        }
        if len(found) != len(missing) or places.keys() != begins.keys():
            return False
        rest = missing[0][0]
        for (path, line), item in begins.items():
            self._known[rest, path, item] = found[places[path, line]]
        return True

    def _read_whole(
        self, root: str, texts: Mapping[str, str]
    ) -> dict[str, tuple[BaselineEntry, str]]:
        """Have the product's reader read some files.

        Raises:
            DocumentError: they have faults; the paths in it are those of the repository.
        """
        with TemporaryDirectory(prefix="portproof-") as folder:
            for path, text in texts.items():
                written = Path(folder) / path
                written.parent.mkdir(parents=True, exist_ok=True)
                written.write_bytes(text.encode(errors="surrogateescape"))
            try:
                baseline = self._load(Path(folder) / root)
            except DocumentError as error:
                raise DocumentError(
                    [
                        replace(each, file=each.file.removeprefix(f"{folder}/"))
                        for each in error.faults
                    ]
                ) from None
            entries = [_relative(each, folder) for each in baseline.entries]
        return {each.id: (each, digest_of_entry(each, baseline.scope)) for each in entries}


def _digest_of_rest(pieces: Mapping[str, Pieces]) -> str:
    """Give the digest of all that is no entry; bytes that are no text count as they are."""
    told = (part for path in sorted(pieces) for part in _rest(path, pieces[path]))
    return digest_of("\0".join(told).encode(errors="surrogateescape"))


def _rest(path: str, pieces: Pieces) -> tuple[str, str, str]:
    return path, pieces.before, pieces.after


def digest_of_entry(entry: BaselineEntry, scope: str) -> str:
    """Give the SHA-256 of an entry's canonical content (RFC 8785), lower-case hex."""
    return digest(content_of(entry, scope))  # type: ignore[arg-type]


def _version(
    commit: Commit, before: State, after: State, entry_id: str, merges: tuple[Commit, ...]
) -> EntryVersion:
    return EntryVersion(
        commit=commit,
        entry=after.entries.get(entry_id),
        digest=after.digests.get(entry_id, ""),
        merges=tuple(reversed(merges)),
        before=before.entries.get(entry_id),
        problem=after.problem,
    )


def _same(before: State, after: State, entry_id: str) -> bool:
    """Whether an entry means the same in two states, and records the same approval."""
    one, other = before.entries.get(entry_id), after.entries.get(entry_id)
    if one is None or other is None:
        return one is other and before.problem == after.problem
    return (
        before.digests[entry_id] == after.digests[entry_id]
        and one.approval == other.approval
        and one.status is other.status
    )


def _relative(entry: BaselineEntry, folder: str) -> BaselineEntry:
    file = entry.location.file.removeprefix(f"{folder}/")
    return replace(entry, location=replace(entry.location, file=file))


def _included(path: str, content: bytes) -> list[str]:
    """Give the names under `include`; what cannot be read the loader will say."""
    if b"include" not in content:
        return []
    tree, _ = parse_tree(Text(path, content.decode(errors="replace").removeprefix("\ufeff"), ""))
    node = tree.pairs.get("include") if isinstance(tree, MappingNode) else None
    held = node.items if isinstance(node, SequenceNode) else [node]
    return [each.text for each in held if isinstance(each, Scalar)]


def _first_line(fault: DocumentError) -> str:
    return str(fault).partition("\n")[0]


def open_history(
    baseline: Baseline, load: Callable[[Path], Baseline]
) -> tuple[Repository, BaselineHistory]:
    """Find the repository that a baseline lies in, and give its history.

    Raises:
        ApprovalError: git is missing, the file lies in no work tree, or there is no commit yet.
    """
    path = Path(baseline.file)
    repository = Repository(path.resolve().parent)
    root = repository.inside(path)
    if repository.blob(repository.head(), root) is None:
        raise ApprovalError(f"{baseline.file} is not in the commit that is checked out")
    return repository, BaselineHistory(repository, root, load)
