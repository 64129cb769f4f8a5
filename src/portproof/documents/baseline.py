"""`baseline.yaml`: the register of approved services, and the assets it speaks of."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from portproof.documents.baseline_shape import AssetShape, BaselineShape, EntryShape
from portproof.documents.hosts import Inventory, read_hosts, read_targets
from portproof.documents.overlap import overlaps
from portproof.documents.portlists import read_one_transport
from portproof.documents.reading import Reading, Steps
from portproof.errors import SpecificationError
from portproof.model.baseline import (
    Approval,
    Asset,
    Baseline,
    BaselineEntry,
    Mitigation,
    Tier,
)
from portproof.model.targetspec import NameTarget, parse_target
from portproof.model.vantage import Vantages


def load_baseline(path: Path, *, vantages: Vantages | None) -> Baseline:
    """Read the baseline; zones are checked against the vantages when those are given.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    reading.unique("assets", "id", "asset id")
    reading.unique("entries", "id", "entry id")
    asset_ids, tags = reading.texts("assets", "id"), reading.texts("assets", "tags")
    document = reading.shape(BaselineShape)
    _check_names(reading, document)
    assets = tuple(_asset(reading, i, asset) for i, asset in enumerate(document.assets))
    whole = [each for i, each in enumerate(assets) if not reading.damaged(("assets", i))]
    inventory = Inventory(whole, also=asset_ids, tags=tags)
    entries = _entries(reading, document, inventory, vantages)
    reading.finish()
    reviewed = document.reviewed
    return Baseline(
        scope=document.scope,
        entries=entries,
        assets=assets,
        file=reading.file,
        digest=reading.digest,
        reviewed_on=reviewed.on if reviewed else None,
        reviewed_by=reviewed.by if reviewed else "",
    )


def _entries(
    reading: Reading, document: BaselineShape, inventory: Inventory, vantages: Vantages | None
) -> tuple[BaselineEntry, ...]:
    """Make all entries; only sound ones are compared with each other."""
    zones = None if vantages is None else [zone.name for zone in vantages.zones]
    sound: list[BaselineEntry] = []
    for position, shape in enumerate(document.entries):
        at, before = ("entries", position), reading.faults_so_far()
        entry = _entry(reading, at, shape, inventory, zones)
        if entry and reading.faults_so_far() == before and not reading.damaged(at):
            sound.append(entry)
    _refuse_overlaps(reading, sound)
    return tuple(sound)


def _check_names(reading: Reading, document: BaselineShape) -> None:
    pattern = _naming(reading, document)
    for position, asset in enumerate(document.assets):
        at = ("assets", position, "id")
        _check_name(reading, at, asset.id, pattern)
        if _reads_as_address(asset.id):
            reading.fault(
                at, f"the asset id '{asset.id}' reads as an address; give it another name"
            )
    for position, entry in enumerate(document.entries):
        _check_name(reading, ("entries", position, "id"), entry.id, pattern)


def _naming(reading: Reading, document: BaselineShape) -> re.Pattern[str] | None:
    if document.naming is None:
        return None
    try:
        with warnings.catch_warnings():
            # An ambiguous expression only warns, and would be read otherwise by a later Python.
            warnings.simplefilter("error")
            return re.compile(document.naming.pattern)
    except (re.error, OverflowError, RecursionError, FutureWarning, DeprecationWarning) as error:
        reading.fault(("naming", "pattern"), f"is no regular expression: {error}")
        return None


def _check_name(reading: Reading, at: Steps, name: str, pattern: re.Pattern[str] | None) -> None:
    if pattern is not None and not pattern.fullmatch(name):
        problem = (
            f"the id '{name}' does not match the naming pattern {pattern.pattern} of this file"
        )
        reading.fault(at, problem)


def _reads_as_address(name: str) -> bool:
    try:
        return not isinstance(parse_target(name), NameTarget)
    except SpecificationError:
        return False


def _asset(reading: Reading, position: int, shape: AssetShape) -> Asset:
    hosts = read_targets(reading, ("assets", position, "addresses"), shape.addresses)
    return Asset(
        id=shape.id,
        networks=hosts.networks,
        names=hosts.names,
        tags=frozenset(shape.tags or ()),
        owner=shape.owner,
        tier=None if shape.tier is None else Tier(shape.tier),
        capability=shape.capability,
    )


def _entry(
    reading: Reading,
    at: Steps,
    shape: EntryShape,
    inventory: Inventory,
    zones: Sequence[str] | None,
) -> BaselineEntry | None:
    """Make one entry; None when its ports do not parse."""
    ports = read_one_transport(reading, (*at, "ports"), shape.ports, shape.transport)
    hosts = read_hosts(reading, (*at, "hosts"), shape.hosts, inventory)
    for position, zone in enumerate(shape.zones if zones is not None else ()):
        reading.known((*at, "zones", position), zone, zones or (), "zone")
    _check_dates(reading, at, shape)
    if ports is None:
        return None
    return BaselineEntry(
        id=shape.id,
        networks=hosts.networks,
        names=hosts.names,
        hosts_text=tuple(shape.hosts),
        transport=ports[0],
        ports=ports[1],
        zones=tuple(shape.zones),
        service=shape.service,
        presence=shape.presence,
        tier=Tier(shape.tier),
        direction=shape.direction,
        owner=shape.owner,
        capability=shape.capability,
        breaks=shape.breaks,
        runbook=shape.runbook,
        justification=shape.justification,
        mitigation=_mitigation(shape),
        approval=Approval(**shape.approval.model_dump()),
        location=reading.location(at),
    )


def _mitigation(shape: EntryShape) -> Mitigation | None:
    return None if shape.mitigation is None else Mitigation(**shape.mitigation.model_dump())


def _check_dates(reading: Reading, at: Steps, shape: EntryShape) -> None:
    approved, review = shape.approval.approved_on, shape.approval.review_by
    if approved is not None and review is not None and review < approved:
        problem = f"the review ({review}) is before the approval ({approved})"
        reading.fault((*at, "approval", "review_by"), problem)


def _refuse_overlaps(reading: Reading, entries: Sequence[BaselineEntry]) -> None:
    for overlap in overlaps(entries):
        first, second = entries[overlap.first], entries[overlap.second]
        what = f"{overlap.host} {overlap.ports}/{second.transport} from zone '{overlap.zone}'"
        problem = (
            f"entry '{second.id}' overlaps entry '{first.id}' (line {first.location.line}): "
            f"both cover {what}; narrow one of them, or make them one"
        )
        reading.fault_at(second.location, problem)
