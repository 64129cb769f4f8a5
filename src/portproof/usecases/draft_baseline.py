"""Draft a baseline: what a run, or another scanner, saw open becomes proposed entries.

Nothing is approved by it: each entry is proposed, names no approver, and leaves its reason and its
ticket to a person. `baseline init` writes the drafts into a new baseline, `baseline propose` adds
them to one that is there; both hold them against the entries that exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from portproof.contracts import Store
from portproof.errors import SettingsError
from portproof.model.endpoint import Endpoint
from portproof.model.source import Listing
from portproof.policy.proposals import Ground, Proposal, propose
from portproof.policy.seen_open import Sight, seen_in_list, seen_in_run
from portproof.policy.wording import instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What every proposed entry says of its approval."""

    requester: str
    review_by: date
    """The last day on which the approval would hold."""
    ticket: str = ""
    """Reference of the change; empty: a person fills it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Proposals, where they come from, and what is not proposed."""

    proposals: tuple[Proposal, ...]
    source: str
    """`run 2026… of scope shop from vantage local (zone office), finished 2026-11-21T12:00:00Z`."""
    scope: str
    """The scope of the run; empty for another scanner's list."""
    open_ports: int
    """How many open ports were seen and believed, covered by an entry or not."""
    notes: tuple[str, ...]


def draft_of_run(store: Store, run_id: str, ground: Ground, *, on: date) -> Draft:
    """Draft from a stored run; the ground's zone is replaced by that of its vantage.

    Raises:
        StoreError: there is no such run, or it cannot be read.
        SettingsError: its vantage's zone is not declared any more, so that no entry could name it.
    """
    run = store.load_run(run_id)
    vantage = run.plan.vantage
    held = Ground(
        baseline=ground.baseline,
        vantages=ground.vantages,
        zone=_declared(vantage.zone, ground, f"run {run_id}"),
        inventory=ground.inventory,
    )
    source = (
        f"run {run.plan.run_id} of scope {run.plan.scope} from vantage {vantage.id} "
        f"(zone {vantage.zone}), finished {instant(run.finished)}"
    )
    return _draft(seen_in_run(run, ground.baseline, on), held, source, run.plan.scope)


@dataclass(frozen=True, slots=True)
class Report:
    """What another scanner wrote."""

    file: str
    listing: Listing
    services: Mapping[Endpoint, str]
    """Those that it asked for and recognised; imported, not witnessed."""


def draft_of_report(report: Report, ground: Ground) -> Draft:
    """Draft from another scanner's report, as seen from the ground's zone.

    Raises:
        SettingsError: that zone is not declared.
    """
    _declared(ground.zone, ground, report.file)
    listing = report.listing
    sight = seen_in_list(listing.items, listing.not_understood, report.services)
    source = f"{report.file}, imported as seen from zone {ground.zone}"
    return _draft(sight, ground, source, "")


def _draft(sight: Sight, ground: Ground, source: str, scope: str) -> Draft:
    return Draft(
        proposals=propose(sight.seen, ground),
        source=source,
        scope=scope,
        open_ports=sum(len(each.open) for each in sight.seen),
        notes=sight.notes,
    )


def _declared(zone: str, ground: Ground, whose: str) -> str:
    known: Sequence[str] = [
        *(each.name for each in ground.vantages.zones),
        *(each.name for each in ground.baseline.zones),
    ]
    if zone not in known:
        raise SettingsError(
            f"{whose} is seen from zone {zone!r}, which is not declared; declared are: "
            f"{', '.join(dict.fromkeys(known))}"
        )
    return zone
