"""Who edited the entries of a baseline, from git: nobody reviews what he or she wrote.

An edit is a commit with which what an entry means became another; one that only records its
approval is none. Whoever brought the present content counts however long ago that was, and everybody
who changed it after the entry was last reviewed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from portproof.documents.git_history import BaselineHistory, open_history
from portproof.errors import ApprovalError
from portproof.model.approval import Commit, EntryVersion
from portproof.model.baseline import Baseline
from portproof.usecases.baseline_review import Editors


def editors_of(
    baseline: Baseline,
    ids: Iterable[str],
    load: Callable[[Path], Baseline],
    since: Mapping[str, datetime],
) -> Editors:
    """Give who edited each entry; `since` is when an entry was last reviewed, if it ever was."""
    try:
        history = _whole_history(baseline, load)
        found = {
            each: tuple(_edits(history.versions(each), since.get(each)))
            for each in dict.fromkeys(ids)
        }
    except ApprovalError as problem:
        return Editors({}, str(problem))
    return Editors(found)


def _whole_history(baseline: Baseline, load: Callable[[Path], Baseline]) -> BaselineHistory:
    """Open the history of a baseline.

    Raises:
        ApprovalError: git fails, or has a part of the history only.
    """
    repository, history = open_history(baseline, load)
    if repository.shallow:
        raise ApprovalError(
            f"{repository.top} is a shallow clone (git fetch --unshallow brings the rest)"
        )
    history.seed(baseline)
    return history


def _edits(versions: Iterator[EntryVersion], since: datetime | None) -> Iterator[Commit]:
    found = False
    for version, older in _with_older(versions):
        if found and since is not None and version.commit.committed <= since:
            return
        if older is None or older.digest != version.digest:
            found = True
            yield version.commit


def _with_older(
    versions: Iterator[EntryVersion],
) -> Iterator[tuple[EntryVersion, EntryVersion | None]]:
    """Give each version with the one before it in time; the first of all with None."""
    waiting: EntryVersion | None = None
    for version in versions:
        if waiting is not None:
            yield waiting, version
        waiting = version
    if waiting is not None:
        yield waiting, None
