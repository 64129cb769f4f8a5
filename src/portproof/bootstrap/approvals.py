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
from portproof.documents.git_repository import Signature
from portproof.documents.provenance import Sought, read_provenance
from portproof.documents.ssh_signatures import SshKeygen, allowed_signers
from portproof.documents.writing import write_files
from portproof.errors import ApprovalError, StoreError
from portproof.model.approval import Approvers, EntryVersion, Provenance
from portproof.policy.checks.baseline_recorded import recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portproof.bootstrap import Application
    from portproof.model.baseline import Baseline
    from portproof.usecases.approve import Asked, Reviewed

__all__ = [
    "approver_of_key",
    "approvers_of",
    "entry_versions",
    "give_approval",
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
            for run in store.runs(limit=_LOOKED_BACK):
                commit = recorded(store.judgements(run.id), app.baseline.scope)
                if commit:
                    return commit
    except StoreError:
        # There is none yet, or it cannot be read: the command itself opens it, and says so.
        return ""
    return ""


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


def entry_versions(app: Application, entry_id: str) -> Iterator[tuple[EntryVersion, Signature]]:
    """Give the versions of an entry, the present one first, each with its commit's signature.

    Raises:
        ApprovalError: git cannot tell: no repository, no commit, the file outside.
    """
    repository, history = open_history(app.baseline, reader_of(app))
    if repository.shallow:
        raise ApprovalError(
            f"{repository.top} is a shallow clone: older versions are missing; "
            "git fetch --unshallow brings them"
        )
    approvers = approvers_of(app)
    signers = allowed_signers(approvers.approvers) if approvers.trusted else ""
    for version in history.versions(entry_id):
        yield version, repository.signature(version.commit.id, signers)
