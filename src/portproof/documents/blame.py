"""Which commit last touched the lines of an entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from portproof.documents.git_history import State
from portproof.documents.git_repository import Repository
from portproof.errors import ApprovalError
from portproof.model.approval import Commit
from portproof.model.baseline import SourceLocation


class Blame:
    """The lines of a baseline's files in one commit, and who last touched each."""

    def __init__(self, repository: Repository, commit: str) -> None:
        self._repository = repository
        self._commit = commit
        self._files: dict[str, tuple[list[str], dict[int, Commit]]] = {}

    def touched(self, state: State, entry_id: str) -> Commit | None:
        """Give the commit that last touched the entry; None when the commit has no such entry.

        Raises:
            ApprovalError: git fails.
        """
        entry = state.entries.get(entry_id)
        if entry is None:
            return None
        lines, blamed = self._file(entry.location.file)
        held = [blamed[each] for each in _extent(lines, entry.location) if each in blamed]
        newest = max((each.committed for each in held), default=None)
        tied = {each.id: each for each in held if each.committed == newest}
        # A rebase commits many within one second; of those, the one that follows the others.
        return next((each for each in tied.values() if self._last(each, tied)), None)

    def _last(self, commit: Commit, among: Collection[str]) -> bool:
        return all(
            each == commit.id or not self._repository.is_ancestor(commit.id, each) for each in among
        )

    def _file(self, path: str) -> tuple[list[str], dict[int, Commit]]:
        if path not in self._files:
            blob = self._repository.blob(self._commit, path)
            if blob is None:
                raise ApprovalError(f"{path} is not in commit {self._commit[:12]}")
            text = self._repository.content(blob[0]).decode(errors="replace")
            self._files[path] = (text.split("\n"), self._repository.blame(self._commit, path))
        return self._files[path]


def _extent(lines: Sequence[str], place: SourceLocation) -> range:
    """Give the lines of a list item or a value, 1-based: all that are indented further than it."""
    first = place.line - 1
    if first >= len(lines):
        return range(0)
    own = _indent(lines[first])
    in_list = lines[first][own : own + 1] == "-"
    least = own + 1 if in_list else min(own + 1, place.column - 1)
    last = first
    for at in range(first + 1, len(lines)):
        text = lines[at].strip()
        if text and not text.startswith("#"):
            if _indent(lines[at]) < least:
                break
            last = at
    return range(place.line, last + 2)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
