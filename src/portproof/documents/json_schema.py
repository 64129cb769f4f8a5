"""The JSON Schemas of all documents and of portproof's own answers, for editors and for readers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from portproof.documents.approvers import ApproversShape
from portproof.documents.authorisation import AuthorisationShape
from portproof.documents.baseline_shape import BaselineShape
from portproof.documents.configuration import ConfigurationShape
from portproof.documents.custom_rules_shape import CustomRulesShape
from portproof.documents.facts import FactsShape
from portproof.documents.framework import FrameworkShape
from portproof.documents.segmentation_shape import SegmentationShape
from portproof.documents.service_rules import RulesShape
from portproof.documents.sources_shape import SourcesShape
from portproof.documents.tickets_shape import TicketsShape
from portproof.documents.top_ports import TopPortsShape
from portproof.documents.vantages import VantagesShape
from portproof.documents.waivers import WaiversShape
from portproof.model.change_plan import PLAN_SCHEMA, PlanDocument
from portproof.model.drift_document import DIFF_SCHEMA, DiffDocument
from portproof.model.evidence import SCHEMA as EVIDENCE_SCHEMA
from portproof.model.evidence import EvidenceDocument
from portproof.model.reconcile import RECONCILE_SCHEMA, ReconcileDocument

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_SHAPES: Final[dict[str, type[BaseModel]]] = {
    "baseline": BaselineShape,
    "authorisation": AuthorisationShape,
    "waivers": WaiversShape,
    "approvers": ApproversShape,
    "vantages": VantagesShape,
    "segmentation": SegmentationShape,
    "sources": SourcesShape,
    "tickets": TicketsShape,
    "rules": CustomRulesShape,
    "service-rules": RulesShape,
    "facts": FactsShape,
    "top-ports": TopPortsShape,
    "framework": FrameworkShape,
    "portproof": ConfigurationShape,
}

_ANSWERS: Final[dict[str, tuple[type[Any], str]]] = {
    "evidence": (EvidenceDocument, EVIDENCE_SCHEMA),
    "diff": (DiffDocument, DIFF_SCHEMA),
    "plan": (PlanDocument, PLAN_SCHEMA),
    "reconcile": (ReconcileDocument, RECONCILE_SCHEMA),
}
"""What portproof itself writes, with the version that each document of it names."""


def json_schemas() -> dict[str, dict[str, Any]]:
    """Give every schema by the name of its file without `.schema.json`."""
    schemas = {name: _of_shape(name, shape) for name, shape in _SHAPES.items()}
    answers = {name: _of_answer(name, *each) for name, each in _ANSWERS.items()}
    return schemas | answers


def _of_shape(name: str, shape: type[BaseModel]) -> dict[str, Any]:
    head = {"$schema": _DIALECT, "$id": f"urn:portproof:schema:{name}:1"}
    return head | shape.model_json_schema(by_alias=True)


def _of_answer(name: str, kind: type[Any], version: str) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    for part in (schema, *schema.get("$defs", {}).values()):
        # Dataclasses say nothing of further keys; a document of this version has none.
        if part["type"] == "object":
            part["additionalProperties"] = False
    schema["properties"]["schema"]["const"] = version
    head = {"$schema": _DIALECT, "$id": f"urn:portproof:schema:{name}:1"}
    return head | schema | {"title": f"portproof {name}"}
