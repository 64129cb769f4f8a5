"""`portproof.yaml`: the configuration file, which names the other documents and the targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from portproof.documents.approvers import ApprovalsShape, approvals_of
from portproof.documents.deadlines import FindingsShape, deadlines_of
from portproof.documents.portlists import read_ports
from portproof.documents.reading import Reading
from portproof.documents.shape import Chosen, Host, Id, OneOrMore, PortText, Shape, Target, Words
from portproof.model.finding import Severity
from portproof.model.settings import SettingsDocument


class ConfigurationShape(Shape):
    """Settings; options of a command win over them."""

    model_config = ConfigDict(title="portproof configuration")

    schema_: Annotated[Literal["portproof.configuration/1"] | None, Field(alias="schema")] = None
    entity: Words | None = None
    """Your organisation, as report covers print it."""
    scope: Words | None = None
    """What is audited, as reports print it."""
    classification: Words | None = None
    """How confidential reports are."""
    operator: Words | None = None
    """Who runs the audit."""
    database: Words | None = None
    """A path, or a URL such as postgresql://..."""
    stop_file: Words | None = None
    """A scan ends while this file is there (default: portproof.stop beside the database)."""
    baseline: Words | None = None
    """Path of the baseline; paths are relative to this file."""
    environment: Id | None = None
    """The environment of the baseline that holds; left out: its base."""
    authorisation: Words | None = None
    """Path of the authorisation."""
    waivers: Words | None = None
    """Path of the waivers."""
    vantages: Words | None = None
    """Path of the vantages."""
    segmentation: Words | None = None
    """Path of the segmentation policy."""
    rules: Words | None = None
    """Path of your own rules."""
    sources: Words | None = None
    """Path of the target sources."""
    tickets: Words | None = None
    """Path of the ticket system's document."""
    vantage: Id | None = None
    """The vantage that runs are made from."""
    targets: OneOrMore[Target] | None = None
    """Addresses, networks, octet ranges and host names; each may carry ports."""
    ports: OneOrMore[PortText] | None = None
    """Ports to scan; left out: all TCP ports, and UDP where a probe is known."""
    exclude: OneOrMore[Host] | None = None
    """What to leave out of the targets."""
    fail_on: Chosen[Severity] | None = None
    """The least severity that makes a check exit 1."""
    frameworks: list[Id] | None = None
    """Framework files without their ending, such as pci-dss-4.0.1."""
    approvals: ApprovalsShape | None = None
    """How it is verified who approved what; left out: names are self-declared."""
    findings: FindingsShape | None = None
    """By when findings are to be mended, and to have a ticket."""


def load_settings(path: Path) -> SettingsDocument:
    """Read the configuration file; relative paths in it are resolved against its folder.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    document = reading.shape(ConfigurationShape)
    ports = None if document.ports is None else read_ports(reading, ("ports",), document.ports)
    deadlines = deadlines_of(reading, document.findings)
    reading.finish()
    folder = path.parent
    return SettingsDocument(
        entity=document.entity,
        scope=document.scope,
        classification=document.classification,
        operator=document.operator,
        database=_database(folder, document.database),
        stop_file=_beside(folder, document.stop_file),
        baseline=_beside(folder, document.baseline),
        environment=document.environment,
        authorisation=_beside(folder, document.authorisation),
        waivers=_beside(folder, document.waivers),
        vantages=_beside(folder, document.vantages),
        segmentation=_beside(folder, document.segmentation),
        rules=_beside(folder, document.rules),
        sources=_beside(folder, document.sources),
        vantage=document.vantage,
        targets=None if document.targets is None else tuple(document.targets),
        ports=ports,
        exclude=None if document.exclude is None else tuple(document.exclude),
        fail_on=document.fail_on,
        frameworks=None if document.frameworks is None else tuple(document.frameworks),
        approvals=approvals_of(document.approvals, folder),
        deadlines=deadlines,
        tickets=_beside(folder, document.tickets),
        digest=reading.digest,
    )


def _beside(folder: Path, name: str | None) -> Path | None:
    return None if name is None else folder / name


def _database(folder: Path, name: str | None) -> str | None:
    return name if name is None or "://" in name else str(folder / name)
