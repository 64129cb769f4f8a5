"""Every kind of source, and what makes one from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from portproof.model.source import (
    AwsOptions,
    CloudOptions,
    CsvOptions,
    DnsOptions,
    FileOptions,
    KubernetesOptions,
    Listing,
    SourceSettings,
    StaticOptions,
    TransferOptions,
    WebOptions,
)
from portproof.sources import (
    ansible,
    aws,
    azure,
    consul,
    csv_register,
    dns_names,
    dns_transfer,
    gcp,
    kubernetes,
    masscan,
    naabu,
    netbox,
    nmap_xml,
    osquery,
    ss,
    static,
    terraform,
)
from portproof.sources.file_sd import Watched
from portproof.sources.gathering import Gathering
from portproof.sources.ground import Ground
from portproof.sources.http_sd import Refreshed

_OfFiles: TypeAlias = Callable[[Gathering, FileOptions], None]

_FILES: Final[Mapping[str, _OfFiles]] = {
    "terraform": terraform.fill,
    "ansible": ansible.fill,
    "nmap_xml": nmap_xml.fill,
    "masscan": masscan.fill,
    "naabu": naabu.fill,
    "ss": ss.fill,
    "osquery": osquery.fill,
}
_SERVICES: Final[Mapping[str, Callable[[Gathering, WebOptions], None]]] = {
    "consul": consul.fill,
    "netbox": netbox.fill,
}
_CLOUDS: Final[Mapping[str, Callable[[Gathering, CloudOptions], None]]] = {
    "azure": azure.fill,
    "gcp": gcp.fill,
}


@dataclass(frozen=True, slots=True)
class Source:
    """One source of `sources.yaml`; see `contracts.TargetSource`."""

    settings: SourceSettings
    ground: Ground
    watched: Watched = field(default_factory=Watched)
    """What `file_sd` remembers."""
    refreshed: Refreshed = field(default_factory=Refreshed)
    """What `http_sd` remembers."""

    @property
    def name(self) -> str:
        """Its name in `sources.yaml`."""
        return self.settings.name

    def fetch(self) -> Listing:
        """List every target, sorted by id, each id once; an empty list is an answer.

        Raises:
            SourceError: the list could not be read, or not to its end; it is then unknown.
        """
        gathering = Gathering(self.settings, self.ground)
        options = self.settings.options
        if isinstance(options, WebOptions) and self.settings.kind == "http_sd":
            return self.refreshed.listing(gathering, options)
        gathering.go_on()
        self._fill(gathering)
        return gathering.listing()

    def _fill(self, gathering: Gathering) -> None:
        match self.settings.options:
            case StaticOptions() as options:
                static.fill(gathering, options)
            case CsvOptions() as options:
                csv_register.fill(gathering, options)
            case FileOptions() as options:
                kind = self.settings.kind
                (self.watched.fill if kind == "file_sd" else _FILES[kind])(gathering, options)
            case DnsOptions() | TransferOptions() | WebOptions() as options:
                self._ask(gathering, options)
            case KubernetesOptions() | AwsOptions() | CloudOptions() as options:
                self._survey(gathering, options)

    def _ask(
        self, gathering: Gathering, options: DnsOptions | TransferOptions | WebOptions
    ) -> None:
        match options:
            case DnsOptions():
                dns_names.fill(gathering, options)
            case TransferOptions():
                dns_transfer.fill(gathering, options)
            case WebOptions():
                _SERVICES[self.settings.kind](gathering, options)

    def _survey(
        self, gathering: Gathering, options: KubernetesOptions | AwsOptions | CloudOptions
    ) -> None:
        match options:
            case KubernetesOptions():
                kubernetes.fill(gathering, options)
            case AwsOptions():
                aws.fill(gathering, options)
            case CloudOptions():
                _CLOUDS[self.settings.kind](gathering, options)
