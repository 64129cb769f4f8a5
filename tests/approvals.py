"""Provenance of one entry: who wrote it, who signed for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factories as make
from portproof.model.approval import (
    Approver,
    Approvers,
    Claim,
    Commit,
    EntryVersion,
    Means,
    Provenance,
    Trace,
)
from portproof.model.baseline import BaselineEntry


def signature(approver: str, **changes: Any) -> Claim:
    """Give a detached signature that was verified, made a day before noon."""
    defaults: dict[str, Any] = {
        "approver": approver,
        "key": f"SHA256:{approver}",
        "means": Means.SIGNATURE,
        "at": make.NOON - timedelta(days=1),
        "reference": "web.json",
    }
    return Claim(**(defaults | changes))


def commit(message: str = "CHG-1: the shop", author: str = "dev@example.com") -> Commit:
    """Give a commit of two days before noon."""
    at = make.NOON - timedelta(days=2)
    return Commit(
        id="c0ffee" + "0" * 34, author="dev", email=author, at=at, committed=at, message=message
    )


def by_commit(
    entry: BaselineEntry,
    *claims: Claim,
    author: str = "dev@example.com",
    message: str = "CHG-1: the shop",
    before: BaselineEntry | None = None,
    **approvers: Any,
) -> Provenance:
    """Give the provenance of an entry that one commit brought; whoever signs is an approver."""
    version = EntryVersion(
        commit=commit(message, author), entry=entry, digest="d" * 64, before=before
    )
    trace = Trace(digest="d" * 64, touched=version.commit, brought=version, claims=claims)
    people = tuple(Approver(id=each.approver) for each in claims)
    held = {"approvers": people, "file": "approvers.yaml"} | approvers
    return Provenance(traces={entry.id: trace}, approvers=Approvers(**held))
