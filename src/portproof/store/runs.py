"""Runs: begun, ended or interrupted, and read back.

The row of a run is its summary. Its plan and its outcome are blobs, whose digests stand in the
leaves `run-begun` and `run-ended` (or `run-interrupted`): a head of the log proves both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Table, func, insert, select, update
from sqlalchemy.orm import Session

from portproof import __version__
from portproof.contracts import RunSummary
from portproof.errors import EvidenceError, StoreError
from portproof.evidence.canonical import Json
from portproof.evidence.leaf import LeafKind
from portproof.model.carried import Carried
from portproof.model.endpoint import Transport
from portproof.model.scan import RunRecord, RunStatus, ScanPlan
from portproof.store import journal
from portproof.store.codec import instant_from, instant_text
from portproof.store.findings import EVALUATION
from portproof.store.intervals import record_intervals
from portproof.store.log import LEAF, LogWriter, get_blob, put_blob, require_blobs
from portproof.store.records import outcome_document, outcome_from, plan_document, plan_from
from portproof.store.recovery import REASON, recovered
from portproof.store.tables import METADATA

RUN: Final[Table] = METADATA.tables["run"]


def begin(
    session: Session,
    plan: ScanPlan,
    started: datetime,
    carried: Carried | None = None,
    *,
    said: Mapping[str, Json] | None = None,
) -> None:
    """Record that a run began, and what it takes over; `said` is what its leaf says beside that.

    Raises:
        StoreError: a run with this id is there already.
    """
    if session.scalars(select(RUN.c.number).where(RUN.c.run_id == plan.run_id)).first():
        raise StoreError(f"run {plan.run_id} is in the store already")
    row: dict[str, Any] = {
        "run_id": plan.run_id,
        "scope": plan.scope,
        "vantage": plan.vantage.id,
        "zone": plan.vantage.zone,
        "started": instant_text(started),
        "planned": sum(plan.planned(each) for each in Transport),
        "plan_digest": put_blob(session, plan_document(plan)),
        "continues": plan.continues,
    }
    log = LogWriter(session)
    body: dict[str, Json] = {
        **begun_body(row),
        "authorisation": plan.authorisation.digest,
        "hosts": len(plan.hosts),
        "tool_version": __version__,
        **(said or {}),
    }
    seq = log.append(LeafKind.RUN_BEGUN, row["started"], body)
    log.flush()
    row |= {"status": RunStatus.RUNNING.value, "status_reason": "", "measured": 0, "begun_seq": seq}
    session.connection().execute(insert(RUN), row)
    if carried is not None:
        journal.take_over(session, plan, carried)


def finish(session: Session, record: RunRecord) -> str:
    """Record how a run ended, and its intervals; gives the digest of its outcome.

    Raises:
        StoreError: there is no such run, or it has ended already.
        EvidenceError: the record is of another plan than was begun, or refers to evidence that
            was never handed in.
    """
    row = _row(session, record.plan.run_id)
    if row.status != RunStatus.RUNNING.value:
        raise StoreError(f"run {row.run_id} has ended already ({row.status})")
    if record.status is RunStatus.RUNNING:
        raise EvidenceError(f"run {row.run_id} cannot end as {record.status}")
    if put_blob(session, plan_document(record.plan)) != row.plan_digest:
        raise EvidenceError(f"run {row.run_id} ended with another plan than it began with")
    seen = (each for host in record.hosts for each in host.observations)
    require_blobs(session, (each.evidence for each in seen if each.evidence is not None))
    values = _ended(session, row, record)
    record_intervals(session, record)
    at = instant_text(record.finished)
    _end(session, row.number, {**values, "finished": at}, kind=LeafKind.RUN_ENDED, at=at)
    return str(values["outcome_digest"])


def interrupt_stale(session: Session, at: datetime) -> None:
    """Record that runs whose process died were interrupted; the caller holds the run lock."""
    for row in session.execute(select(RUN).where(RUN.c.status == RunStatus.RUNNING.value)).all():
        values = _ended(session, row, _recovered(session, row))
        _end(session, row.number, values, kind=LeafKind.RUN_INTERRUPTED, at=instant_text(at))


def load(session: Session, run_id: str) -> RunRecord:
    """Read a run back; one that never ended as far as it got.

    Raises:
        StoreError: there is no such run, or its records are damaged.
    """
    row = _row(session, run_id)
    if row.outcome_digest is None:
        return _recovered(session, row)
    plan = plan_from(get_blob(session, row.plan_digest))
    return outcome_from(get_blob(session, row.outcome_digest), plan)


def unfinished(session: Session) -> frozenset[str]:
    """Give the ids of the runs that are under way, or died without ending."""
    running = RUN.c.status == RunStatus.RUNNING.value
    return frozenset(session.scalars(select(RUN.c.run_id).where(running)))


def summaries(
    session: Session, *, scope: str | None, limit: int | None, dead: frozenset[str]
) -> list[RunSummary]:
    """List runs, newest first; those of `dead` that never ended show as interrupted."""
    query = select(RUN).order_by(RUN.c.number.desc()).limit(limit)
    if scope is not None:
        query = query.where(RUN.c.scope == scope)
    rows = session.execute(query).all()
    deviations = _deviations(session, rows)
    listed = [
        _died(session, row)
        if row.status == RunStatus.RUNNING.value and row.run_id in dead
        else _summary(row, deviations.get(row.run_id))
        for row in rows
    ]
    later = _continuations(session)
    return [replace(each, continued_by=later.get(each.id)) for each in listed]


def outcome_digest(session: Session, run_id: str) -> str:
    """Give the digest of a run's outcome document; empty while it has none.

    Raises:
        StoreError: there is no such run.
    """
    return _row(session, run_id).outcome_digest or ""


def require_run(session: Session, run_id: str) -> None:
    """Refuse to go on about a run that is not there.

    Raises:
        StoreError: there is no such run.
    """
    _row(session, run_id)


def begun_body(row: Mapping[str, Any]) -> dict[str, Json]:
    """Give what the leaf of a run's beginning says that its row says too."""
    names = ["run_id", "scope", "vantage", "zone", "planned", "plan_digest"]
    names += ["continues"] * (row["continues"] is not None)
    return {name: row[name] for name in names}


def ended_body(row: Mapping[str, Any]) -> dict[str, Json]:
    """Give what the leaf of a run's end says, from its row."""
    names = ("run_id", "status", "status_reason", "measured", "outcome_digest")
    return {name: row[name] for name in names}


def _row(session: Session, run_id: str) -> Row[Any]:
    row = session.execute(select(RUN).where(RUN.c.run_id == run_id)).one_or_none()
    if row is None:
        raise StoreError(f"there is no run {run_id} in the store")
    return row


def _ended(session: Session, row: Row[Any], record: RunRecord) -> dict[str, Any]:
    """Keep the outcome; gives what the run's row says of its end."""
    return {
        "run_id": row.run_id,
        "status": record.status.value,
        "status_reason": record.status_reason,
        "measured": sum(each.measured for each in record.coverage),
        "outcome_digest": put_blob(session, outcome_document(record, row.plan_digest)),
    }


def _end(
    session: Session, number: int, values: Mapping[str, Any], *, kind: LeafKind, at: str
) -> None:
    """Append the leaf of a run's end, and let its row say the same."""
    log = LogWriter(session)
    seq = log.append(kind, at, ended_body(values))
    log.flush()
    changed = update(RUN).where(RUN.c.number == number).values({**values, "ended_seq": seq})
    session.connection().execute(changed)
    journal.clear(session, values["run_id"])


def _recovered(session: Session, row: Row[Any]) -> RunRecord:
    begun = session.execute(select(LEAF.c.data).where(LEAF.c.seq == row.begun_seq)).scalar_one()
    return recovered(
        session,
        plan_from(get_blob(session, row.plan_digest)),
        started=instant_from(row.started),
        tool_version=json.loads(begun)["body"]["tool_version"],
    )


def _deviations(session: Session, rows: Sequence[Row[Any]]) -> dict[str, int]:
    """Give the deviations of the runs' latest judging."""
    newest = select(func.max(EVALUATION.c.seq)).group_by(EVALUATION.c.run_id)
    found = session.execute(
        select(EVALUATION.c.run_id, EVALUATION.c.deviations).where(EVALUATION.c.seq.in_(newest))
    )
    return {row.run_id: row.deviations for row in found} if rows else {}


def _continuations(session: Session) -> dict[str, str]:
    """Give for each run that was continued the latest run that goes on with it."""
    query = select(RUN.c.continues, RUN.c.run_id).where(RUN.c.continues.is_not(None))
    return {row.continues: row.run_id for row in session.execute(query.order_by(RUN.c.number))}


def _died(session: Session, row: Row[Any]) -> RunSummary:
    """Give a run whose process died as interrupted, with what it had acknowledged by then."""
    measured = sum(each.measured for each in _recovered(session, row).coverage)
    return replace(
        _summary(row, None),
        status=RunStatus.INTERRUPTED,
        status_reason=REASON,
        measured=measured,
    )


def _summary(row: Row[Any], deviations: int | None) -> RunSummary:
    status, reason = RunStatus(row.status), row.status_reason
    return RunSummary(
        id=row.run_id,
        started=instant_from(row.started),
        finished=instant_from(row.finished) if row.finished else None,
        status=status,
        status_reason=reason,
        scope=row.scope,
        vantage=row.vantage,
        zone=row.zone,
        planned=row.planned,
        measured=row.measured,
        deviations=deviations if status is RunStatus.COMPLETE else None,
        continues=row.continues,
    )
