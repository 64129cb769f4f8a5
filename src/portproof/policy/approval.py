"""Judge the approval of an entry: whose claims count, how far they are verified, what is missing.

A claim counts as verified when a machine verified its signature, the key is that of an approver in
the signed list, the approver is entitled to every zone that the entry leads to at that time, and is
neither who asked for the entry nor who wrote it. Whatever falls short is self-declared: a name in a
file (docs/approvals.md). PCI DSS v4.0.1 §1.2.2 and §1.2.5, SOC 2 CC6.1 and CC8.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from portproof.model.approval import Approver, Claim, Level, Means, Provenance
from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.vantage import Vantages
from portproof.policy.approval_people import People

RATIFICATION: Final = timedelta(days=5)
"""Within which an emergency approval has to be approved again, by somebody else, without haste."""

CLOCK_SKEW: Final = timedelta(hours=1)
"""By how much the clocks of an author's and an approver's machine may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One person's approval that counts."""

    person: str
    level: Level
    at: datetime | None
    """None: the document gives no date."""
    emergency: bool
    told: str
    """`head@example.com by signature (SHA256:…, web.json)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the approval of one entry comes to at an instant."""

    level: Level
    needed: int
    """How many persons must approve it."""
    counted: tuple[Counted, ...]
    """The best of each person, verified ones first."""
    refused: tuple[str, ...]
    """Why other claims do not count as verified, one sentence each."""
    ratify_by: datetime | None = None
    """Until when an emergency approval has to be ratified; None: there is none, or it is."""

    @property
    def verified(self) -> int:
        """How many persons' approvals are verified."""
        return sum(each.level in (Level.SIGNED, Level.GIT) for each in self.counted)

    def overdue(self, at: datetime) -> bool:
        """Whether an emergency approval was not ratified in time."""
        return self.ratify_by is not None and at >= self.ratify_by

    @property
    def told(self) -> str:
        """Say in one text how the approval is known, and why not better."""
        who = "; ".join(each.told for each in self.counted) or "nobody is named"
        why = f" ({'; '.join(self.refused)})" if self.refused and not self.verified else ""
        return f"{self.level}: {who}{why}"


def standing(
    entry: BaselineEntry,
    provenance: Provenance,
    *,
    zones: Sequence[str],
    needed: int,
    at: datetime,
) -> Standing:
    """Judge the approval of an entry that leads to the zones (target zones), as of an instant.

    What was approved later than on the day of that instant does not count yet.
    """
    people = People(provenance.approvers)
    trace = provenance.traces.get(entry.id)
    counted: dict[str, Counted] = {}
    refused = [each for each in (provenance.untold_of(entry.id),) if each]
    for claim in sorted(trace.claims if trace else (), key=lambda each: each.at):
        problem = _too_late(claim, at) or refusal(claim, entry, provenance, zones)
        if problem:
            refused.append(f"{_named(claim)}: {problem}")
        else:
            _keep(counted, _verified(claim, people))
    for declared in _declared(entry, people):
        counted.setdefault(declared.person, declared)
    held = sorted(counted.values(), key=lambda each: each.level.rank)
    return Standing(
        level=_level(held, needed),
        needed=needed,
        counted=tuple(held),
        refused=tuple(dict.fromkeys(refused)),
        ratify_by=_ratify_by(entry, provenance, people, zones, held),
    )


def _level(held: Sequence[Counted], needed: int) -> Level:
    """Give the level of the weakest approval that is needed."""
    if not held:
        return Level.NONE
    return held[min(needed, len(held)) - 1].level


def _too_late(claim: Claim, at: datetime) -> str:
    """Say that a claim is of a later day than the one that is judged; empty when it is not."""
    if claim.at.date() <= at.date():
        return ""
    return f"it is dated {_time(claim.at)}, after the day that is judged ({at:%Y-%m-%d})"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _keep(counted: dict[str, Counted], new: Counted) -> None:
    """Keep the better approval of a person; one without haste stands above one in an emergency."""
    known = counted.get(new.person)
    if known is None or (new.level.rank, new.emergency) < (known.level.rank, known.emergency):
        counted[new.person] = new


def refusal(
    claim: Claim, entry: BaselineEntry, provenance: Provenance, zones: Sequence[str]
) -> str:
    """Say why a claim does not count as verified; empty when it does."""
    if not provenance.approvers.trusted:
        held = provenance.approvers
        return held.unsigned or "no list of approvers is configured, so that no key is anybody's"
    if claim.refused:
        return claim.refused
    people = People(provenance.approvers)
    approver = people.approver(claim.approver)
    if approver is None:
        return f"{claim.approver} is not in the list of approvers"
    return (
        _self_approval(claim, entry, people)
        or _too_early(claim)
        or _unentitled(approver, claim, zones)
    )


def _self_approval(claim: Claim, entry: BaselineEntry, people: People) -> str:
    if people.same(claim.approver, entry.approval.requester):
        return f"{claim.approver} is the requester"
    if claim.author and people.same(claim.approver, claim.author):
        return f"{claim.approver} is the author of the commit that brought it"
    if claim.author_key and claim.author_key == claim.key:
        return "the key that signed it is the one that signed the content"
    return ""


def _too_early(claim: Claim) -> str:
    """Say that a claim is older than what it approves; empty when it is not.

    Its time is what the signer's machine said, and decides whether he or she was entitled then.
    """
    if claim.not_before is None or claim.at >= claim.not_before - CLOCK_SKEW:
        return ""
    what = "what its content replaced was" if claim.means is Means.SIGNATURE else "the content was"
    return f"it is dated {_time(claim.at)}, and {what} written {_time(claim.not_before)}"


def _unentitled(approver: Approver, claim: Claim, zones: Sequence[str]) -> str:
    if approver.begins is not None and claim.at < approver.begins:
        return f"{approver.id} is entitled from {_time(approver.begins)} on only"
    if approver.ends is not None and claim.at >= approver.ends:
        return f"the entitlement of {approver.id} ended {_time(approver.ends)}"
    if approver.zones is None:
        return ""
    if not zones:
        return f"{approver.id} is entitled to {', '.join(approver.zones)}; the hosts lie in no zone"
    lacking = [each for each in zones if each not in approver.zones]
    return f"{approver.id} is not entitled to zone {', '.join(lacking)}" if lacking else ""


def _verified(claim: Claim, people: People) -> Counted:
    level = Level.SIGNED if claim.means is Means.SIGNATURE else Level.GIT
    return Counted(
        person=people.person(claim.approver),
        level=level,
        at=claim.at,
        emergency=claim.emergency,
        told=f"{_named(claim)}, {claim.key}, {_time(claim.at)}",
    )


def _named(claim: Claim) -> str:
    haste = " in an emergency" if claim.emergency else ""
    return f"{claim.approver} by {claim.means} {claim.reference}{haste}"


def _declared(entry: BaselineEntry, people: People) -> Iterator[Counted]:
    """Give who the document itself names; whoever asked for it approves nothing."""
    approval = entry.approval
    told = (
        (approval.approver, approval.approved_on, approval.emergency),
        (approval.ratified_by, approval.ratified_on, False),
    )
    for name, on, emergency in told:
        if name.strip() and not people.same(name, approval.requester):
            yield Counted(
                person=people.person(name),
                level=Level.SELF_DECLARED,
                at=None if on is None else datetime.combine(on, time(), UTC),
                emergency=emergency,
                told=f"{name} as the baseline says",
            )


def _ratify_by(
    entry: BaselineEntry,
    provenance: Provenance,
    people: People,
    zones: Sequence[str],
    held: Sequence[Counted],
) -> datetime | None:
    """Give until when the first emergency approval has to be ratified; None when it is.

    A signed one counts from its instant. A bare date in the document counts to its end: the five
    days end with the fifth day after it, as everywhere in UTC.
    """
    begun = _emergency(entry, provenance, people, zones)
    if begun is None:
        return None
    person, at, end = begun
    for each in held:
        in_time = each.at is not None and at.date() <= each.at.date() and each.at < end
        if not each.emergency and each.person != person and in_time:
            return None
    return end


def _emergency(
    entry: BaselineEntry, provenance: Provenance, people: People, zones: Sequence[str]
) -> tuple[str, datetime, datetime] | None:
    """Give who approved it in an emergency first, from when, and when the five days end."""
    approval, trace = entry.approval, provenance.traces.get(entry.id)
    begun = [
        (people.person(each.approver), each.at, each.at + RATIFICATION)
        for each in (trace.claims if trace else ())
        if each.emergency and not refusal(each, entry, provenance, zones)
    ]
    if not begun and approval.emergency and approval.approved_on is not None:
        day = datetime.combine(approval.approved_on, time(), UTC)
        end = day + timedelta(days=1) + RATIFICATION
        begun.append((people.person(approval.approver), day, end))
    return min(begun, key=lambda each: each[1], default=None)


def standing_of(
    entry: BaselineEntry,
    baseline: Baseline,
    vantages: Vantages,
    provenance: Provenance,
    at: datetime,
) -> Standing:
    """Judge the approval of an entry of a baseline: towards the zones that its hosts lie in."""
    return standing(
        entry,
        provenance,
        zones=target_zones(entry, baseline, vantages),
        needed=baseline.approvals_needed(entry),
        at=at,
    )


def target_zones(entry: BaselineEntry, baseline: Baseline, vantages: Vantages) -> tuple[str, ...]:
    """Give the zones that the entry's addresses lie in, by the baseline and by the vantages.

    A DNS name tells nothing: where it leads changes without either.
    """
    declared = [each.name for each in baseline.zones_towards(entry)]
    meeting = (
        zone.name
        for zone in vantages.zones
        if any(
            held.version == network.version and held.overlaps(network)
            for held in zone.networks
            for network in entry.networks
        )
    )
    return tuple(dict.fromkeys((*declared, *meeting)))
