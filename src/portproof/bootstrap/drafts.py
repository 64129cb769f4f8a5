"""Drafts of baselines: a stored run or another scanner's report in, proposed entries out."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from portproof.bootstrap.identity import who_acts
from portproof.bootstrap.inventory import known_targets
from portproof.documents.baseline import check_baseline, load_baseline
from portproof.documents.baseline_draft import baseline_text, entries_text, require_sound
from portproof.documents.baseline_draft_edit import with_proposals
from portproof.documents.writing import write_files
from portproof.errors import SettingsError, StoreError
from portproof.model.baseline import Baseline
from portproof.model.review import REVIEW_MONTHS, months_later
from portproof.model.source import FileOptions, SourceSettings
from portproof.policy.proposals import Ground
from portproof.usecases.draft_baseline import Draft, Report, Terms, draft_of_report, draft_of_run

if TYPE_CHECKING:
    from portproof.bootstrap import Application
    from portproof.model.inventory import KnownTarget
    from portproof.model.vantage import Vantages

LATEST: Final = "latest"
FILE_NAME: Final = "baseline.yaml"
_REPORT: Final = ".xml"

__all__ = [
    "LATEST",
    "add_proposals",
    "drafted",
    "new_baseline",
    "proposed_text",
    "source_of",
    "terms_of",
]


def terms_of(app: Application, *, requester: str, ticket: str, review_by: date | None) -> Terms:
    """Give what each proposal says: the operator asks, and it would hold for half a year.

    PCI DSS v4.0.1 §1.2.7: what is approved is looked at again within six months.
    """
    today = app.clock.now().date()
    if review_by is not None and review_by < today:
        raise SettingsError(f"--review-by {review_by} lies in the past: nothing could be approved")
    return Terms(
        requester=requester or app.settings.operator or who_acts().name,
        review_by=review_by or months_later(today, REVIEW_MONTHS),
        ticket=ticket,
    )


def source_of(text: str) -> str | Path:
    """Tell a report of nmap (a path) from a run's id or `latest`."""
    path = Path(text)
    return path if path.is_file() or path.suffix == _REPORT or "/" in text else text


def drafted(app: Application, source: str | Path, *, zone: str, anew: bool) -> Draft:
    """Draft from a run (its id, or `latest`) or from the file of a report that `nmap -oX` wrote.

    `zone` is where nmap looked from; empty: the zone of the configured vantage. Held against the
    configured baseline; `anew`, against its assets only, and without one where there is none yet.

    Raises:
        SettingsError: no baseline is named, a zone is not declared, or there is no such file.
        DocumentError: a document has faults.
        SourceError: the report cannot be read to its end.
        StoreError: there is no such run.
    """
    known, unknown = _inventory(app)
    # A run says itself from where it saw; this machine need be no vantage then.
    here = app.vantage.zone if isinstance(source, Path) and not zone else zone
    ground = Ground(
        baseline=_without_entries(app) if anew else app.baseline,
        vantages=app.vantages,
        zone=here,
        inventory=known,
    )
    if isinstance(source, Path):
        draft = draft_of_report(_report(app, source), ground)
    elif zone:
        raise SettingsError(
            "--seen-from is for reports of nmap: a run says itself from where it saw"
        )
    else:
        draft = _of_run(app, source, ground)
    return replace(draft, notes=(*draft.notes, *unknown))


def _of_run(app: Application, source: str, ground: Ground) -> Draft:
    with app.open_store(create=False) as store:
        newest = store.runs(limit=1) if source == LATEST else ()
        if source == LATEST and not newest:
            raise StoreError("the store holds no run yet; `portproof scan` makes one")
        run_id = newest[0].id if newest else source
        return draft_of_run(store, run_id, ground, on=app.clock.now().date())


def new_baseline(app: Application, draft: Draft, terms: Terms, out: Path | None) -> Path:
    """Write a draft as a new baseline; gives its file: `out`, else as configured, else here.

    Raises:
        SettingsError: it is there already: nothing is overwritten.
        DocumentError: the draft is no sound baseline (too large).
        ApprovalError: the file cannot be written.
    """
    path = out or app.settings.baseline or Path(FILE_NAME)
    if path.exists() or path.is_symlink():
        raise SettingsError(
            f"{path} is there already and is not overwritten: `portproof baseline propose` adds to "
            "it what is new, --out writes another file"
        )
    scope = app.settings.scope or draft.scope or "first-scope"
    text = baseline_text(draft, terms, scope=scope, at=app.clock.now())
    require_sound(text, called=path, vantages=_judging_vantages(app))
    write_files({path: text.encode()})
    return path


def add_proposals(app: Application, draft: Draft, terms: Terms, into: Path | None) -> Path:
    """Add a draft to the configured baseline, or to one of the files that it includes.

    Raises:
        SettingsError: the file is none of the baseline's.
        DocumentError: it cannot be read.
        ApprovalError: it has to be changed by hand, or cannot be written.
    """
    baseline = app.baseline
    path = into or Path(baseline.file)
    vantages, environment = _judging_vantages(app), app.settings.environment

    def load(copy: Path) -> Baseline:
        check_baseline(copy, vantages=vantages)
        return load_baseline(copy, vantages=vantages, environment=environment)

    text = with_proposals(baseline, path, draft.proposals, terms, load)
    write_files({path: text.encode()})
    return path


def proposed_text(draft: Draft, terms: Terms) -> str:
    """Give the entries as they would be added."""
    return entries_text(draft.proposals, terms, indent=2)


def _without_entries(app: Application) -> Baseline:
    """Give what a new baseline may know of hosts: the assets of the configured one, if it is there."""
    named = app.settings.baseline
    if named is not None and named.is_file():
        return replace(app.baseline, entries=())
    return Baseline(scope="", entries=(), file=str(named or FILE_NAME), digest="")


def _inventory(app: Application) -> tuple[tuple[KnownTarget, ...], tuple[str, ...]]:
    """Give the targets that sources listed, and why none are known where they cannot be read."""
    try:
        return tuple(known_targets(app)), ()
    except StoreError as problem:
        return (), (f"no owner is known from the sources: {problem}",)


def _judging_vantages(app: Application) -> Vantages | None:
    """Give the vantages where somebody says which zones there are; see `bootstrap.language.lint`."""
    declared = app.settings.vantages is not None or app.config is not None
    return app.vantages if declared else None


def _report(app: Application, path: Path) -> Report:
    from portproof.scan.resolver import SystemResolver  # noqa: PLC0415 - as in bootstrap.inventory
    from portproof.settings import reveal  # noqa: PLC0415 - the same
    from portproof.sources import Ground as Reading  # noqa: PLC0415 - the same
    from portproof.sources import Source  # noqa: PLC0415 - the same
    from portproof.sources.gathering import Gathering  # noqa: PLC0415 - the same
    from portproof.sources.nmap_services import probed_services  # noqa: PLC0415 - the same

    if not path.is_file():
        raise SettingsError(
            f"{path}: there is no such file; give a report of nmap -oX, or a run's id"
        )
    reading = Reading(
        now=app.clock.now,
        elapsed_s=time.monotonic,
        stop=app.stop_file.exists,
        secrets=reveal,
        resolver=SystemResolver(),
    )
    options = FileOptions(patterns=(escape(str(path)),))
    settings = SourceSettings(name="nmap", kind="nmap_xml", options=options)
    listing = Source(settings, reading).fetch()
    return Report(str(path), listing, probed_services(Gathering(settings, reading), path))
