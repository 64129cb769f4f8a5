"""Plans, outcomes and judgements as the documents that the store keeps, and back.

The plan is one document and the outcome another, which refers to the plan's digest and to its
hosts by their position: what was to be done is fixed before the first packet, and is not written
twice. Together they are the whole `RunRecord`. Its observations are columns (`observations`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from portproof.errors import EvidenceError
from portproof.evidence.canonical import Json, canonical, canonical_with
from portproof.model.carried import Carried
from portproof.model.endpoint import Transport
from portproof.model.finding import Conforming, Judgement
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord, ScanPlan
from portproof.store.codec import decode, decode_fields, encode, encode_fields
from portproof.store.host_records import (
    host_documents,
    hosts_from,
    hosts_from_objects,
    planned_from,
)
from portproof.store.observations import columns_document, columns_from

PLAN_SCHEMA: Final = "portproof.plan/1"
OUTCOME_SCHEMA: Final = "portproof.outcome/2"
JUDGEMENTS_SCHEMA: Final = "portproof.judgements/1"
CARRIED_SCHEMA: Final = "portproof.carried/2"
_OLD_OUTCOME: Final = "portproof.outcome/1"
_OLD_CARRIED: Final = "portproof.carried/1"
"""Of before the observations were columns: still read, never written."""


def plan_document(plan: ScanPlan) -> Json:
    """Give the document of a plan; what it continues, and goes through, only where it does."""
    without = [name for name in ("continues", "through") if getattr(plan, name) is None]
    return {"schema": PLAN_SCHEMA, "plan": encode_fields(ScanPlan, plan, without=without)}


def plan_from(data: bytes) -> ScanPlan:
    """Read a plan from its document.

    Raises:
        EvidenceError: it is none, or of another schema.
    """
    stored = dict(_read(data, PLAN_SCHEMA)["plan"])
    hosts = planned_from(stored.pop("hosts", ()))
    return decode_fields(ScanPlan, stored, hosts=hosts)


def outcome_document(record: RunRecord, plan_digest: str) -> Json:
    """Give the document of all that a run showed, which refers to its plan.

    Raises:
        EvidenceError: a host of the outcome is not one of the plan.
    """
    hosts, shown = host_documents(record.hosts, record.plan)
    # Few runs continue another, or were drawn in probe numbers: the others say nothing of it.
    rare = [name for name in ("continuation", "drawn") if not getattr(record, name)]
    return {
        "schema": OUTCOME_SCHEMA,
        "run": record.plan.run_id,
        "plan": plan_digest,
        "outcome": encode_fields(RunRecord, record, without=("plan", "hosts", *rare)),
        "shown": shown,
        "hosts": hosts,
        "observations": columns_document(record.hosts),
    }


def outcome_from(data: bytes, plan: ScanPlan) -> RunRecord:
    """Read a run from the document of its outcome and from its plan.

    Raises:
        EvidenceError: it is none, or of another schema, or does not fit the plan.
    """
    document = _read(data, OUTCOME_SCHEMA, _OLD_OUTCOME)
    hosts = _hosts_from(document, plan)
    return decode_fields(RunRecord, document["outcome"], plan=plan, hosts=hosts)


def carried_document(carried: Carried, plan: ScanPlan) -> Json:
    """Give the document of what the run of that plan takes over.

    Raises:
        EvidenceError: a host of it is not one of the plan.
    """
    hosts, shown = host_documents(carried.hosts, plan)
    return {
        "schema": CARRIED_SCHEMA,
        "carried": encode_fields(Carried, carried, without=("hosts",)),
        "shown": shown,
        "hosts": hosts,
        "observations": columns_document(carried.hosts),
    }


def carried_from(data: bytes, plan: ScanPlan) -> Carried:
    """Read what the run of that plan took over.

    Raises:
        EvidenceError: it is none, or of another schema, or does not fit the plan.
    """
    document = _read(data, CARRIED_SCHEMA, _OLD_CARRIED)
    return decode_fields(Carried, document["carried"], hosts=_hosts_from(document, plan))


def evidence_of(outcome: bytes) -> frozenset[str]:
    """Give the digests of the raw records that the document of an outcome refers to.

    Raises:
        EvidenceError: it is none, or of another schema.
    """
    document = _read(outcome, OUTCOME_SCHEMA, _OLD_OUTCOME)
    if document["schema"] == OUTCOME_SCHEMA:
        return frozenset(document["observations"]["digests"])
    seen = (each for host in document["hosts"] for each in host["observations"])
    return frozenset(each["evidence"] for each in seen if each["evidence"] is not None)


def judgements_document(
    run_id: str, judgements: Iterable[bytes], conforming: Sequence[Conforming] = ()
) -> bytes:
    """Give the canonical document of what was judged of one run.

    `judgements` are as `judgement_text` writes them; `conforming` is what needed none.
    """
    document: dict[str, Json] = {"schema": JUDGEMENTS_SCHEMA, "run": run_id}
    if conforming:
        document["conforming"] = _conforming_document(conforming)
    return canonical_with(document, {"judgements": judgements})


def judgements_from(data: bytes) -> tuple[Judgement, ...]:
    """Read judgements from their document.

    Raises:
        EvidenceError: it is none, or of another schema.
    """
    stored = _read(data, JUDGEMENTS_SCHEMA)["judgements"]
    return tuple(decode(Judgement, each) for each in stored)


def _conforming_document(conforming: Sequence[Conforming]) -> Json:
    """Write hosts that conform in the same ports to the same rules together."""
    alike: dict[tuple[tuple[str, ...], Transport, PortSet], list[str]] = {}
    for each in conforming:
        addresses = alike.setdefault((each.rules, each.transport, each.ports), [])
        addresses.append(str(each.address))
    return [
        {
            "rules": list(rules),
            "transport": transport.value,
            "ports": str(ports),
            "addresses": list(addresses),
        }
        for (rules, transport, ports), addresses in alike.items()
    ]


def judgement_text(judged: Judgement) -> bytes:
    """Give one judgement as canonical text.

    Its extent only where there is one: few judgements have it, and older ones had none.
    """
    document = dict(cast("Mapping[str, Json]", encode(Judgement, judged)))
    if not judged.extent:
        del document["extent"]
    return canonical(document)


def _hosts_from(document: Mapping[str, Any], plan: ScanPlan) -> tuple[HostOutcome, ...]:
    if "shown" not in document:
        return hosts_from_objects(document["hosts"], plan)
    columns = columns_from(document["observations"])
    return hosts_from(document["hosts"], document["shown"], plan, columns)


def _read(data: bytes, schema: str, *older: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
        found = document["schema"]
    except (ValueError, LookupError, TypeError) as fault:
        raise EvidenceError(f"a stored record is no {schema}: {fault}") from fault
    if found not in (schema, *older):
        raise EvidenceError(f"a stored record is {found!r}, where {schema} was expected")
    return dict(document)
