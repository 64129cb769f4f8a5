"""Packs for tests: a small real run, kept and sealed by the product's own keeper."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from factories import NOON, host_outcome, observation, planned_host, run
from portproof.bootstrap.packs import pack_forms
from portproof.evidence.canonical import canonical, digest
from portproof.evidence.pack import CONTENTS, MANIFEST, SIGNATURE, signed_bytes
from portproof.model.batch import OutcomeBatch
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation, PortState
from portproof.model.scan import ClockFacts, RunRecord
from portproof.packs.keeper import PackKeeper
from portproof.packs.keys import SigningKey, load_key, new_key
from portproof.packs.sealing import member_of

RAW: dict[str, str | int] = {"banner": "220 mail\r\n", "errno": 0}
FORMS = pack_forms()


class FixedClock:
    """A clock that stands where the test puts it."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def facts(self) -> ClockFacts:
        return ClockFacts(source="test", synchronised=True)


def seen(port: int = 22) -> Observation:
    """An open port with a raw record."""
    host = planned_host()
    return observation(Endpoint(host.address, Transport.TCP, port), evidence=digest(RAW), at=NOON)


def small_run(**changes: Any) -> RunRecord:
    """A run of five minutes until noon, of one host with port 22 open."""
    host = planned_host(tcp="1-100")
    outcome = host_outcome(host, states={PortState.OPEN: "22"})
    outcome = replace(outcome, observations=(seen(),))
    return run(outcome, **changes)


def keeper_at(path: Path, key: SigningKey, at: datetime = NOON) -> PackKeeper:
    """A keeper whose clock stands at the end of the small run."""
    return PackKeeper(path, key, forms=FORMS, clock=FixedClock(at))


def pack_of(
    record: RunRecord,
    path: Path,
    key: SigningKey,
    *,
    batches: tuple[OutcomeBatch, ...] = (),
    at: datetime = NOON,
) -> Path:
    """Keep and seal a record as a scan would."""
    keeper = keeper_at(path, key, at)
    with keeper.run_lock():
        listener = keeper.begin_run(record.plan, record.started)
        for each in batches:
            listener.batch(each)
        for host in record.hosts:
            for observed in host.observations:
                listener.observed(observed, RAW)
        keeper.finish_run(record)
    return path


def a_key(folder: Path, name: str = "key") -> SigningKey:
    """A key in a file of its own, made once."""
    path = folder / name
    return load_key(path) if path.exists() else new_key(path)


def members(path: Path) -> dict[str, bytes]:
    """What a pack holds, by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, parts: Mapping[str, bytes]) -> Path:
    """Write the members as a zip file in place of the pack."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def resealed(path: Path, key: SigningKey, parts: Mapping[str, bytes], **said: Any) -> Path:
    """Sign members anew, with a manifest that fits them and says `said`: what a thief could do."""
    manifest = json.loads(parts[MANIFEST]) | said
    for name in CONTENTS:
        member = member_of(parts[name])
        manifest["members"][name] = {"sha256": member.sha256, "size": member.size}
    signed = canonical(manifest)
    signature = key.sign(signed_bytes(signed)).encode()
    return rewritten(path, {**parts, MANIFEST: signed, SIGNATURE: signature})
