"""Findings: events are appended, the finding itself is what they have made of it.

An event never changes. `policy.lifecycle_projection.after` is the whole projection: the finding before, one
event, the finding after. It can be replayed from the log at any time, and gives the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, insert, select, true
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from portproof.errors import StoreError
from portproof.evidence.canonical import Json
from portproof.evidence.leaf import LeafKind
from portproof.model.finding import (
    Actor,
    ClosedBy,
    Conforming,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    IdentitySource,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.judged_baseline import JudgedBaseline
from portproof.policy.lifecycle_projection import after
from portproof.store.baselines import LEAF_KEY, keep_baseline, last_baseline
from portproof.store.codec import decode, instant_from, instant_text
from portproof.store.log import LogWriter, get_blob, put_bytes
from portproof.store.records import judgement_text, judgements_document, judgements_from
from portproof.store.rows import insert_rows
from portproof.store.tables import METADATA

FINDING: Final[Table] = METADATA.tables["finding"]
EVENT: Final[Table] = METADATA.tables["finding_event"]
EVALUATION: Final[Table] = METADATA.tables["evaluation"]

_FEW_NAMES: Final = 500
"""So many findings are looked up by name; SQLite takes 32,766 parameters at most."""
_ALWAYS: Final = ("finding", "kind", "at", "run_id", "severity", "because")
_SOMETIMES: Final = ("actor", "actor_source", "value", "digest", "closed_by")
"""What some events have: a leaf of before schema 0003 has the six above alone."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One judging of a run, to be appended: its events, its judgements, and when it was."""

    run_id: str
    events: tuple[FindingEvent, ...]
    judgements: Sequence[Judgement]
    at: str
    baseline: JudgedBaseline | None = None
    """What it was judged by; None: nobody says."""
    conforming: Sequence[Conforming] = ()
    """What conforms without a judgement of its own."""


def append_events(session: Session, evaluated: Evaluated) -> Sequence[Finding]:
    """Append the events and judgements of a run; judging it again to the same end adds nothing.

    Gives the findings that the events are about, as they stand then.

    Raises:
        StoreError: an event is about a finding that neither the store nor the judgements know.
    """
    written = {id(each): judgement_text(each) for each in evaluated.judgements}
    document = judgements_document(evaluated.run_id, written.values(), evaluated.conforming)
    judged = put_bytes(session, document)
    baseline = keep_baseline(session, evaluated.baseline) if evaluated.baseline else ""
    known = _last_judged(session, evaluated.run_id), last_baseline(session, evaluated.run_id)
    if not evaluated.events and (judged, baseline or known[1]) == known:
        return ()
    found = _projected(session, evaluated)
    log = LogWriter(session)
    deviations = sum(each.verdict is Verdict.DEVIATES for each in evaluated.judgements)
    row: dict[str, Any] = {
        "run_id": evaluated.run_id,
        "judgements_digest": judged,
        "deviations": deviations,
    }
    by = {LEAF_KEY: baseline} if baseline else {}
    seq = log.append(LeafKind.EVALUATED, evaluated.at, evaluation_body(row) | by)
    event_rows = [_appended(log, each, evaluated.at) for each in evaluated.events]
    log.flush()
    session.connection().execute(insert(EVALUATION), {"seq": seq, "at": evaluated.at, **row})
    _write_findings(session, found, written)
    insert_rows(session, insert(EVENT), event_rows)
    return found


def append_actions(session: Session, actions: Sequence[FindingEvent]) -> None:
    """Append what a person did to findings, each a leaf, dated by itself; all or nothing.

    Raises:
        StoreError: there is no such finding, or its state does not allow it.
    """
    names = frozenset(each.finding for each in actions)
    known = {each.fingerprint: each for each in read_findings(session, names)}
    changed: dict[str, Finding] = {}
    log = LogWriter(session)
    for event in actions:
        name = event.finding
        if name not in known:
            raise StoreError(f"the store holds no finding {name}")
        changed[name] = _after(changed.get(name, known[name]), event, None)
    rows = [_appended(log, each, instant_text(each.at)) for each in actions]
    log.flush()
    _write_findings(session, changed.values())
    insert_rows(session, insert(EVENT), rows)


def read_events_of(session: Session, kind: FindingEventKind) -> list[FindingEvent]:
    """Give the events of one kind, of all findings, in the order in which they were appended."""
    return _events(session, EVENT.c.kind == kind.value)


def read_findings(session: Session, names: frozenset[str] | None = None) -> list[Finding]:
    """Give every finding, those first seen first; with few `names`, only those of them that are there.

    With many names it is quicker to read all, and they are all given.
    """
    query = select(FINDING).order_by(FINDING.c.first_seen, FINDING.c.fingerprint)
    if names is not None and len(names) <= _FEW_NAMES:
        query = query.where(FINDING.c.fingerprint.in_(names))
    return [_finding_from(row) for row in session.execute(query)]


def replayed(session: Session) -> dict[str, Finding]:
    """Give every finding by its fingerprint, made anew from the events and judgements alone.

    Raises:
        StoreError: judgements are gone, or an event is about a finding that none opened.
        EvidenceError: judgements cannot be read.
    """
    made: dict[str, Finding] = {}
    judgings = session.execute(select(EVALUATION).order_by(EVALUATION.c.seq)).all()
    ends: list[int | None] = [*(each.seq for each in judgings[1:]), None]
    for judging, end in zip(judgings, ends, strict=False):
        deviating = _deviating(judgements_from(get_blob(session, judging.judgements_digest)))
        # The events of a judging are the leaves that follow its own, up to the next one's.
        for event in _events(session, (judging.seq < EVENT.c.seq) & _before(end)):
            name = event.finding
            made[name] = _after(made.get(name), event, deviating.get(name))
    return made


def read_events(session: Session, fingerprint: str) -> list[FindingEvent]:
    """Give the events of one finding in the order in which they were appended."""
    return _events(session, EVENT.c.finding == fingerprint)


def _events(session: Session, which: ColumnElement[bool]) -> list[FindingEvent]:
    rows = session.execute(select(EVENT).where(which).order_by(EVENT.c.seq))
    return [_event_from(row) for row in rows]


def _event_from(row: Any) -> FindingEvent:
    source = row.actor_source
    return FindingEvent(
        finding=row.finding,
        kind=FindingEventKind(row.kind),
        at=instant_from(row.at),
        run_id=row.run_id,
        severity=Severity(row.severity),
        because=row.because,
        actor=Actor(name=row.actor, source=IdentitySource(source)) if source else None,
        value=row.value or "",
        digest=row.digest or "",
        closed_by=ClosedBy(row.closed_by) if row.closed_by else None,
    )


def _before(end: int | None) -> ColumnElement[bool]:
    return true() if end is None else EVENT.c.seq < end


def event_body(row: Mapping[str, Any]) -> dict[str, Json]:
    """Give what the leaf of an event says, from its row: what it does not have is left out."""
    always = {name: row[name] for name in _ALWAYS}
    return always | {name: row[name] for name in _SOMETIMES if row[name] is not None}


def evaluation_body(row: Mapping[str, Any]) -> dict[str, Json]:
    """Give what the leaf of an evaluation says, from its row."""
    return {name: row[name] for name in ("run_id", "judgements_digest", "deviations")}


def _appended(log: LogWriter, event: FindingEvent, at: str) -> dict[str, Any]:
    """Append the leaf of an event, judged at `at`; gives the event's row.

    The event's own time, when its run finished, is in the leaf's body.
    """
    row: dict[str, Any] = {
        "finding": event.finding,
        "kind": event.kind.value,
        "at": instant_text(event.at),
        "run_id": event.run_id,
        "severity": event.severity.value,
        "because": event.because,
        "actor": event.actor.name if event.actor else None,
        "actor_source": event.actor.source.value if event.actor else None,
        "value": event.value or None,
        "digest": event.digest or None,
        "closed_by": event.closed_by.value if event.closed_by else None,
    }
    return {"seq": log.append(LeafKind.FINDING_EVENT, at, event_body(row)), **row}


def _projected(session: Session, evaluated: Evaluated) -> Sequence[Finding]:
    """Give each finding that an event is about as the events leave it."""
    deviating = _deviating(evaluated.judgements)
    known = {each.fingerprint: each for each in read_findings(session)} if evaluated.events else {}
    changed: dict[str, Finding] = {}
    for event in evaluated.events:
        name = event.finding
        before = changed.get(name, known.get(name))
        changed[name] = _after(before, event, deviating.get(name))
    return tuple(changed.values())


def _after(finding: Finding | None, event: FindingEvent, judgement: Judgement | None) -> Finding:
    try:
        return after(finding, event, judgement)
    except ValueError as fault:
        what = "that was done" if event.actor else f"of run {event.run_id}"
        raise StoreError(f"an event {what} contradicts the store: {fault}") from fault


def _deviating(judgements: Iterable[Judgement]) -> dict[str, Judgement]:
    """Give the judgements that a finding is made of, by its fingerprint."""
    wanted = (Verdict.DEVIATES, Verdict.WAIVED)
    return {each.fingerprint: each for each in judgements if each.verdict in wanted}


def read_judgements(session: Session, run_id: str) -> tuple[Judgement, ...]:
    """Give the judgements of a run's last judging; empty when it was never judged."""
    digest = _last_judged(session, run_id)
    return judgements_from(get_blob(session, digest)) if digest else ()


def _last_judged(session: Session, run_id: str) -> str | None:
    of_run = select(EVALUATION.c.judgements_digest).where(EVALUATION.c.run_id == run_id)
    return session.scalars(of_run.order_by(EVALUATION.c.seq.desc()).limit(1)).first()


def _write_findings(
    session: Session,
    findings: Iterable[Finding],
    written: Mapping[int, bytes] = MappingProxyType({}),
) -> None:
    """Write the rows of findings; `written` are texts of judgements by their objects' ids."""
    rows = [_finding_row(each, written.get(id(each.judgement))) for each in findings]
    new = sqlite.insert(FINDING)
    changes = {
        column.name: new.excluded[column.name]
        for column in FINDING.columns
        if not column.primary_key
    }
    upsert = new.on_conflict_do_update(index_elements=[FINDING.c.fingerprint], set_=changes)
    insert_rows(session, upsert, rows)


def _finding_row(finding: Finding, written: bytes | None) -> dict[str, Any]:
    return {
        "fingerprint": finding.fingerprint,
        "status": finding.status.value,
        "first_seen": instant_text(finding.first_seen),
        "last_seen": instant_text(finding.last_seen),
        "times_seen": finding.times_seen,
        "reopened": finding.reopened,
        "resolved_at": instant_text(finding.resolved_at) if finding.resolved_at else None,
        "run_id": finding.run_id,
        "judgement": written or judgement_text(finding.judgement),
        "closed_by": finding.closed_by.value if finding.closed_by else None,
        "assigned_to": finding.assigned_to or None,
        "ticket": finding.ticket or None,
        "claimed_at": instant_text(finding.claimed_at) if finding.claimed_at else None,
        "changed_at": instant_text(finding.changed_at) if finding.changed_at else None,
    }


def _finding_from(row: Any) -> Finding:
    return Finding(
        fingerprint=row.fingerprint,
        judgement=decode(Judgement, json.loads(row.judgement)),
        status=FindingStatus(row.status),
        first_seen=instant_from(row.first_seen),
        last_seen=instant_from(row.last_seen),
        times_seen=row.times_seen,
        reopened=row.reopened,
        resolved_at=instant_from(row.resolved_at) if row.resolved_at else None,
        run_id=row.run_id,
        closed_by=ClosedBy(row.closed_by) if row.closed_by else None,
        assigned_to=row.assigned_to or "",
        ticket=row.ticket or "",
        claimed_at=instant_from(row.claimed_at) if row.claimed_at else None,
        changed_at=instant_from(row.changed_at) if row.changed_at else None,
    )
