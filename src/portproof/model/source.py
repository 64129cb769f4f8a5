"""What a target source lists, and what a person says of a source (`sources.yaml`).

A source knows assets by an identity of its own: an instance id, a Kubernetes UID, a NetBox id, the
key of a CSV row. That identity is the target; its addresses are what it had at `seen_at`, and the
next owner of an address is another target. Approvals and waivers therefore never move with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from portproof.model.baseline import Tier
from portproof.model.endpoint import Address
from portproof.model.portspec import PortSpec

IMPORTED: Final = "imported, not witnessed"
"""What the attribute `evidence` says of results that another scanner measured: they name targets,
and are never an Observation of ours (law 1)."""
EVIDENCE: Final = "evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedTarget:
    """One asset as a source lists it; texts are one printable line each."""

    id: str
    """The source's own stable identity, unique within the source."""
    kind: str
    """What it is in the source's words: `instance`, `service`, `host`, `name`."""
    addresses: tuple[Address, ...]
    """Those it has at `seen_at`, sorted; empty where only a name is known."""
    names: tuple[str, ...] = ()
    """DNS names, lower case, sorted."""
    owner: str = ""
    tags: tuple[str, ...] = ()
    """Sorted, each once."""
    tier: Tier | None = None
    capability: str = ""
    zone: str = ""
    """The zone it lies in; empty where neither the source nor its settings say."""
    ports: PortSpec | None = None
    """The ports it is listed with; None where the source says none: the scan's apply."""
    seen_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All that a source listed at one moment, sorted by id; an empty one is an answer, no failure."""

    source: str
    at: datetime
    items: tuple[SourcedTarget, ...]
    not_understood: tuple[str, ...] = ()
    """What the source holds that could not be read as a target, and why; capped, the cap is said."""
    stale_because: str = ""
    """Why this is the last list and no new one; empty for a list that was just read."""


# ---------------------------------------------------------------- what a person says


@dataclass(frozen=True, slots=True)
class EnvironmentSecret:
    """A secret in an environment variable."""

    name: str


@dataclass(frozen=True, slots=True)
class FileSecret:
    """A secret in a file of its own; one line end at its end is left out."""

    path: Path


SecretRef: TypeAlias = EnvironmentSecret | FileSecret
"""Where a secret is: documents never hold one, and nothing prints one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every target of a source that does not say otherwise."""

    owner: str = ""
    tags: tuple[str, ...] = ()
    """Added to those of the source."""
    tier: Tier | None = None
    capability: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class StaticItem:
    """One target that stands in the document itself."""

    id: str
    addresses: tuple[Address, ...]
    names: tuple[str, ...]
    ports: PortSpec | None
    own: Defaults


@dataclass(frozen=True, slots=True)
class StaticOptions:
    """Targets that stand in `sources.yaml`."""

    items: tuple[StaticItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvOptions:
    """An asset register as CSV."""

    path: Path
    columns: Mapping[str, str]
    """Meaning (`id`, `address`, ...) to the header of its column, where they differ."""
    delimiter: str = ","
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Files that another program wrote: a pattern may name several."""

    patterns: tuple[str, ...]
    """Paths, absolute or of the working directory, with `*`, `?` and `[...]`."""
    host: tuple[Address, ...] = ()
    """The addresses of the machine that `ss` or osquery ran on."""
    host_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOptions:
    """Names and services to look up."""

    names: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    """Owner names of SRV records, as `_ldap._tcp.example.com` (RFC 2782)."""
    server: Address | None = None
    """Who is asked for SRV records; None: the resolvers of this machine."""
    port: int = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """A whole zone by AXFR (RFC 5936)."""

    zone: str
    server: Address
    port: int = 53
    key_name: str = ""
    """Name of the TSIG key (RFC 8945); empty: none."""
    key: SecretRef | None = None
    """Its value in base 64."""
    algorithm: str = "hmac-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """A service that answers over HTTP; what `url` means is up to the kind of source."""

    url: str
    token: SecretRef | None = None
    ca: Path | None = None
    """Certificates that are trusted instead of the system's."""
    refresh_s: int = 60
    """How long a list is used before it is asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesOptions:
    """A cluster: by a kubeconfig, by the service account of the pod, or by its address."""

    kubeconfig: Path | None = None
    context: str = ""
    """The context of the kubeconfig; empty: its current one."""
    web: WebOptions | None = None
    """The API server and its token, where no kubeconfig is named; None: the pod's own account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOptions:
    """Network interfaces with public addresses, and their security groups."""

    regions: tuple[str, ...] = ()
    profile: str = ""
    patterns: tuple[str, ...] = ()
    """Answers of `aws ec2 describe-network-interfaces` and `describe-security-groups`, kept as files;
    where they are given nothing is asked of AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudOptions:
    """Azure's subscription or Google's project: asked over REST, or read from kept answers."""

    account: str = ""
    """Id of the subscription, or of the project."""
    web: WebOptions | None = None
    """The management API and its token; None where files are given."""
    patterns: tuple[str, ...] = ()


Options: TypeAlias = (
    StaticOptions
    | CsvOptions
    | FileOptions
    | DnsOptions
    | TransferOptions
    | WebOptions
    | KubernetesOptions
    | AwsOptions
    | CloudOptions
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One source of `sources.yaml`."""

    name: str
    kind: str
    """`csv`, `file_sd`, ...; which options belong to it is checked when the document is read."""
    options: Options
    defaults: Defaults = field(default_factory=Defaults)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesDocument:
    """`sources.yaml`: every source, in the document's order."""

    sources: tuple[SourceSettings, ...]
    file: str
    digest: str
    """SHA-256 of the document's bytes, lower-case hex."""
