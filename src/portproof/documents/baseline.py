"""`baseline.yaml`: the register of approved services, and the assets it speaks of."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from portproof.documents.baseline_entries import (
    Effective,
    effective_entries,
    environment_names,
)
from portproof.documents.baseline_files import Files, Part, read_files
from portproof.documents.baseline_shape import ApprovalShape, AssetShape, TlsShape
from portproof.documents.baseline_zones import read_zones
from portproof.documents.hosts import Inventory, read_hosts, read_targets
from portproof.documents.overlap import overlaps
from portproof.documents.portlists import read_one_transport
from portproof.documents.reading import Reading, Steps
from portproof.documents.wording import did_you_mean
from portproof.errors import SpecificationError
from portproof.model.baseline import (
    Approval,
    Asset,
    Baseline,
    BaselineEntry,
    Direction,
    Mitigation,
    Presence,
    SourceLocation,
    Status,
    Tier,
    TlsVersion,
)
from portproof.model.targetspec import NameTarget, parse_target
from portproof.model.vantage import Vantages


def load_baseline(
    path: Path, *, vantages: Vantages | None, environment: str | None = None
) -> Baseline:
    """Read the baseline with all files that it includes, as it holds in an environment.

    Zones are checked against the vantages when those are given. No environment is the base.

    Raises:
        DocumentError: with every fault of every file.
    """
    files = read_files(path)
    baseline = _Judging(files, vantages).baseline(environment or "")
    files.finish()
    return baseline


def check_baseline(path: Path, *, vantages: Vantages | None) -> tuple[Baseline, tuple[str, ...]]:
    """Read the baseline and judge it in every environment; gives the base and the environments.

    Raises:
        DocumentError: with every fault of every file, whatever environment it shows in.
    """
    files = read_files(path)
    judging, environments = _Judging(files, vantages), environment_names(files)
    base = judging.baseline("")
    for name in environments:
        judging.baseline(name)
    files.finish()
    return base, environments


class _Judging:
    """The meaning of files whose shape is known: what does not depend on an environment, once."""

    def __init__(self, files: Files, vantages: Vantages | None) -> None:
        self._files = files
        files.unique("assets", "id", "asset id")
        self._zones = read_zones(files, vantages)
        self._zone_names = _zone_names(files, vantages)
        self._pattern = _naming(files.first)
        self._assets, self._inventory = self._read_assets()

    def baseline(self, environment: str) -> Baseline:
        """Give the baseline of an environment (empty: the base), as far as it is sound."""
        first = self._files.first
        _check_environment(self._files, environment)
        entries = self._entries(environment)
        reviewed = first.document.reviewed
        return Baseline(
            scope=first.document.scope,
            entries=entries,
            assets=self._assets,
            zones=self._zones,
            file=first.reading.file,
            digest=self._files.digest,
            files=tuple(each.reading.file for each in self._files.parts),
            environment=environment,
            reviewed_on=reviewed.on if reviewed else None,
            reviewed_by=reviewed.by if reviewed else "",
        )

    def _read_assets(self) -> tuple[tuple[Asset, ...], Inventory]:
        files = self._files
        assets, whole = [], []
        for part, position, shape in _asset_shapes(files):
            at = ("assets", position)
            self._check_name(part.reading, (*at, "id"), shape.id)
            if _reads_as_address(shape.id):
                problem = f"the asset id '{shape.id}' reads as an address; give it another name"
                part.reading.fault((*at, "id"), problem)
            asset = _asset(part.reading, at, shape)
            assets.append(asset)
            if not part.reading.damaged(at):
                whole.append(asset)
        inventory = Inventory(
            whole,
            zones=self._zones,
            also=files.texts("assets", "id"),
            tags=files.texts("assets", "tags"),
        )
        return tuple(assets), inventory

    def _entries(self, environment: str) -> tuple[BaselineEntry, ...]:
        """Make all entries; only sound ones are compared with each other."""
        sound: list[BaselineEntry] = []
        for effective in effective_entries(self._files, environment):
            readings = effective.readings
            before = sum(each.faults_so_far() for each in readings)
            entry = self._entry(effective)
            found = sum(each.faults_so_far() for each in readings) - before
            if entry and not found and effective.sound:
                sound.append(entry)
        _refuse_overlaps(self._files, sound)
        return tuple(sound)

    def _entry(self, effective: Effective) -> BaselineEntry | None:
        """Make one entry; None when its ports do not parse."""
        values, origins = effective.values, effective.origins
        reading, at = effective.origin
        self._check_name(reading, (*at, "id"), effective.id)
        ports = read_one_transport(*origins["ports"], values["ports"], values.get("transport"))
        hosts = read_hosts(*origins["hosts"], values["hosts"], self._inventory)
        self._check_zones(effective)
        _check_dates(effective)
        if ports is None:
            return None
        return BaselineEntry(
            id=effective.id,
            networks=hosts.networks,
            names=hosts.names,
            ids=hosts.ids,
            ranged=hosts.ranged,
            hosts_text=tuple(values["hosts"]),
            transport=ports[0],
            ports=ports[1],
            zones=tuple(values["zones"]),
            location=effective.location,
            template=effective.template,
            environment=effective.environment,
            changed=effective.changed,
            **_terms(values),
        )

    def _check_zones(self, effective: Effective) -> None:
        if self._zone_names is None:
            return
        reading, at = effective.origins["zones"]
        for position, zone in enumerate(effective.values["zones"]):
            reading.known((*at, position), zone, self._zone_names, "zone")

    def _check_name(self, reading: Reading, at: Steps, name: str) -> None:
        pattern = self._pattern
        if pattern is not None and not pattern.fullmatch(name):
            problem = (
                f"the id '{name}' does not match the naming pattern {pattern.pattern} of this file"
            )
            reading.fault(at, problem)


def _terms(values: dict[str, Any]) -> dict[str, Any]:
    """Give what an entry says besides where and which ports; what nobody wrote has its default."""
    tls: TlsShape | None = values.get("tls")
    mitigation = values.get("mitigation")
    approval: ApprovalShape = values.get("approval") or ApprovalShape()
    words = ("service", "owner", "capability", "breaks", "runbook", "justification")
    return {
        **{word: values.get(word, "") for word in words},
        "presence": values.get("presence", Presence.ALLOWED),
        "status": values.get("status", Status.APPROVED),
        "direction": values.get("direction", Direction.INBOUND),
        "tier": Tier(values.get("tier", Tier.THREE)),
        "tls_at_least": TlsVersion(tls.at_least) if tls else None,
        "mitigation": Mitigation(**mitigation.model_dump()) if mitigation else None,
        "approval": Approval(**approval.model_dump()),
    }


def _zone_names(files: Files, vantages: Vantages | None) -> list[str] | None:
    """Give the names that `from` may say; None where nobody can tell which zones there are."""
    if vantages is None:
        return None
    own = files.texts("zones", "name")
    return list(dict.fromkeys([*(zone.name for zone in vantages.zones), *own]))


def _check_environment(files: Files, environment: str) -> None:
    names = [name for part in files.parts for name, _ in part.reading.keys(("environments",))]
    if environment and environment not in names:
        hint = did_you_mean(environment, names) or "; it declares none"
        files.first.reading.fault_of_key(
            (), "environments", f"there is no environment '{environment}' in this baseline{hint}"
        )


def _naming(first: Part) -> re.Pattern[str] | None:
    naming = first.document.naming
    if naming is None:
        return None
    try:
        with warnings.catch_warnings():
            # An ambiguous expression only warns, and would be read otherwise by a later Python.
            warnings.simplefilter("error")
            return re.compile(naming.pattern)
    except (re.error, OverflowError, RecursionError, FutureWarning, DeprecationWarning) as error:
        first.reading.fault(("naming", "pattern"), f"is no regular expression: {error}")
        return None


def _reads_as_address(name: str) -> bool:
    try:
        return not isinstance(parse_target(name), NameTarget)
    except SpecificationError:
        return False


def _asset_shapes(files: Files) -> Iterator[tuple[Part, int, AssetShape]]:
    for part in files.parts:
        for position, shape in enumerate(part.document.assets):
            yield part, position, shape


def _asset(reading: Reading, at: Steps, shape: AssetShape) -> Asset:
    hosts = read_targets(reading, (*at, "addresses"), shape.addresses)
    return Asset(
        id=shape.id,
        networks=hosts.networks,
        names=hosts.names,
        ranged=hosts.ranged,
        tags=frozenset(shape.tags or ()),
        owner=shape.owner,
        tier=None if shape.tier is None else Tier(shape.tier),
        capability=shape.capability,
    )


def _check_dates(effective: Effective) -> None:
    approval: ApprovalShape | None = effective.values.get("approval")
    if approval is None or approval.approved_on is None or approval.review_by is None:
        return
    if approval.review_by < approval.approved_on:
        reading, at = effective.origins["approval"]
        problem = (
            f"the review ({approval.review_by}) is before the approval ({approval.approved_on})"
        )
        reading.fault((*at, "review_by"), problem)


def _refuse_overlaps(files: Files, written: Sequence[BaselineEntry]) -> None:
    # A proposed entry grants nothing, so it cannot grant what another one does.
    entries = [each for each in written if each.status is not Status.PROPOSED]
    for overlap in overlaps(entries):
        first, second = entries[overlap.first], entries[overlap.second]
        what = f"{overlap.host} {overlap.ports}/{second.transport} from zone '{overlap.zone}'"
        problem = (
            f"entry '{second.id}' overlaps entry '{first.id}' ({_near(first, second.location)}): "
            f"both cover {what}; narrow one of them, or make them one"
        )
        files.first.reading.fault_at(second.location, problem)


def _near(entry: BaselineEntry, seen_from: SourceLocation) -> str:
    place = entry.location
    return f"line {place.line}" if place.file == seen_from.file else f"{place.file}:{place.line}"
