"""History of an entry: what each of its versions changed, in words."""

from __future__ import annotations

from dataclasses import dataclass

from portproof.model.approval import EntryVersion, content_of
from portproof.model.baseline import Approval, BaselineEntry
from portproof.policy.wording import instant

_DECISION = ("approver", "approved_on", "emergency", "ratified_by", "ratified_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionInfo:
    """One version as it is listed."""

    commit: str
    """The short id."""
    commit_id: str
    at: str
    author: str
    signed_by: str
    """The approver whose key signed the commit; empty where none of them did."""
    key: str
    merged_by: tuple[str, ...]
    """`3f2a… of head@example.com`, the last merge first."""
    ticket: str
    subject: str
    digest: str
    """Of the canonical content; empty where the entry was removed."""
    changed: str
    """`ports 443 → 443,8443; approver … → …`, `added`, `removed`."""


def version_info(version: EntryVersion, *, key: str, signer: str) -> VersionInfo:
    """Say what a version changed; `key` and `signer` are its verified signature's, or empty."""
    commit, entry = version.commit, version.entry
    return VersionInfo(
        commit=commit.short,
        commit_id=commit.id,
        at=instant(commit.at),
        author=f"{commit.author} <{commit.email}>",
        signed_by=signer,
        key=key,
        merged_by=tuple(f"{each.short} of {each.email}" for each in version.merges),
        ticket=entry.approval.ticket if entry else "",
        subject=commit.subject,
        digest=version.digest,
        changed=_changed(version),
    )


def _changed(version: EntryVersion) -> str:
    before, after = version.before, version.entry
    if version.problem:
        return f"the baseline cannot be read: {version.problem}"
    if after is None:
        return "removed"
    if before is None:
        return "added"
    one, other = _fields(before), _fields(after)
    told = [
        f"{name} {_text(one.get(name))} → {_text(other.get(name))}"
        for name in dict.fromkeys((*one, *other))
        if one.get(name) != other.get(name)
    ]
    return "; ".join(told) or "nothing of its meaning"


def _fields(entry: BaselineEntry) -> dict[str, object]:
    approval: Approval = entry.approval
    decision = {name: getattr(approval, name) for name in _DECISION}
    held = {name: value for name, value in decision.items() if value}
    return content_of(entry, "") | held | {"status": entry.status.value}


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
