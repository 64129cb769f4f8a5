"""The history of an entry: git and the runs' own record, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import factories as make
from approvals import commit
from portproof.documents.git_history import digest_of_entry
from portproof.model.approval import EntryVersion, Signature, content_of
from portproof.model.baseline import BaselineEntry
from portproof.model.judged_baseline import JudgedVersion
from portproof.policy.approval_record import decision_of
from portproof.usecases.entry_history import EntryHistory, entry_history, recorded_history

WEB = make.entry(id="web")
WIDER = replace(WEB, ports=make.ports("22-80"))


@dataclass(frozen=True)
class Told:
    """A history and its signatures, as they are told here."""

    entries: tuple[BaselineEntry, ...]

    def versions(self, entry_id: str) -> Iterator[EntryVersion]:
        assert entry_id == "web"
        for place, each in enumerate(self.entries):
            before = self.entries[place + 1] if place + 1 < len(self.entries) else None
            digest = digest_of_entry(each, "shop")
            yield EntryVersion(commit=commit(), entry=each, digest=digest, before=before)

    def of_commit(self, commit: str) -> Signature:
        return Signature(refused=f"{commit[:6]} is not signed")


def judged(entry: BaselineEntry, run: str, **changes: Any) -> JudgedVersion:
    held: dict[str, Any] = {
        "content": content_of(entry, "shop") | {"decision": decision_of(entry)},
        "digest": digest_of_entry(entry, "shop"),
        "touched": {"commit": "f00d" * 10, "author": "dev <dev@example.com>", "why": "CHG-7"},
        "first_run": run,
        "first_at": make.NOON,
        "last_run": run,
        "last_at": make.NOON,
        "judgings": 1,
    }
    return JudgedVersion(**(held | changes))


def told(*entries: BaselineEntry, by: tuple[JudgedVersion, ...], **how: str) -> EntryHistory:
    held = Told(entries)
    return entry_history("web", held, held, by, **how)


def test_each_version_says_which_runs_were_judged_by_it() -> None:
    by = (judged(WEB, "run-1"), judged(WIDER, "run-2"), judged(WEB, "run-3"))
    found = told(WIDER, WEB, by=by)
    runs = [[each.first_run for each in version.judged] for version in found.versions]
    assert runs == [["run-2"], ["run-1", "run-3"]]
    assert found.problem == ""
    assert found.versions[0].changed == "ports 22 → 22-80"
    assert found.versions[0].unverified == "c0ffee is not signed"


def test_a_version_that_was_in_a_commit_and_is_in_none_contradicts_the_history() -> None:
    found = told(WEB, by=(judged(WEB, "run-1"), judged(WIDER, "run-2")))
    assert "contradicts what runs recorded: run run-2 was judged by a version of commit" in (
        found.problem
    )
    lost = found.versions[-1]
    assert (lost.in_git, lost.subject, lost.commit) == (False, "CHG-7", "")
    assert lost.changed.startswith("in no commit now; then of commit f00df00df00d: ")
    assert "ports 22-80" in lost.changed


def test_a_version_that_was_never_committed_is_told_and_contradicts_nothing() -> None:
    found = told(WEB, by=(judged(WIDER, "run-2", touched={}),))
    assert found.problem == ""
    assert found.versions[-1].changed.startswith("not committed then: ")


def test_another_approval_of_the_same_content_is_another_version() -> None:
    other = replace(WEB, approval=replace(WEB.approval, approver="other@example.com"))
    found = told(WEB, by=(judged(other, "run-1"),))
    assert [each.in_git for each in found.versions] == [True, False]


def test_a_history_that_is_known_to_be_rewritten_says_so_first() -> None:
    found = told(WEB, by=(judged(WIDER, "run-2"),), rewritten="the history was rewritten")
    assert found.problem == "the history was rewritten"


def test_without_git_the_record_of_the_runs_is_what_there_is() -> None:
    gone = judged(WEB, "run-2", content=None, digest="", touched={})
    by = (judged(WEB, "run-1"), gone, judged(WIDER, "run-3"))
    found = recorded_history(by, because="there is no git work tree")
    assert [each.judged[0].first_run for each in found.versions] == ["run-3", "run-1"]
    assert found.versions[0].changed.startswith("then of commit f00df00df00d: ")
    assert found.problem == "there is no git work tree"
