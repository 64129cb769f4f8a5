"""The commit that last changed the segmentation policy, if git has it as it was read.

It dates the change better than the first test by it does. The date is the committer's own word: git
proves neither that nor the name.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from portproof.documents.git_repository import Repository
from portproof.errors import ApprovalError
from portproof.model.segmentation_record import PolicyCommit


def policy_commit(path: Path, digest: str) -> PolicyCommit | None:
    """Give the last commit that changed the file at `path`, whose bytes have that SHA-256.

    None: the file is in no repository that can be read, or what is committed is not what was read.
    """
    try:
        repository = Repository(path.parent)
        head, inside = repository.head(), repository.inside(path)
        blob = repository.blob(head, inside)
        if blob is None or hashlib.sha256(repository.content(blob[0])).hexdigest() != digest:
            return None
        changes = repository.line(head, [inside])
    except ApprovalError:
        return None
    return PolicyCommit(id=changes[0].id, at=changes[0].committed) if changes else None
