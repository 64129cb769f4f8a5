"""The composition root: the only room that knows all adapters.

    application (here)   settings, documents, store, scanner, reports
    forms                evidence and runs as text and tables
    language             baselines looked through, and put in order
    examinations         what `doctor` looks at
    approvals            the list of approvers, the history of the baseline, keys; tickets: their system
    drafts               baselines from runs and from nmap; reviews: signed reviews of the register
    inventory            target sources, and the book of targets; matrices: of segmentation
    sources              where this machine's probes come from
    scanning             what a scan needs, whoever keeps its run
    packs                runs from elsewhere: keys, packs, their import; rules: rules of one's own
    comparisons          diffs as text; change_plans, reconciliations: what they read, and text

Imports of adapters stand inside the functions that need them, so that `portproof --help` loads
neither NumPy nor SQLAlchemy nor WeasyPrint, and `diff` never loads a report library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from portproof.errors import SettingsError
from portproof.model.settings import SettingsDocument
from portproof.settings import (
    CONFIG_NAME,
    DATABASE_NAME,
    STOP_NAME,
    Overrides,
    combine,
    find_config,
)

if TYPE_CHECKING:
    from portproof.contracts import Clock, Store
    from portproof.model.authorisation import Authorisation
    from portproof.model.baseline import Baseline
    from portproof.model.custom_rule import CustomJudging
    from portproof.model.evidence import EvidenceDocument
    from portproof.model.ports import PortSet
    from portproof.model.segmentation import Segmentation
    from portproof.model.targetspec import TargetSpec
    from portproof.model.top_ports import TopPorts
    from portproof.model.vantage import Vantage, Vantages
    from portproof.model.waiver import Waivers
    from portproof.model.way import Way
    from portproof.usecases.init import ControlProposal
    from portproof.usecases.inputs import Documents, Imprint
    from portproof.usecases.scan import ScanServices

__all__ = [
    "REPORT_FORMATS",
    "Application",
    "Overrides",
    "control_proposals",
    "probe_names",
    "registry_udp_ports",
    "target_list",
    "top_ports",
]

DEFAULT_FRAMEWORKS = ("pci-dss-4.0.1", "soc2-tsc-2017")
DEFAULT_VANTAGE = "local"
REPORT_FORMATS = ("json", "html", "pdf")


@dataclass(frozen=True)
class Application:
    """The parts of portproof, put together as the settings say."""

    settings: SettingsDocument
    config: Path | None
    """The configuration file in force; None when there is none."""

    @classmethod
    def load(cls, config: Path | None, overrides: Overrides) -> Application:
        """Read the configuration (if any) and lay environment and options over it.

        Raises:
            SettingsError: a named file is missing.
            DocumentError: it has faults.
        """
        from portproof.documents import load_settings

        found = find_config(config)
        document = load_settings(found) if found else SettingsDocument()
        return cls(combine(document, overrides), found)

    # ------------------------------------------------------------ documents

    @cached_property
    def vantages(self) -> Vantages:
        """The declared vantages and zones; one trusted zone `local` where nothing is declared."""
        from portproof.documents import load_vantages
        from portproof.model.vantage import Trust, Vantage, Vantages, Zone

        if self.settings.vantages is not None:
            return load_vantages(self.settings.vantages)
        local = Vantage(id=DEFAULT_VANTAGE, zone=DEFAULT_VANTAGE, description="this machine")
        zone = Zone(name=DEFAULT_VANTAGE, trust=Trust.TRUSTED)
        return Vantages(zones=(zone,), vantages=(local,), digest="")

    @property
    def vantage(self) -> Vantage:
        """The vantage this process probes from.

        Raises:
            SettingsError: nobody declared it.
        """
        named = self.settings.vantage or DEFAULT_VANTAGE
        found = self.vantages.vantage(named)
        if found is None:
            declared = ", ".join(each.id for each in self.vantages.vantages)
            raise SettingsError(f"vantage {named!r} is not declared; declared are: {declared}")
        return found

    @cached_property
    def baseline(self) -> Baseline:
        """The approved services.

        Raises:
            SettingsError: no baseline is named.
            DocumentError: it has faults.
        """
        from portproof.documents import load_baseline

        if self.settings.baseline is None:
            raise SettingsError(_missing("baseline", "--baseline"))
        return load_baseline(
            self.settings.baseline,
            vantages=self.vantages,
            environment=self.settings.environment,
        )

    @cached_property
    def authorisation(self) -> Authorisation | None:
        """The authorisation to scan; None when none is named (the scan is then refused)."""
        from portproof.documents import load_authorisation

        named = self.settings.authorisation
        return load_authorisation(named) if named is not None else None

    @cached_property
    def documents(self) -> Documents:
        """Everything that judging rests on.

        Raises:
            SettingsError: no baseline is named, or a framework is unknown.
            DocumentError: a document has faults.
        """
        from portproof import documents
        from portproof.assets import policies_dir
        from portproof.bootstrap.approvals import provenance_of
        from portproof.bootstrap.reviews import reviewed_baseline
        from portproof.model.deadlines import Deadlines
        from portproof.usecases.inputs import Documents

        policies, provenance = policies_dir(), provenance_of(self)
        facts = documents.load_facts(policies / "facts.yaml")
        return Documents(
            baseline=reviewed_baseline(self, provenance),
            waivers=self._waivers(),
            vantages=self.vantages,
            authorisation=self.authorisation,
            rules=documents.load_service_rules(policies / "service-rules.yaml"),
            facts=facts,
            frameworks=tuple(
                documents.load_framework(_framework_file(policies, name), facts=facts)
                for name in self.settings.frameworks or DEFAULT_FRAMEWORKS
            ),
            deadlines=self.settings.deadlines or Deadlines(),
            deadlines_decided=self.settings.deadlines is not None,
            provenance=provenance,
            segmentation=self._segmentation(),
            custom=self.custom,
        )

    @cached_property
    def custom(self) -> CustomJudging | None:
        """The rules of one's own; None where no document of them is named."""
        if self.settings.rules is None:
            return None
        from portproof.bootstrap.rules import custom_judging

        return custom_judging(self, self.settings.rules)

    @property
    def named_waivers(self) -> Waivers | None:
        """The waivers; None where none are named, or no baseline. Raises as `documents`."""
        named = self.settings.waivers is not None and self.settings.baseline is not None
        return self._waivers() if named else None

    def _segmentation(self) -> Segmentation | None:
        from portproof.documents import load_segmentation

        named = self.settings.segmentation
        return None if named is None else load_segmentation(named, vantages=self.vantages)

    def _waivers(self) -> Waivers:
        from portproof.documents import load_waivers
        from portproof.model.waiver import Waivers
        from portproof.policy.checks import RULES

        named = self.settings.waivers
        if named is None:
            return Waivers()
        rules = RULES | {each.id for each in (self.custom.document.rules if self.custom else ())}
        return load_waivers(named, baseline=self.baseline, vantages=self.vantages, rules=rules)

    @property
    def imprint(self) -> Imprint:
        """How reports name the organisation and the operator."""
        from portproof.usecases.inputs import Imprint

        blank = Imprint()
        return Imprint(
            entity=self.settings.entity or blank.entity,
            classification=self.settings.classification or blank.classification,
            operator=self.settings.operator or blank.operator,
        )

    # ------------------------------------------------------------ adapters

    @property
    def clock(self) -> Clock:
        """This machine's clocks."""
        from portproof.scan.clock import SystemClock

        return SystemClock()

    @property
    def database(self) -> str:
        """Where runs are kept: as configured, else beside the configuration file, else here."""
        if self.settings.database is not None:
            return self.settings.database
        folder = self.config.parent if self.config else Path()
        return str(folder / DATABASE_NAME)

    @property
    def stop_file(self) -> Path:
        """The file whose presence ends a running scan: as configured, else beside the database."""
        if self.settings.stop_file is not None:
            return self.settings.stop_file
        folder = self.config.parent if self.config else Path()
        if self.settings.database is not None and "://" not in self.settings.database:
            folder = Path(self.settings.database).expanduser().parent
        return folder / STOP_NAME

    @contextmanager
    def open_store(self, *, create: bool = True) -> Iterator[Store]:
        """Open the store; a new one is made (and migrated) unless `create` is false.

        Raises:
            StoreError: see `portproof.store`.
        """
        from portproof.store import open_store

        with open_store(self.database, create=create) as store:
            yield store

    def scan_services(self, store: Store, *, keep_all: bool = False) -> ScanServices:
        """Put together what a scan needs, for this vantage and this authorisation.

        `keep_all` keeps an observation of every port, not of open and required ones only.
        """
        from portproof.bootstrap.scanning import scan_services

        return scan_services(self, store, keep_all=keep_all)

    @property
    def way(self) -> Way | None:
        """The proxy or jump host that the vantage probes through; None: over its own network.

        Raises:
            SettingsError: nobody declared the vantage.
        """
        return self.vantages.ways.get(self.vantage.id)

    def upgrade_database(self) -> tuple[str, str]:
        """Bring the database to this portproof's schema; gives the version before and after.

        Raises:
            StoreNewerError: a later portproof made it.
        """
        from portproof.store import upgrade

        return upgrade(self.database)

    def schema_versions(self) -> tuple[str, str]:
        """Give the database's schema version (empty: none) and this portproof's."""
        from portproof.store import schema_version
        from portproof.store.schema import REVISIONS

        return schema_version(self.database), REVISIONS[-1]

    # ------------------------------------------------------------ reports

    def write_reports(
        self, document: EvidenceDocument, out: Path, formats: Sequence[str]
    ) -> list[Path]:
        """Write the report in each format (`REPORT_FORMATS`) into the folder `out`; gives the files.

        Raises:
            RenderError: a file cannot be written, or a library is missing.
        """
        from portproof.assets import reports_dir
        from portproof.render.evidence_json import FILE_NAME, write_evidence
        from portproof.render.html import HtmlRenderer

        written = []
        for name in formats:
            match name:
                case "json":
                    write_evidence(document, out / FILE_NAME)
                    written.append(out / FILE_NAME)
                case "html":
                    written.append(HtmlRenderer(reports_dir()).render(document, out))
                case _:
                    from portproof.render.pdf import PdfRenderer

                    written.append(PdfRenderer(reports_dir()).render(document, out))
        return written


def probe_names() -> tuple[str, ...]:
    """Give the protocol probes that can be tried, `redis/tcp`."""
    from portproof.probes import PROBES

    return tuple(f"{each.name}/{each.transport}" for each in PROBES)


def registry_udp_ports() -> PortSet:
    """Give the UDP ports for which a protocol probe is registered."""
    from portproof.probes import udp_ports

    return udp_ports()


def top_ports() -> TopPorts:
    """Give the shipped ranking of ports."""
    from portproof.assets import policies_dir
    from portproof.documents import load_top_ports

    return load_top_ports(policies_dir() / "top-ports.yaml")


def target_list(name: str) -> tuple[TargetSpec, ...]:
    """Read a list of targets from a file, or from standard input for `-`.

    Raises:
        SettingsError: it cannot be read, or lists nothing.
        DocumentError: it has faults.
    """
    from portproof.documents import load_target_list

    return load_target_list(name)


def syn_engine_missing() -> str:
    """Say in one line why this machine lets us have no SYN engine; empty when it does."""
    from portproof.scan.syn import unavailable

    return unavailable()


def control_proposals(targets: Sequence[TargetSpec]) -> tuple[ControlProposal, ...]:
    """Propose control endpoints for the listed targets, from this machine's routes and resolvers.

    Nothing is sent: whether they answer is for `portproof probe` to say.
    """
    from portproof.scan.neighbourhood import name_servers, next_hop
    from portproof.usecases.init import networks_of, propose_controls

    networks = networks_of(targets)
    hops = {network: next_hop(network[0]) for network in networks}
    return propose_controls(hops, name_servers())


def _framework_file(policies: Path, name: str) -> Path:
    path = policies / "frameworks" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.yaml")))
        raise SettingsError(f"framework {name!r} is unknown; known are: {known}")
    return path


def _missing(document: str, option: str) -> str:
    return (
        f"no {document} is named: there is no {CONFIG_NAME} here that names one, and no {option}; "
        "`portproof init` writes a first set of documents"
    )
