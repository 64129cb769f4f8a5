"""The baselines that runs were judged by: each kept once, in parts, and named by the judging's leaf.

::

    leaf `evaluated` ── baseline ──► index blob ── parts ──► blob of some entries, by id
                                     scope, commit           content, decision, touched

An entry lies in the part that its id says, so that a changed entry makes one new part and one new
index, and the others are those of before. The leaf is the only place that says which baseline a
judging was by: nothing in the database can be changed about it without the log showing it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from portproof.errors import EvidenceError, StoreError
from portproof.evidence.canonical import Json, digest
from portproof.model.judged_baseline import JudgedBaseline, JudgedVersion, Recorded
from portproof.store.codec import instant_from
from portproof.store.log import LEAF, get_blob, put_blob
from portproof.store.tables import METADATA

INDEX_SCHEMA: Final = "portproof.judged-baseline/1"
PART_SCHEMA: Final = "portproof.judged-entries/1"
LEAF_KEY: Final = "baseline"
"""Where the body of an evaluation's leaf names the index."""
ENTRIES_IN_PART: Final = 64
"""About as many; a part is then a few kilobytes."""
MOST_PARTS: Final = 256
_AT_ONCE: Final = 100

_EVALUATION: Final = METADATA.tables["evaluation"]


@dataclass(frozen=True, slots=True)
class _Judging:
    """One judging of a run, and the baseline it was by."""

    run_id: str
    at: str
    index: str


def keep_baseline(session: Session, judged: JudgedBaseline) -> str:
    """Keep a baseline, as far as it is not kept yet; gives the digest of its index.

    Raises:
        EvidenceError: a text in it has no canonical form.
    """
    count = 1
    while count < MOST_PARTS and count * ENTRIES_IN_PART < len(judged.entries):
        count *= 2
    parts: list[dict[str, Recorded]] = [{} for _ in range(count)]
    for name, entry in judged.entries.items():
        parts[_part_of(name, count)][name] = entry
    named = [put_blob(session, _json({"schema": PART_SCHEMA, "entries": each})) for each in parts]
    index: dict[str, Recorded] = {
        "schema": INDEX_SCHEMA,
        "scope": judged.scope,
        "environment": judged.environment,
        "commit": judged.commit,
        "anchor": judged.anchor,
        "parts": named,
    }
    return put_blob(session, _json(index))


def last_baseline(session: Session, run_id: str) -> str:
    """Give the index of the baseline that a run was judged by last; empty where none was kept."""
    rows = _judgings(session, run_id)
    return rows[-1].index if rows else ""


def versions_of(
    session: Session, entry_id: str, scope: str, environment: str
) -> list[JudgedVersion]:
    """Give what an entry was in all judgings by baselines of a scope and environment, oldest first.

    Judgings in a row that it was the same in are one version.

    Raises:
        StoreError: a baseline is gone or damaged.
        EvidenceError: it is of another schema.
    """
    reader = _Reader(session, entry_id, (scope, environment))
    found: list[JudgedVersion] = []
    for judging in _judgings(session):
        held = reader.entry(judging.index)
        if held is None:
            continue
        version = _version(judging, held)
        last = found[-1] if found else None
        if last is not None and _alike(last, version):
            found[-1] = replace(
                last,
                last_run=version.last_run,
                last_at=version.last_at,
                judgings=last.judgings + 1,
            )
        elif found or version.content is not None:
            found.append(version)
    return found


def last_anchor(session: Session, scope: str) -> str:
    """Give the anchor that the last judging by a baseline of a scope recorded; empty where none did.

    Raises:
        StoreError: a baseline is gone or damaged.
        EvidenceError: it is of another schema.
    """
    query = select(LEAF.c.data).join(_EVALUATION, LEAF.c.seq == _EVALUATION.c.seq)
    newest = query.order_by(LEAF.c.seq.desc()).execution_options(yield_per=_AT_ONCE)
    seen: set[str] = {""}
    for data in session.scalars(newest):
        index = _index_in(data, "the leaf of a judging")
        if index not in seen:
            seen.add(index)
            held = _read(session, index, INDEX_SCHEMA)
            if held["scope"] == scope and held["anchor"]:
                return str(held["anchor"])
    return ""


def documents_of(session: Session, seq: int) -> Iterator[str]:
    """Give the digests of the documents of the baseline that the leaf of a judging names.

    Raises:
        StoreError: the leaf or the index is gone or damaged.
        EvidenceError: the index is of another schema.
    """
    data = session.scalars(select(LEAF.c.data).where(LEAF.c.seq == seq)).first()
    index = _index_in(data, f"the leaf {seq}")
    if index:
        yield index
        yield from _read(session, index, INDEX_SCHEMA)["parts"]


class _Reader:
    """Reads one entry from many baselines, each part once."""

    def __init__(self, session: Session, entry_id: str, of: tuple[str, str]) -> None:
        self._session = session
        self._id = entry_id
        self._of = of
        self._by_index: dict[str, Mapping[str, Any] | None] = {}
        self._by_part: dict[str, Mapping[str, Any]] = {}

    def entry(self, index: str) -> Mapping[str, Any] | None:
        """Give the entry as recorded, empty where it is not there; None for another baseline."""
        if index not in self._by_index:
            self._by_index[index] = self._entry(_read(self._session, index, INDEX_SCHEMA))
        return self._by_index[index]

    def _entry(self, index: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if (index["scope"], index["environment"]) != self._of:
            return None
        part = index["parts"][_part_of(self._id, len(index["parts"]))]
        if part not in self._by_part:
            entries = _read(self._session, part, PART_SCHEMA)["entries"]
            self._by_part[part] = entries.get(self._id, {})
        return self._by_part[part]


def _version(judging: _Judging, held: Mapping[str, Any]) -> JudgedVersion:
    content = held.get("content")
    return JudgedVersion(
        content=None if content is None else content | {"decision": held["decision"]},
        digest="" if content is None else digest(content),
        touched=held.get("touched", {}),
        first_run=judging.run_id,
        first_at=instant_from(judging.at),
        last_run=judging.run_id,
        last_at=instant_from(judging.at),
        judgings=1,
    )


def _alike(one: JudgedVersion, other: JudgedVersion) -> bool:
    return (one.content, one.touched) == (other.content, other.touched)


def _judgings(session: Session, run_id: str = "") -> Sequence[_Judging]:
    """Give the judgings whose leaf names a baseline, oldest first; of one run, where it is named."""
    query = select(_EVALUATION.c.run_id, _EVALUATION.c.at, LEAF.c.data).join(
        LEAF, LEAF.c.seq == _EVALUATION.c.seq
    )
    if run_id:
        query = query.where(_EVALUATION.c.run_id == run_id)
    found = []
    for row in session.execute(query.order_by(_EVALUATION.c.seq)):
        index = _index_in(row.data, f"the leaf of a judging of {row.run_id}")
        if index:
            found.append(_Judging(row.run_id, row.at, index))
    return found


def _index_in(data: bytes | None, what: str) -> str:
    """Give the index that a leaf names; empty where it names none."""
    try:
        return str(json.loads(data or b"")["body"].get(LEAF_KEY, ""))
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise StoreError(f"{what} is damaged: {fault}") from fault


def _part_of(entry_id: str, count: int) -> int:
    return int.from_bytes(sha256(entry_id.encode()).digest()[:4]) % count


def _json(value: Recorded) -> Json:
    return cast("Json", value)


def _read(session: Session, name: str, schema: str) -> dict[str, Any]:
    try:
        document = json.loads(get_blob(session, name))
        found = document["schema"]
    except (ValueError, LookupError, TypeError) as fault:
        raise EvidenceError(f"the record {name} is no {schema}: {fault}") from fault
    if found != schema:
        raise EvidenceError(f"the record {name} is {found!r}, where {schema} was expected")
    return dict(document)
