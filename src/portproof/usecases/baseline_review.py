"""Review the register: what the reviewer sees, who may review what, and what is then signed.

Nothing here signs or writes. Nobody reviews what he or she asked for or wrote: an assessor wants to
see that somebody else still stands behind each entry (PCI DSS v4.0.1 §1.2.7). By default a reviewer
with a part in some entries is refused with the list of them; asked to, he or she reviews the others,
and the record names what was left out, which stays due until somebody else has looked at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from portproof.contracts import Store
from portproof.errors import ApprovalError
from portproof.model.approval import Commit, Provenance
from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.inventory import KnownTarget
from portproof.model.review import EditorsKnownBy, ReviewRecord, SignedReview
from portproof.model.scan import RunStatus
from portproof.model.vantage import Vantages
from portproof.policy.approval_people import People
from portproof.policy.approval_usage import ApprovalUsage, approval_usage
from portproof.policy.review import Attention, ReviewRow, refused_entries, review_rows

_NAMED: Final = 20
"""Entries that a refusal lists before it only counts them."""
_LISTED: Final = 5
"""The same for a caution."""


@dataclass(frozen=True, slots=True)
class Editors:
    """The commits that edited each entry, by id; `untold` says why git cannot tell, else empty."""

    commits: Mapping[str, tuple[Commit, ...]]
    untold: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """How runs used the approved entries."""

    approvals: tuple[ApprovalUsage, ...] = ()
    runs: int = 0
    """How many runs were looked through."""
    untold: str = ""
    """Why none could be; empty when they could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedReview:
    """What somebody asks to record."""

    reviewer: str
    key: str
    """The public key it will be signed with."""
    at: datetime
    note: str = ""
    others: bool = False
    """Whether to review the entries that the reviewer has no part in, and leave the rest out."""
    unused_days: int
    """An entry that was not seen open for longer is shown as unused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The register as the reviewer sees it, and what will be signed."""

    record: ReviewRecord
    rows: tuple[ReviewRow, ...]
    """The entries that are reviewed, unused ones first."""
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a review is made on."""

    baseline: Baseline
    provenance: Provenance
    vantages: Vantages
    usage: Usage = field(default_factory=Usage)
    editors: Editors


def usage_of(
    store: Store,
    baseline: Baseline,
    at: datetime,
    *,
    most_runs: int,
    inventory: Sequence[KnownTarget] = (),
) -> Usage:
    """Say how the newest concluded runs, of the scope of the newest of them, used the entries.

    `inventory` are the targets that sources list.

    Raises:
        StoreError: the store cannot be read.
    """
    concluded = [each for each in store.runs() if each.status is RunStatus.COMPLETE]
    ours = [each.id for each in concluded if each.scope == concluded[0].scope][:most_runs]
    return Usage(
        approvals=approval_usage(baseline, (store.load_run(each) for each in ours), at, inventory),
        runs=len(ours),
    )


def prepare(ground: Ground, asked: AskedReview) -> Prepared:
    """Give what a reviewer is to look at and to sign.

    Raises:
        ApprovalError: no entry is approved, the reviewer has a part in some of them (and did not ask
            for the others), or in all.
    """
    approved = ground.baseline.approved
    if not approved:
        raise ApprovalError(f"{ground.baseline.file}: no entry is approved, nothing is to review")
    left_out = {each.id: why for each in approved if (why := _part_in(each, ground, asked))}
    if left_out and (not asked.others or len(left_out) == len(approved)):
        raise ApprovalError(_refusal(left_out, ground.baseline, asked))
    rows = tuple(
        each
        for each in review_rows(
            ground.baseline, ground.usage.approvals, asked.at, unused_days=asked.unused_days
        )
        if each.entry.id not in left_out
    )
    record = ReviewRecord(
        scope=ground.baseline.scope,
        reviewer=asked.reviewer,
        at=asked.at,
        baseline=ground.baseline.digest,
        commit=ground.provenance.commit,
        editors=EditorsKnownBy.NAMES if ground.editors.untold else EditorsKnownBy.GIT,
        entries={each.entry.id: ground.provenance.traces[each.entry.id].digest for each in rows},
        left_out=left_out,
        unused=tuple(each.entry.id for each in rows if each.attention is Attention.UNUSED),
        note=asked.note,
    )
    return Prepared(record=record, rows=rows, cautions=tuple(_cautions(record, ground, asked)))


def _part_in(entry: BaselineEntry, ground: Ground, asked: AskedReview) -> str:
    """Say what part the reviewer has in an entry, or that nobody can tell; empty: none."""
    people, who = People(ground.provenance.approvers), asked.reviewer
    if people.same(who, entry.approval.requester):
        return f"{who} asked for it"
    if ground.editors.untold:
        if people.same(who, entry.approval.approver):
            return f"{who} approved it, and git cannot tell who wrote it"
        return ""
    for commit in ground.editors.commits.get(entry.id, ()):
        if people.same(who, commit.email) or people.same(who, commit.author):
            return f"{who} wrote it in commit {commit.short}"
    if ground.provenance.traces[entry.id].uncommitted:
        return "its present content is not committed, so that nobody can tell who wrote it"
    return ""


def _refusal(left_out: Mapping[str, str], baseline: Baseline, asked: AskedReview) -> str:
    number = len(left_out)
    lines = [
        f"{asked.reviewer} cannot review {number:,} of {len(baseline.approved):,} approved entries:"
    ]
    for name, why in list(left_out.items())[:_NAMED]:
        entry = baseline.entry(name)
        place = (
            f"{entry.location.file}:{entry.location.line}:{entry.location.column}: "
            if entry
            else ""
        )
        lines.append(f"{place}entry {name}: {why}")
    if number > _NAMED:
        lines.append(f"and {number - _NAMED:,} more")
    if number < len(baseline.approved):
        lines.append(
            "let somebody else review the register, or review the others with --others: what is "
            "left out stays due until somebody else has"
        )
    else:
        lines.append("let somebody else review the register")
    return "\n".join(lines)


def _cautions(record: ReviewRecord, ground: Ground, asked: AskedReview) -> Iterator[str]:
    editors, usage = ground.editors, ground.usage
    if editors.untold:
        yield (
            f"who edited the entries is known by the names in the baseline only: {editors.untold}"
        )
    if usage.untold:
        yield f"no run was looked through for what is unused: {usage.untold}"
    elif not usage.runs:
        yield "no run has concluded yet: what is unused is not known"
    pretended = SignedReview(record=record, reference="", key=asked.key)
    refused = refused_entries(pretended, ground.baseline, ground.provenance, ground.vantages)
    for why in dict.fromkeys(refused.values()):
        names = [name for name, told in refused.items() if told == why]
        yield f"the review of {_named(names)} will be self-declared: {why}"
    if record.left_out:
        yield f"{_named(list(record.left_out))} left out: somebody else has to review that"


def _named(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"entry {names[0]}"
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"{len(names):,} entries ({', '.join(names[:_LISTED])}{more})"
