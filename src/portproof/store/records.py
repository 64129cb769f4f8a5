"""Plans, outcomes and judgements as the documents that the store keeps, and back.

The plan is one document and the outcome another, which refers to the plan's digest and to its
hosts by their position: what was to be done is fixed before the first packet, and is not written
twice. Together they are the whole `RunRecord`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from portproof.errors import EvidenceError
from portproof.evidence.canonical import Json
from portproof.model.carried import Carried
from portproof.model.finding import Judgement
from portproof.model.scan import HostOutcome, RunRecord, ScanPlan
from portproof.store.codec import decode, decode_fields, encode_fields

PLAN_SCHEMA: Final = "portproof.plan/1"
OUTCOME_SCHEMA: Final = "portproof.outcome/1"
JUDGEMENTS_SCHEMA: Final = "portproof.judgements/1"
CARRIED_SCHEMA: Final = "portproof.carried/1"


def plan_document(plan: ScanPlan) -> Json:
    """Give the document of a plan; what it continues, and goes through, only where it does."""
    without = [name for name in ("continues", "through") if getattr(plan, name) is None]
    return {"schema": PLAN_SCHEMA, "plan": encode_fields(ScanPlan, plan, without=without)}


def plan_from(data: bytes) -> ScanPlan:
    """Read a plan from its document.

    Raises:
        EvidenceError: it is none, or of another schema.
    """
    return decode(ScanPlan, _read(data, PLAN_SCHEMA)["plan"])


def outcome_document(record: RunRecord, plan_digest: str) -> Json:
    """Give the document of all that a run showed, which refers to its plan.

    Raises:
        EvidenceError: a host of the outcome is not one of the plan.
    """
    # Few runs continue another, or were drawn in probe numbers: the others say nothing of it.
    rare = [name for name in ("continuation", "drawn") if not getattr(record, name)]
    return {
        "schema": OUTCOME_SCHEMA,
        "run": record.plan.run_id,
        "plan": plan_digest,
        "outcome": encode_fields(RunRecord, record, without=("plan", "hosts", *rare)),
        "hosts": _host_documents(record.hosts, record.plan),
    }


def outcome_from(data: bytes, plan: ScanPlan) -> RunRecord:
    """Read a run from the document of its outcome and from its plan.

    Raises:
        EvidenceError: it is none, or of another schema, or does not fit the plan.
    """
    document = _read(data, OUTCOME_SCHEMA)
    hosts = _hosts_from(document, plan)
    return decode_fields(RunRecord, document["outcome"], plan=plan, hosts=hosts)


def carried_document(carried: Carried, plan: ScanPlan) -> Json:
    """Give the document of what the run of that plan takes over.

    Raises:
        EvidenceError: a host of it is not one of the plan.
    """
    return {
        "schema": CARRIED_SCHEMA,
        "carried": encode_fields(Carried, carried, without=("hosts",)),
        "hosts": _host_documents(carried.hosts, plan),
    }


def carried_from(data: bytes, plan: ScanPlan) -> Carried:
    """Read what the run of that plan took over.

    Raises:
        EvidenceError: it is none, or of another schema, or does not fit the plan.
    """
    document = _read(data, CARRIED_SCHEMA)
    return decode_fields(Carried, document["carried"], hosts=_hosts_from(document, plan))


def evidence_of(outcome: bytes) -> frozenset[str]:
    """Give the digests of the raw records that the document of an outcome refers to.

    Raises:
        EvidenceError: it is none, or of another schema.
    """
    hosts = _read(outcome, OUTCOME_SCHEMA)["hosts"]
    seen = (each for host in hosts for each in host["observations"])
    return frozenset(each["evidence"] for each in seen if each["evidence"] is not None)


def judgements_document(run_id: str, judgements: Sequence[Judgement]) -> Json:
    """Give the document of all judgements on one run."""
    return {
        "schema": JUDGEMENTS_SCHEMA,
        "run": run_id,
        "judgements": [_judgement_document(each) for each in judgements],
    }


def judgements_from(data: bytes) -> tuple[Judgement, ...]:
    """Read judgements from their document.

    Raises:
        EvidenceError: it is none, or of another schema.
    """
    stored = _read(data, JUDGEMENTS_SCHEMA)["judgements"]
    return tuple(decode(Judgement, each) for each in stored)


def _judgement_document(judged: Judgement) -> dict[str, Json]:
    """Write an extent only where there is one: few judgements have it, and older ones had none."""
    without = () if judged.extent else ("extent",)
    return encode_fields(Judgement, judged, without=without)


def _host_documents(hosts: Sequence[HostOutcome], plan: ScanPlan) -> list[Json]:
    places = {host: place for place, host in enumerate(plan.hosts)}
    return [_host_document(each, places.get(each.host)) for each in hosts]


def _hosts_from(document: Mapping[str, Any], plan: ScanPlan) -> tuple[HostOutcome, ...]:
    try:
        return tuple(_host_from(each, plan) for each in document["hosts"])
    except (LookupError, TypeError) as fault:
        raise EvidenceError(f"an outcome does not fit its plan: {fault}") from fault


def _host_document(outcome: HostOutcome, place: int | None) -> Json:
    if place is None:
        raise EvidenceError(f"{outcome.host.address} was measured, but is not in the plan")
    return {"host": place, **encode_fields(HostOutcome, outcome, without=("host",))}


def _host_from(stored: Mapping[str, Any], plan: ScanPlan) -> HostOutcome:
    kept = {name: each for name, each in stored.items() if name != "host"}
    return decode_fields(HostOutcome, kept, host=plan.hosts[stored["host"]])


def _read(data: bytes, schema: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
        found = document["schema"]
    except (ValueError, LookupError, TypeError) as fault:
        raise EvidenceError(f"a stored record is no {schema}: {fault}") from fault
    if found != schema:
        raise EvidenceError(f"a stored record is {found!r}, where {schema} was expected")
    return dict(document)
