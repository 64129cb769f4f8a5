"""`service-rules.yaml`: how bad it is that a service is reachable without approval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.types import StringConstraints

from portproof.documents.portlists import read_ports
from portproof.documents.reading import Reading
from portproof.documents.shape import Chosen, Id, OneOrMore, PortText, Shape, Words
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.model.ports import PortSet
from portproof.model.rule import ServiceRule, ServiceRules

_RowId = Annotated[str, StringConstraints(pattern="^[A-Z]{2,8}-[0-9]{3,6}$")]


class RowShape(Shape):
    """One service on one transport."""

    id: _RowId
    """`SVC-001`; your own rows take other letters, `ACME-001`."""
    port: OneOrMore[PortText] | None = None
    """The ports it is expected on. One port belongs to one row, or the number alone would lead
    to two severities; a row without ports is for identified services only."""
    proto: Chosen[Transport]
    service: Words
    """The name as probes report it."""
    class_: Id = Field(alias="class")
    """`cleartext_admin`, `datastore`, `web`, ..."""
    external: Chosen[Severity]
    """Seen from an untrusted zone."""
    internal: Chosen[Severity]
    """Seen from a trusted but different zone."""
    rationale: Words
    remediation: Words
    match: str = ""
    """What else decides, in words: printed, not evaluated."""
    controls: dict[Id, list[Words]]
    """Ids of controls by framework."""


class RulesShape(Shape):
    """Service rules."""

    model_config = ConfigDict(title="portproof service rules")

    schema_: Literal["portproof.service-rules/1"] = Field(alias="schema")
    version: Words
    rows: list[RowShape] = Field(min_length=1)


def load_service_rules(path: Path) -> ServiceRules:
    """Read the service rules.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    reading.unique("rows", "id", "rule id")
    document = reading.shape(RulesShape)
    rules = [_rule(reading, position, row) for position, row in enumerate(document.rows)]
    _refuse_contradictions(reading, rules)
    reading.finish()
    return ServiceRules(version=document.version, rules=tuple(rules), digest=reading.digest)


def _rule(reading: Reading, position: int, row: RowShape) -> ServiceRule:
    spec = read_ports(reading, ("rows", position, "port"), row.port or [], row.proto)
    ports = PortSet.empty()
    if spec is not None:
        ports = spec.tcp if row.proto is Transport.TCP else spec.udp
    return ServiceRule(
        id=row.id,
        service=row.service,
        ports=ports,
        transport=row.proto,
        service_class=row.class_,
        external=row.external,
        internal=row.internal,
        rationale=row.rationale,
        remediation=row.remediation,
        controls=tuple(f"{key}:{control}" for key, ids in row.controls.items() for control in ids),
        match=row.match,
    )


def _refuse_contradictions(reading: Reading, rules: list[ServiceRule]) -> None:
    """One service, and one port, must lead to one rule on each transport."""
    by_service: dict[tuple[str, Transport], ServiceRule] = {}
    by_port: dict[tuple[int, Transport], ServiceRule] = {}
    for position, rule in enumerate(rules):
        at = ("rows", position)
        earlier = by_service.setdefault((rule.service, rule.transport), rule)
        if earlier is not rule:
            problem = (
                f"the service {rule.service}/{rule.transport} has the row {earlier.id} already"
            )
            reading.fault((*at, "service"), problem)
        others = {by_port.setdefault((port, rule.transport), rule).id for port in rule.ports}
        for other in sorted(others - {rule.id}):
            reading.fault((*at, "port"), f"a port of this row belongs to the row {other} already")
