"""What the configuration file says, before options and environment variables override it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portproof.model.approval import ApprovalSettings
from portproof.model.deadlines import Deadlines
from portproof.model.finding import Severity
from portproof.model.portspec import PortSpec
from portproof.model.targetspec import TargetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsDocument:
    """The configuration file (`portproof.yaml`); None everywhere it says nothing.

    Relative paths are already resolved against the folder of the file.
    """

    entity: str | None = None
    """The organisation, as report covers print it."""
    scope: str | None = None
    classification: str | None = None
    """How confidential reports are: `internal`, `confidential`."""
    operator: str | None = None
    """Who runs the audit."""
    database: str | None = None
    """A path, or a URL with `://`."""
    stop_file: Path | None = None
    """A scan ends, and none begins, while this file is there."""
    baseline: Path | None = None
    environment: str | None = None
    """The environment of the baseline that holds; None: its base."""
    authorisation: Path | None = None
    waivers: Path | None = None
    vantages: Path | None = None
    sources: Path | None = None
    """Where targets are listed; see `model.source`."""
    tickets: Path | None = None
    """The ticket system, and what is opened there; see `model.ticket`."""
    segmentation: Path | None = None
    rules: Path | None = None
    """Rules of one's own."""
    vantage: str | None = None
    """Id of the vantage a run is made from when no option names one."""
    targets: tuple[TargetSpec, ...] | None = None
    ports: PortSpec | None = None
    exclude: tuple[TargetSpec, ...] | None = None
    """Never asked; none of them carries ports."""
    fail_on: Severity | None = None
    """The least severity that makes `check` and `audit` exit 1."""
    frameworks: tuple[str, ...] | None = None
    """Names of framework files without their ending, `pci-dss-4.0.1`."""
    approvals: ApprovalSettings | None = None
    """How it is verified who approved what; None: names are self-declared."""
    deadlines: Deadlines | None = None
    """By when findings are to be mended, and to have a ticket."""
    digest: str = ""
    """SHA-256 of the document's bytes, lower-case hex; empty when there is no file."""
