"""History of an entry: what each of its versions changed, in words; by git, and by what runs recorded.

Git says who changed what and why, and can be rewritten. The store says by which versions runs were
judged, and cannot. Each version of git is shown with the judgings by it; versions that were judged by
and are in no commit are shown besides, and contradict the history where they once were in one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from portproof.contracts import History, SignatureCheck
from portproof.model.approval import EntryVersion, Signature, content_of
from portproof.model.baseline import BaselineEntry
from portproof.model.judged_baseline import JudgedVersion, Recorded
from portproof.policy.approval_record import decision_of
from portproof.policy.wording import instant


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedInfo:
    """The judgings by one version, in a row."""

    first_run: str
    first_at: str
    last_run: str
    last_at: str
    judgings: int
    commit: str
    """The commit that had last touched the entry then; empty where it was not committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionInfo:
    """One version as it is listed."""

    commit: str
    """The short id; empty where no commit has it."""
    commit_id: str
    at: str
    author: str
    signed_by: str
    """The approver whose key signed the commit; empty where none of them did."""
    key: str
    unverified: str = ""
    """Why it is not known who signed; empty where it is."""
    merged_by: tuple[str, ...]
    """`3f2a… of head@example.com, signed by …`, the last merge first."""
    ticket: str
    subject: str
    digest: str
    """Of the canonical content; empty where the entry was removed."""
    changed: str
    """`ports 443 → 443,8443; approver … → …`, `added`, `removed`."""
    in_git: bool = True
    judged: tuple[JudgedInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryHistory:
    """All versions of an entry that anything knows of."""

    versions: tuple[VersionInfo, ...]
    """Those of git, the present one first; then those that runs alone recorded, the last one first."""
    problem: str
    """Why they do not fit together, or git tells none; empty when they do."""


def entry_history(
    entry_id: str,
    history: History,
    signatures: SignatureCheck,
    judged: Sequence[JudgedVersion],
    *,
    rewritten: str = "",
) -> EntryHistory:
    """List the versions of an entry; `rewritten` says why its history is known to be another one.

    Raises:
        ApprovalError: git fails.
    """
    told: list[VersionInfo] = []
    seen: set[int] = set()
    for version in history.versions(entry_id):
        held = [each for each in judged if _is_of(each, version)]
        seen.update(map(id, held))
        info = version_info(version, signatures)
        told.append(replace(info, judged=tuple(map(_judged_info, held))))
    alone = [each for each in judged if each.content is not None and id(each) not in seen]
    problem = rewritten or _lost(entry_id, alone)
    lost = (_recorded(each, "in no commit now; then of commit") for each in reversed(alone))
    return EntryHistory(versions=(*told, *lost), problem=problem)


def recorded_history(judged: Sequence[JudgedVersion], *, because: str) -> EntryHistory:
    """List the versions that runs recorded, where git tells none, and say why it does not."""
    held = (each for each in reversed(judged) if each.content is not None)
    versions = tuple(_recorded(each, "then of commit") for each in held)
    return EntryHistory(versions=versions, problem=because)


def version_info(version: EntryVersion, signatures: SignatureCheck) -> VersionInfo:
    """Say what a version changed, and by whose keys its commit and its merges are signed.

    Raises:
        ApprovalError: a commit cannot be read.
    """
    commit, entry = version.commit, version.entry
    signature = signatures.of_commit(commit.id)
    return VersionInfo(
        commit=commit.short,
        commit_id=commit.id,
        at=instant(commit.at),
        author=f"{commit.author} <{commit.email}>",
        signed_by=signature.principal,
        key=signature.key,
        unverified=signature.refused,
        merged_by=tuple(
            f"{each.short} of {each.email}, {_signed(signatures.of_commit(each.id))}"
            for each in version.merges
        ),
        ticket=entry.approval.ticket if entry else "",
        subject=commit.subject,
        digest=version.digest,
        changed=_changed(version),
    )


def _signed(signature: Signature) -> str:
    if signature.refused:
        return f"signed by no approver ({signature.refused})"
    return f"signed by {signature.principal} ({signature.key})"


# ---------------------------------------------------------------- what runs recorded


def _is_of(judged: JudgedVersion, version: EntryVersion) -> bool:
    if version.entry is None or judged.content is None or judged.digest != version.digest:
        return False
    return judged.content.get("decision") == decision_of(version.entry)


def _lost(entry_id: str, alone: Sequence[JudgedVersion]) -> str:
    """Say that versions which once were in a commit are in none; empty when none is."""
    lost = [each for each in alone if each.touched]
    if not lost:
        return ""
    last = lost[-1]
    return (
        f"the history of entry {entry_id} contradicts what runs recorded: run {last.last_run} was "
        f"judged by a version of commit {_text(last.touched.get('commit'))[:12]}, and no commit has "
        "that version now; the history was rewritten, or is another branch's"
    )


def _recorded(judged: JudgedVersion, where: str) -> VersionInfo:
    content, touched = judged.content or {}, judged.touched
    commit = _text(touched.get("commit", ""))
    stood = f"{where} {commit[:12]}" if commit else "not committed then"
    return VersionInfo(
        commit="",
        commit_id=commit,
        at=_text(touched.get("at", "")),
        author=_text(touched.get("author", "")),
        signed_by="",
        key="",
        merged_by=(),
        ticket=_text(content.get("ticket", "")),
        subject=_text(touched.get("why", "")),
        digest=judged.digest,
        changed=f"{stood}: {_told(content)}",
        in_git=False,
        judged=(_judged_info(judged),),
    )


def _told(content: Mapping[str, Recorded]) -> str:
    """Give what a recorded version said, but for its schema and the scope it is of."""
    decision = content.get("decision")
    held = {name: each for name, each in content.items() if name not in _NO_TERMS}
    held |= decision if isinstance(decision, Mapping) else {}
    return "; ".join(f"{name} {_text(value)}" for name, value in held.items())


_NO_TERMS = ("schema", "scope", "id", "decision")


def _judged_info(judged: JudgedVersion) -> JudgedInfo:
    return JudgedInfo(
        first_run=judged.first_run,
        first_at=instant(judged.first_at),
        last_run=judged.last_run,
        last_at=instant(judged.last_at),
        judgings=judged.judgings,
        commit=_text(judged.touched.get("commit", "")),
    )


# ---------------------------------------------------------------- what git says changed


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
    return content_of(entry, "") | decision_of(entry)


def _text(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case list():
            return ", ".join(map(_text, value))
        case dict():
            return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
        case _:
            return str(value)
