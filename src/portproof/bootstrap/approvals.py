"""Approvals: the list of approvers, the history of the baseline, keys; put together as settings say."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from portproof.documents import load_approvers, load_baseline
from portproof.documents.approval_edit import edited
from portproof.documents.approval_files import (
    FOLDER,
    NAMESPACE,
    approval_bytes,
    approval_name,
)
from portproof.documents.git_history import open_history
from portproof.documents.git_signatures import CommitSignatures
from portproof.documents.provenance import Sought, read_provenance, rewritten_since
from portproof.documents.ssh_signatures import SshKeygen
from portproof.documents.writing import write_files
from portproof.errors import ApprovalError, StoreError
from portproof.model.approval import Approvers, Provenance
from portproof.policy.checks.baseline_recorded import recorded
from portproof.usecases.entry_history import EntryHistory, entry_history, recorded_history

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portproof.bootstrap import Application
    from portproof.contracts import Store
    from portproof.model.baseline import Baseline
    from portproof.model.judged_baseline import JudgedVersion
    from portproof.usecases.approve import Asked, Reviewed

__all__ = [
    "approver_of_key",
    "approvers_of",
    "give_approval",
    "history_of",
    "provenance_of",
    "public_key",
]

_LOOKED_BACK = 20
"""Runs among which the last commit of the baseline is looked for."""


def provenance_of(app: Application, *, history: bool = True) -> Provenance:
    """Say where the entries of the baseline come from; their versions where approvals are configured.

    Without `history` no version is read: the present digests, the last touch, detached approvals.

    Raises:
        DocumentError: the list of approvers has faults.
    """
    sought = Sought(
        load=reader_of(app),
        approvers=approvers_of(app),
        folder=approval_folder(app),
        history=history and app.settings.approvals is not None,
        recorded=_recorded(app) if history and app.settings.approvals is not None else "",
    )
    return read_provenance(app.baseline, sought)


def _recorded(app: Application) -> str:
    """Give the commit of the baseline that the store recorded last; empty when it has none."""
    try:
        with app.open_store(create=False) as store:
            scope = app.baseline.scope
            return store.judged_anchor(scope) or _recorded_before(store, scope)
    except StoreError:
        # There is none yet, or it cannot be read: the command itself opens it, and says so.
        return ""


def _recorded_before(store: Store, scope: str) -> str:
    """Give the commit that stands among judgements of before baselines were kept; empty for none."""
    told = (recorded(store.judgements(each.id), scope) for each in store.runs(limit=_LOOKED_BACK))
    return next(filter(None, told), "")


def approvers_of(app: Application) -> Approvers:
    """Give the list of approvers; an empty one where none is configured.

    Raises:
        DocumentError: it has faults.
    """
    configured = app.settings.approvals
    if configured is None:
        return Approvers()
    return load_approvers(configured.approvers, key=configured.list_key)


def approval_folder(app: Application) -> Path:
    """Give where detached approvals lie: as configured, else beside the baseline."""
    configured = app.settings.approvals
    if configured is not None and configured.folder is not None:
        return configured.folder
    return Path(app.baseline.file).parent / FOLDER


def reader_of(app: Application) -> Callable[[Path], Baseline]:
    """Give what reads a version of the baseline: without zones, which older versions may not know."""
    return partial(load_baseline, vantages=None, environment=app.settings.environment)


def public_key(key: Path) -> str:
    """Give the public half of a private SSH key, type and base64 text.

    Raises:
        ApprovalError: it is no such key, or its public half is not beside it.
    """
    return SshKeygen().public_key(key)


def approver_of_key(approvers: Approvers, public: str) -> str:
    """Give the id of the approver that a key belongs to; empty when it is nobody's."""
    return next((each.id for each in approvers.approvers if public in each.keys), "")


def give_approval(app: Application, reviewed: Reviewed, asked: Asked, key: Path) -> list[Path]:
    """Sign the digests of a reviewed set, and record it in the baseline; gives the files written.

    Raises:
        ApprovalError: the key cannot sign, or the baseline has to be changed by hand.
        DocumentError: the baseline cannot be read.
    """
    baseline = app.baseline
    traces = provenance_of(app, history=False).traces
    digests = {each.id: traces[each.id].digest for each in reviewed.entries}
    texts = edited(baseline, reviewed.records, reader_of(app))
    content = approval_bytes(
        baseline.scope, asked.approver, asked.at, digests, emergency=asked.emergency
    )
    signature = SshKeygen().sign(content, key, NAMESPACE)
    file = approval_folder(app) / approval_name(content, digests)
    written = {file: content, file.with_name(f"{file.name}.sig"): signature}
    written |= {path: text.encode() for path, text in texts.items()}
    return write_files(written)


def history_of(app: Application, entry_id: str) -> EntryHistory:
    """List the versions of an entry: those that git has, and those that runs were judged by.

    Where git can tell none, what runs recorded is listed alone, with the reason.

    Raises:
        ApprovalError: git can tell none, and no run recorded one.
    """
    judged = _judged(app, entry_id)
    try:
        repository, history = open_history(app.baseline, reader_of(app))
        repository.require_whole()
        return entry_history(
            entry_id,
            history,
            CommitSignatures(repository, approvers_of(app)),
            judged,
            rewritten=rewritten_since(repository, _recorded(app)),
        )
    except ApprovalError as problem:
        if not judged:
            raise
        return recorded_history(judged, because=f"git cannot tell of entry {entry_id}: {problem}")


def _judged(app: Application, entry_id: str) -> Sequence[JudgedVersion]:
    """Give the versions that runs were judged by; empty where there is no database yet."""
    from portproof.store.database import path_of  # noqa: PLC0415 - SQLAlchemy, for who needs it

    if not path_of(app.database).exists():
        return ()
    of = {"scope": app.baseline.scope, "environment": app.baseline.environment}
    with app.open_store(create=False) as store:
        return store.judged_versions(entry_id, **of)
