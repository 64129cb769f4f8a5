"""Where the entries of a baseline come from: lines blamed, versions followed, approvals verified.

Nothing here fails a check. What git or ssh-keygen cannot tell is one sentence in the result, and
the approvals concerned stay self-declared: no repository, a shallow clone, a file outside the work
tree, a change that is not committed, a history that was rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from portproof.contracts import SignatureCheck
from portproof.documents.approval_files import SignedApproval, read_approvals
from portproof.documents.blame import Blame
from portproof.documents.git_history import BaselineHistory, digest_of_entry, open_history
from portproof.documents.git_repository import Repository
from portproof.documents.git_signatures import CommitSignatures
from portproof.documents.ssh_signatures import allowed_signers
from portproof.errors import ApprovalError
from portproof.model.approval import (
    Approvers,
    Claim,
    Commit,
    EntryVersion,
    Means,
    Provenance,
    Trace,
)
from portproof.model.baseline import Baseline, BaselineEntry, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for, and with what."""

    load: Callable[[Path], Baseline]
    """Reads a baseline as the product does, in the environment that is looked at."""
    approvers: Approvers
    folder: Path
    """Where detached approvals lie."""
    history: bool
    """Whether the versions of every entry are read: slower, and what git approvals need."""
    recorded: str = ""
    """The commit that was checked out when the store last heard of this baseline; empty: unknown."""


def read_provenance(baseline: Baseline, sought: Sought) -> Provenance:
    """Trace every entry of the baseline; gives what is known, and what limits it."""
    approvers = sought.approvers
    statements = (
        [f"The list of approvers entitles nobody: {approvers.unsigned}."]
        if approvers.unsigned
        else []
    )
    signers = allowed_signers(approvers.approvers) if approvers.trusted else ""
    traces = {
        each.id: Trace(digest=digest_of_entry(each, baseline.scope)) for each in baseline.entries
    }
    try:
        signed = read_approvals(sought.folder, signers, baseline.scope)
        traces = {name: _signed(name, each, signed) for name, each in traces.items()}
    except ApprovalError as problem:
        statements.append(f"Detached approvals could not be verified: {problem}.")
    held = Provenance(traces=traces, approvers=approvers, statements=tuple(statements))
    try:
        return _with_git(baseline, sought, held)
    except ApprovalError as problem:
        because = str(problem)
        untold = {name: replace(each, untold=because) for name, each in traces.items()}
        statement = f"Git cannot tell where entries come from: {because}."
        return replace(held, traces=untold, statements=(*statements, statement))


def _with_git(baseline: Baseline, sought: Sought, held: Provenance) -> Provenance:
    """Add what git knows.

    Raises:
        ApprovalError: it knows nothing.
    """
    repository, history = open_history(baseline, sought.load)
    commit = repository.head()
    rewritten = rewritten_since(repository, sought.recorded)
    doubt = _shallow(repository) or rewritten
    if not sought.history:
        history.seed(baseline)
    signatures = CommitSignatures(repository, sought.approvers)
    look = _Look(repository, history, commit, signatures, doubt)
    look.follow = sought.history and not doubt
    traces = {each.id: look.trace(each, held.traces[each.id]) for each in baseline.entries}
    changed = sum(each.uncommitted for each in traces.values())
    statements = [*held.statements, *([_sentence(doubt)] if doubt else [])]
    if changed:
        number = "1 entry differs" if changed == 1 else f"{changed} entries differ"
        statements.append(f"{number} from the commit that is checked out.")
    return replace(
        held,
        traces=traces,
        commit=commit,
        anchor=_anchor(repository, commit, sought),
        rewritten=rewritten,
        statements=tuple(statements),
    )


class _Look:
    """Looks each entry up in one repository."""

    def __init__(
        self,
        repository: Repository,
        history: BaselineHistory,
        commit: str,
        signatures: SignatureCheck,
        doubt: str,
    ) -> None:
        self._repository = repository
        self._history = history
        self._state = history.state(commit)
        self._blame = Blame(repository, commit)
        self._signatures = signatures
        self._doubt = doubt
        self.follow = False
        """Whether versions are read."""

    def trace(self, entry: BaselineEntry, known: Trace) -> Trace:
        """Add to what is known of an entry what git knows."""
        # In a shallow clone each line would be blamed on the oldest commit that is there.
        shallow = self._repository.shallow
        touched = None if shallow else self._blame.touched(self._state, entry.id)
        found = replace(known, touched=touched, untold=self._doubt)
        if self._state.digests.get(entry.id) != known.digest:
            problem = self._state.problem
            told = f"the committed baseline cannot be read: {problem}" if problem else ""
            untold = found.untold or told or "its present content is not committed"
            return replace(found, uncommitted=True, untold=untold)
        return self._followed(found, entry.id) if self.follow else found

    def _followed(self, known: Trace, entry_id: str) -> Trace:
        versions: list[EntryVersion] = []
        replaced: EntryVersion | None = None
        for each in self._history.versions(entry_id):
            if each.digest != known.digest:
                replaced = each
                break
            versions.append(each)
        if not versions:
            return replace(known, untold="no commit that changed it was found")
        brought = versions[-1]
        detached = tuple(replace(each, not_before=_made(replaced)) for each in known.claims)
        claims = (*detached, *self._claims(versions[:-1], brought))
        return replace(known, brought=brought, claims=claims)

    def _claims(self, later: Sequence[EntryVersion], brought: EntryVersion) -> Iterator[Claim]:
        """Give what the merges and the follow-up commits of the present content say."""
        author = brought.commit.email
        author_key = self._signatures.of_commit(brought.commit.id).key
        given = [(merge, Means.MERGE, brought) for merge in brought.merges]
        given += [
            (version.commit, Means.FOLLOW_UP, version)
            for version in later
            if _records_an_approval(version)
        ]
        for each in given:
            claim = replace(self._claim(*each), author=author, author_key=author_key)
            yield replace(claim, not_before=_made(brought))

    def _claim(self, commit: Commit, means: Means, version: EntryVersion) -> Claim:
        signature = self._signatures.of_commit(commit.id)
        return Claim(
            approver=signature.principal or commit.email,
            key=signature.key,
            means=means,
            at=commit.committed,
            emergency=version.entry is not None and version.entry.approval.emergency,
            reference=commit.short,
            refused=signature.refused,
        )


def _records_an_approval(version: EntryVersion) -> bool:
    """Whether a version that changed no content says that somebody approves; not that nobody does."""
    entry = version.entry
    return (
        entry is not None
        and entry.status is Status.APPROVED
        and bool(entry.approval.approver.strip())
    )


def _made(version: EntryVersion | None) -> datetime | None:
    """Give when a version was written: its author's time, which a rebase does not change."""
    return None if version is None else version.commit.at


def _shallow(repository: Repository) -> str:
    if repository.shallow:
        return (
            "the clone is shallow, so that the commits that brought the entries are missing "
            "(git fetch --unshallow)"
        )
    return ""


def rewritten_since(repository: Repository, recorded: str) -> str:
    """Say why this history contradicts the last run's, which recorded a commit.

    Empty when it does not, and where it cannot be told: nothing was recorded, the clone is shallow.

    Raises:
        ApprovalError: there is no commit yet.
    """
    if not recorded or repository.shallow:
        return ""
    commit = repository.head()
    if _in_line(repository, recorded, commit):
        return ""
    return (
        f"the history was rewritten, or is another branch's: commit {recorded[:12]}, recorded "
        f"at the last run, is no ancestor of {commit[:12]}"
    )


def _in_line(repository: Repository, recorded: str, commit: str) -> bool:
    """Whether one of the two lies in the history of the other: an older checkout is no rewriting."""
    return repository.is_ancestor(recorded, commit) or repository.is_ancestor(commit, recorded)


def _anchor(repository: Repository, commit: str, sought: Sought) -> str:
    """Give the commit that later runs are held against: it only ever moves forward."""
    if not sought.history or repository.shallow:
        return sought.recorded
    known = sought.recorded
    return known if known and not repository.is_ancestor(known, commit) else commit


def _signed(name: str, trace: Trace, signed: Sequence[SignedApproval]) -> Trace:
    """Add the detached approvals of an entry's present content; those of an earlier one are not its."""
    claims = tuple(each.claim for each in signed if each.digests.get(name) == trace.digest)
    return replace(trace, claims=claims)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
