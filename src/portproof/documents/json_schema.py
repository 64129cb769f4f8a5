"""The JSON Schemas of all documents and of `evidence.json`, for editors and for readers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from portproof.documents.authorisation import AuthorisationShape
from portproof.documents.baseline_shape import BaselineShape
from portproof.documents.configuration import ConfigurationShape
from portproof.documents.facts import FactsShape
from portproof.documents.framework import FrameworkShape
from portproof.documents.service_rules import RulesShape
from portproof.documents.top_ports import TopPortsShape
from portproof.documents.vantages import VantagesShape
from portproof.documents.waivers import WaiversShape
from portproof.model.evidence import SCHEMA as EVIDENCE_SCHEMA
from portproof.model.evidence import EvidenceDocument

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_SHAPES: Final[dict[str, type[BaseModel]]] = {
    "baseline": BaselineShape,
    "authorisation": AuthorisationShape,
    "waivers": WaiversShape,
    "vantages": VantagesShape,
    "service-rules": RulesShape,
    "facts": FactsShape,
    "top-ports": TopPortsShape,
    "framework": FrameworkShape,
    "portproof": ConfigurationShape,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Give every schema by the name of its file without `.schema.json`."""
    schemas = {name: _of_shape(name, shape) for name, shape in _SHAPES.items()}
    schemas["evidence"] = _of_evidence()
    return schemas


def _of_shape(name: str, shape: type[BaseModel]) -> dict[str, Any]:
    head = {"$schema": _DIALECT, "$id": f"urn:portproof:schema:{name}:1"}
    return head | shape.model_json_schema(by_alias=True)


def _of_evidence() -> dict[str, Any]:
    schema = TypeAdapter(EvidenceDocument).json_schema(mode="serialization")
    for part in (schema, *schema["$defs"].values()):
        # Dataclasses say nothing of further keys; a document of this version has none.
        part["additionalProperties"] = False
    schema["properties"]["schema"]["const"] = EVIDENCE_SCHEMA
    head = {"$schema": _DIALECT, "$id": "urn:portproof:schema:evidence:1"}
    return head | schema | {"title": "portproof evidence"}
