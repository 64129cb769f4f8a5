"""A run from elsewhere: what its pack brought, in one transaction.

It becomes a run like any other, with leaves of its own; the leaf of its beginning says beside the
usual which pack it came in, who signed that, and when it was taken in. All or nothing: a process
that dies in between leaves no half of a run behind.
"""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from portproof.errors import StoreError
from portproof.evidence.canonical import Json
from portproof.store import runs
from portproof.store.codec import instant_text
from portproof.store.journal import write_batch
from portproof.store.log import LEAF, put_blob
from portproof.store.runs import RUN
from portproof.usecases.elsewhere import Origin, PackedRun

_IMPORTED = "imported"


def take_in(session: Session, packed: PackedRun, origin: Origin) -> str:
    """Keep the run and what it brings; gives the digest of its outcome.

    Raises:
        StoreError: a run with this id is there already.
        EvidenceError: the run contradicts itself, or cites evidence that it does not bring.
    """
    record = packed.record
    imported: Json = {
        "pack": put_blob(session, json.loads(origin.manifest)),
        "signature": origin.signature,
        "key": origin.key,
        "at": instant_text(origin.at),
        "flags": list(origin.flags),
    }
    said: dict[str, Json] = {"tool_version": record.tool_version, _IMPORTED: imported}
    runs.begin(session, record.plan, record.started, said=said)
    for line in packed.raw:
        put_blob(session, json.loads(line))
    for batch in packed.batches:
        write_batch(session, record.plan.run_id, batch)
    return runs.finish(session, record)


def pack_of(session: Session, run_id: str) -> str | None:
    """Give the digest of the pack a run came in; empty: it was made here; None: no such run.

    Raises:
        StoreError: the leaf of its beginning is damaged.
    """
    query = select(LEAF.c.data).join(RUN, RUN.c.begun_seq == LEAF.c.seq)
    data = session.execute(query.where(RUN.c.run_id == run_id)).scalar_one_or_none()
    if data is None:
        return None
    try:
        imported = json.loads(data)["body"].get(_IMPORTED)
        return "" if imported is None else str(imported["pack"])
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise StoreError(
            f"the leaf of run {run_id} is damaged ({fault}): restore a backup"
        ) from fault
