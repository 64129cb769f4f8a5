"""The shape of `sources.yaml`: each source has a name and one key that says what kind it is."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.types import StringConstraints

from portproof.documents.shape import (
    Host,
    Id,
    OneAddress,
    OneOrMore,
    Parsed,
    PortText,
    Shape,
    Words,
    refuse,
)

_URL: Final = re.compile(r"https?://[^\s/@?#]+(/[^\s#]*)?(\?[^\s#]*)?")


def _url(value: object) -> str:
    """Read a URL; what is wrong with one is said without quoting it, since it may hold a secret."""
    if isinstance(value, str) and _URL.fullmatch(value):
        return value
    raise refuse("expected an http or https URL, as https://host/path, without user or password")


def _no_secret(value: object) -> object:
    """Refuse a secret that was written into the document, without quoting it."""
    if isinstance(value, dict):
        return value
    raise refuse("a secret never stands in the document; write {env: NAME} or {file: PATH}")


UrlText: TypeAlias = Annotated[str, Parsed(_url, {"type": "string", "format": "uri"})]
PortNumber: TypeAlias = Annotated[int, Field(ge=1, le=65_535)]
Meaning: TypeAlias = Literal[
    "id", "kind", "address", "name", "owner", "tags", "tier", "capability", "zone", "ports"
]


class SecretPlace(Shape):
    """Where a secret is: in an environment variable or a file, never in the document."""

    env: Annotated[str, StringConstraints(pattern="^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Name of an environment variable."""
    file: Words | None = None
    """Path of a file that holds nothing else."""


SecretShape: TypeAlias = Annotated[SecretPlace, BeforeValidator(_no_secret)]


class _Described(Shape):
    owner: str = ""
    tags: list[Words] = Field(default_factory=list)
    tier: Literal[1, 2, 3] | None = None
    capability: str = ""
    zone: str = ""


class TargetShape(_Described):
    """One target that stands in the document."""

    id: Words
    """What it is known by, whatever its address."""
    hosts: OneOrMore[Host]
    """Its addresses and names."""
    ports: OneOrMore[PortText] | None = None


class FilesShape(Shape):
    """Files that another program wrote."""

    path: OneOrMore[Words]
    """Paths or patterns with *, relative to this document."""


class MachineShape(FilesShape):
    """Listening sockets of one machine."""

    id: Words | None = None
    """What the machine is known by (default: the file's name)."""
    hosts: OneOrMore[OneAddress] | None = None
    """Its addresses."""


class CsvShape(Shape):
    """An asset register."""

    path: Words
    columns: dict[Meaning, Words] = Field(default_factory=dict)
    """Which column means what, where its header is another word."""
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "utf-16", "cp1252", "latin-1"] = "utf-8"


class DnsShape(Shape):
    """Names and services to look up."""

    names: list[Words] = Field(default_factory=list)
    srv: list[Words] = Field(default_factory=list)
    """Such as _ldap._tcp.example.com."""
    server: OneAddress | None = None
    """Who is asked for SRV records (default: this machine's resolvers)."""
    port: PortNumber = 53


class TransferShape(Shape):
    """A zone by zone transfer."""

    zone: Words
    server: OneAddress
    port: PortNumber = 53
    key_name: Words | None = None
    """Name of the TSIG key."""
    key: SecretShape | None = None
    """Its secret, in base 64."""
    algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = "hmac-sha256"


class WebShape(Shape):
    """A service that answers over HTTP."""

    url: UrlText
    token: SecretShape | None = None
    ca: Words | None = None
    """PEM file of the certificates to trust instead of the system's."""


class HttpSdShape(WebShape):
    """Prometheus' http_sd."""

    refresh_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Seconds for which a list is used."""


class KubernetesShape(Shape):
    """A cluster; with nothing said, that of the pod this runs in."""

    kubeconfig: Words | None = None
    context: Words | None = None
    url: UrlText | None = None
    token: SecretShape | None = None
    ca: Words | None = None


class AwsShape(Shape):
    """AWS through boto3, or files with the answers of its command."""

    regions: list[Words] = Field(default_factory=list)
    profile: Words | None = None
    path: OneOrMore[Words] | None = None


class AzureShape(Shape):
    """Azure over REST, or files with the answers of its command."""

    subscription: Id | None = None
    token: SecretShape | None = None
    url: UrlText = "https://management.azure.com"
    path: OneOrMore[Words] | None = None


class GcpShape(Shape):
    """Google Cloud over REST, or files with the answers of its command."""

    project: Id | None = None
    token: SecretShape | None = None
    url: UrlText = "https://compute.googleapis.com/compute/v1"
    path: OneOrMore[Words] | None = None


class SourceShape(_Described):
    """One source: its name, what holds for all its targets, and one key for its kind."""

    name: Id
    static: list[TargetShape] | None = None
    csv: CsvShape | None = None
    file_sd: FilesShape | None = None
    http_sd: HttpSdShape | None = None
    dns: DnsShape | None = None
    dns_transfer: TransferShape | None = None
    terraform: FilesShape | None = None
    ansible: FilesShape | None = None
    kubernetes: KubernetesShape | None = None
    aws: AwsShape | None = None
    azure: AzureShape | None = None
    gcp: GcpShape | None = None
    consul: WebShape | None = None
    netbox: WebShape | None = None
    nmap_xml: FilesShape | None = None
    masscan: FilesShape | None = None
    naabu: FilesShape | None = None
    ss: MachineShape | None = None
    osquery: MachineShape | None = None


KINDS: Final = tuple(
    each for each in SourceShape.model_fields if each not in {"name", *_Described.model_fields}
)
"""The keys of a source of which it has exactly one."""


class SourcesShape(Shape):
    """The places where targets are listed."""

    model_config = ConfigDict(title="portproof sources")

    schema_: Literal["portproof.sources/1"] = Field("portproof.sources/1", alias="schema")
    sources: list[SourceShape] = Field(min_length=1)
