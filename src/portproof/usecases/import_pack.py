"""Import: take in a run that a vantage without a database has packed.

    structure ─► signature ─► digests ─► the run itself ─► authority ─► times ─► store
     (packs)     of the key that the vantage has at home       (law 4)

Whoever holds a vantage's key can write runs in its name; everything that home knows better is
therefore checked again here: the zone the vantage stands in, the authorisation and whether it was in
force, the addresses it covers, and that nothing happened in the future.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from portproof.contracts import Clock
from portproof.errors import PackError
from portproof.evidence.pack import Manifest
from portproof.model.authorisation import Authorisation
from portproof.model.endpoint import Transport
from portproof.model.scan import Control, RunRecord, RunStatus
from portproof.model.vantage import Vantages
from portproof.usecases.elsewhere import RunImports, SealedPack

MOST_AHEAD_S: Final = 5
"""How far a vantage's clock may be ahead of ours; PCI DSS v4.0.1 §10.6 wants them in step."""
_CLOSING_S: Final = 60
"""A run that its authorisation ended takes its last answers in and closes within this time."""
UNSYNCHRONISED: Final = "clock_unsynced"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportServices:
    """What an import needs of the world."""

    clock: Clock
    store: RunImports


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a pack."""

    record: RunRecord
    digest: str
    """Of the pack."""
    key: str
    """Fingerprint of the key that signed."""
    already: bool
    """Whether the same pack had been imported before: then nothing was changed."""
    flags: tuple[str, ...]
    """Facts about the run that hold from now on: `clock_unsynced`."""


def import_pack(
    services: ImportServices,
    pack: SealedPack,
    *,
    vantages: Vantages,
    authorisation: Authorisation | None,
) -> Imported:
    """Check a pack and keep its run; the same pack again changes nothing.

    Raises:
        PackError: it is refused: signature, digests, vantage, authority, times, or another run of
            the same id.
        StoreError: the store cannot be read or written; StoreLockedError while a run is under way.
    """
    manifest, now = pack.manifest, services.clock.now()
    origin = pack.origin(_key_of(manifest, vantages), now)
    packed = pack.run()
    _require_told(packed.record, manifest)
    flags = (UNSYNCHRONISED,) if packed.record.clock.synchronised is not True else ()
    with services.store.run_lock():
        already = _is_here(services.store, pack)
        if not already:
            _require_zone(manifest, vantages)
            _require_times(packed.record, manifest, now)
            _require_authorised(packed.record, authorisation)
            services.store.import_run(packed, replace(origin, flags=flags))
    return Imported(
        record=packed.record, digest=pack.digest, key=origin.key, already=already, flags=flags
    )


def _key_of(manifest: Manifest, vantages: Vantages) -> str:
    """Give the key that has to have signed; what the pack names it is not asked."""
    if vantages.vantage(manifest.vantage) is None:
        declared = ", ".join(each.id for each in vantages.vantages)
        raise PackError(
            f"refused (vantage): it says that it comes from vantage {manifest.vantage!r}, which "
            f"vantages.yaml does not declare; declared are: {declared}"
        )
    key = vantages.keys.get(manifest.vantage)
    if key is None:
        raise PackError(
            f"refused (vantage): vantage {manifest.vantage} has no key in vantages.yaml; give it "
            "`key:` with the line that `portproof keys show FILE` prints there"
        )
    return key


def _is_here(store: RunImports, pack: SealedPack) -> bool:
    run = pack.manifest.run
    known = store.pack_of(run)
    if known is None:
        return False
    if known == "":
        raise PackError(f"refused (duplicate): run {run} was made here; a pack cannot replace it")
    if known != pack.digest:
        raise PackError(
            f"refused (duplicate): run {run} is here already, from another pack ({known[:16]}..., "
            f"this one is {pack.digest[:16]}...); the past is not rewritten"
        )
    return True


def _require_told(record: RunRecord, manifest: Manifest) -> None:
    """Refuse a manifest that says something else than the run it seals."""
    plan = record.plan
    said = {
        "run": (manifest.run, plan.run_id),
        "vantage": (manifest.vantage, plan.vantage.id),
        "zone": (manifest.zone, plan.vantage.zone),
        "authorisation": (manifest.authorisation, plan.authorisation.digest),
        "status": (manifest.status, record.status.value),
        "started": (manifest.started, record.started),
        "finished": (manifest.finished, record.finished),
        "tool_version": (manifest.tool_version, record.tool_version),
        "clock": (manifest.clock_synchronised, record.clock.synchronised),
    }
    for name, (one, other) in said.items():
        if one != other:
            raise PackError(f"refused (contradiction): its manifest and its run differ in {name}")
    if record.status is RunStatus.RUNNING:
        raise PackError("refused (contradiction): its run has not ended")
    before = record.continuation
    if plan.continues != (before.run_id if before else None):
        raise PackError("refused (contradiction): its plan and its run differ in what it continues")


def _require_zone(manifest: Manifest, vantages: Vantages) -> None:
    """Refuse another zone than home's: severities and approvals go by it."""
    vantage = vantages.vantage(manifest.vantage)
    if vantage is not None and vantage.zone != manifest.zone:
        raise PackError(
            f"refused (zone): vantage {manifest.vantage} says that it stands in zone "
            f"{manifest.zone!r}; vantages.yaml says {vantage.zone!r}"
        )


def _require_times(record: RunRecord, manifest: Manifest, now: datetime) -> None:
    slack = timedelta(seconds=MOST_AHEAD_S)
    told = {"began": record.started, "ended": record.finished, "was packed": manifest.sealed}
    for what, at in told.items():
        if at > now + slack:
            raise PackError(
                f"refused (time): its run {what} at {_text(at)}, and here it is {_text(now)}; "
                "the vantage's clock or ours is wrong"
            )
    if record.finished < record.started:
        raise PackError(
            f"refused (time): its run ended ({_text(record.finished)}) before it began "
            f"({_text(record.started)})"
        )
    lasted_ms = (record.finished - record.started) // timedelta(milliseconds=1)
    if abs(lasted_ms - record.duration_ms) > MOST_AHEAD_S * 1_000:
        raise PackError(
            f"refused (time): its run lasted {record.duration_ms:,} ms by one clock and "
            f"{lasted_ms:,} ms by its own times"
        )
    _require_seen(record, slack)


def _require_seen(record: RunRecord, slack: timedelta) -> None:
    """Refuse what was seen while neither the run was under way nor one that it continues."""
    before = record.continuation
    if before is not None and not before.since <= before.until <= record.started + slack:
        raise PackError(
            f"refused (time): it took over what run {before.run_id} saw between "
            f"{_text(before.since)} and {_text(before.until)}, and began at {_text(record.started)}"
        )
    for outcome in record.hosts:
        for each in outcome.observations:
            if not _was_asked(record, each.at, slack):
                raise PackError(
                    f"refused (time): {each.endpoint} was seen at {_text(each.at)}, outside its run"
                )


def _was_asked(record: RunRecord, at: datetime, slack: timedelta) -> bool:
    """Whether the run was under way then, or one that it continues."""
    before = record.continuation
    if before is not None and before.since - slack <= at <= before.until + slack:
        return True
    return record.started - slack <= at <= record.finished + slack


def _require_authorised(record: RunRecord, held: Authorisation | None) -> None:
    plan = record.plan
    if held is None:
        raise PackError(
            "refused (authorisation): no authorisation is named here; name the one that the run "
            "rested on with --authorisation"
        )
    if plan.authorisation.digest != held.digest:
        raise PackError(
            f"refused (authorisation): its run rested on {plan.authorisation.id} "
            f"({plan.authorisation.digest[:16]}...), and the document here is {held.id} "
            f"({held.digest[:16]}...): another one, or another version of it"
        )
    last = held.valid_until + timedelta(seconds=_CLOSING_S)
    first = record.continuation.since if record.continuation else record.started
    began = held.valid_from <= first <= record.started < held.valid_until
    if not began or record.finished > last:
        raise PackError(
            f"refused (authorisation): {held.id} was in force from {_text(held.valid_from)} until "
            f"{_text(held.valid_until)}, and the run lasted from {_text(first)} until "
            f"{_text(record.finished)}"
        )
    _require_inside(record, held)


def _require_inside(record: RunRecord, held: Authorisation) -> None:
    plan = record.plan
    for host in plan.hosts:
        if not any(held.permits(host.address, name) for name in (None, *host.names)):
            raise PackError(f"refused (authorisation): {held.id} does not permit {host.address}")
    for control in plan.controls:
        if not _is_known(control, record, held):
            raise PackError(
                f"refused (authorisation): {held.id} does not name the control {control.id} at "
                f"{control.endpoint}"
            )
    probes = sum(plan.probes(each) for each in Transport)
    if probes > held.max_probes:
        raise PackError(
            f"refused (authorisation): {probes:,} endpoints, and {held.id} allows "
            f"{held.max_probes:,} in one run"
        )


def _is_known(control: Control, record: RunRecord, held: Authorisation) -> bool:
    """A vantage's own controls stand on its own addresses, which are hosts of the run."""
    if control.own:
        return any(control.endpoint.address == host.address for host in record.plan.hosts)
    return any(control.endpoint == each.endpoint for each in held.controls)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
