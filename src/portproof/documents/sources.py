"""`sources.yaml`: where targets are listed, and where the secrets for asking are."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from portproof.documents.portlists import read_ports
from portproof.documents.reading import Reading, Steps
from portproof.documents.sources_shape import (
    KINDS,
    AwsShape,
    AzureShape,
    CsvShape,
    DnsShape,
    FilesShape,
    GcpShape,
    HttpSdShape,
    KubernetesShape,
    MachineShape,
    SecretPlace,
    SourceShape,
    SourcesShape,
    TargetShape,
    TransferShape,
    WebShape,
)
from portproof.model.baseline import Tier
from portproof.model.source import (
    AwsOptions,
    CloudOptions,
    CsvOptions,
    Defaults,
    DnsOptions,
    EnvironmentSecret,
    FileOptions,
    FileSecret,
    KubernetesOptions,
    Options,
    SecretRef,
    SourcesDocument,
    SourceSettings,
    StaticItem,
    StaticOptions,
    TransferOptions,
    WebOptions,
)
from portproof.model.targetspec import AddressTarget, NameTarget

_OfFiles: TypeAlias = FilesShape | CsvShape | list[TargetShape]
_OfNetwork: TypeAlias = DnsShape | TransferShape | WebShape | KubernetesShape
_OfCloud: TypeAlias = AwsShape | AzureShape | GcpShape


def load_sources(path: Path) -> SourcesDocument:
    """Read where targets are listed; relative paths are resolved against the document's folder.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    reading.unique("sources", "name", "source")
    document = reading.shape(SourcesShape)
    loader = _Loader(reading, path.parent)
    sources = [loader.source(number, each) for number, each in enumerate(document.sources)]
    reading.finish()
    return SourcesDocument(
        sources=tuple(each for each in sources if each is not None),
        file=reading.file,
        digest=reading.digest,
    )


class _Loader:
    """Turns shapes into settings; faults of meaning go to the reading."""

    def __init__(self, reading: Reading, folder: Path) -> None:
        self._reading = reading
        self._folder = folder

    def source(self, number: int, shape: SourceShape) -> SourceSettings | None:
        """Give one source; None where that is a fault."""
        steps: Steps = ("sources", number)
        kinds = [each for each in KINDS if getattr(shape, each) is not None]
        if len(kinds) != 1:
            # A kind whose own keys had a fault was cut out, and is no missing one.
            if not self._reading.damaged(steps):
                said = f"has {' and '.join(kinds)}" if kinds else "has none of them"
                problem = f"a source has exactly one of {', '.join(KINDS)}; this one {said}"
                self._reading.fault((*steps, *kinds[1:2]), problem)
            return None
        kind = kinds[0]
        return SourceSettings(
            name=shape.name,
            kind=kind,
            options=self._options((*steps, kind), getattr(shape, kind)),
            defaults=_defaults(shape),
        )

    def _options(self, steps: Steps, shape: _OfFiles | _OfNetwork | _OfCloud) -> Options:
        match shape:
            case AwsShape() | AzureShape() | GcpShape():
                return self._cloud(steps, shape)
            case DnsShape() | TransferShape() | WebShape() | KubernetesShape():
                return self._network(steps, shape)
            case _:
                return self._files(steps, shape)

    # ------------------------------------------------------------ files

    def _files(self, steps: Steps, shape: _OfFiles) -> Options:
        match shape:
            case list():
                items = [self._item((*steps, at), each) for at, each in enumerate(shape)]
                self._require_unique(steps, shape)
                return StaticOptions(tuple(items))
            case CsvShape():
                return CsvOptions(
                    path=self._folder / shape.path,
                    columns={str(each): header for each, header in shape.columns.items()},
                    delimiter=shape.delimiter,
                    encoding=shape.encoding,
                )
            case MachineShape():
                return FileOptions(
                    patterns=self._patterns(shape.path),
                    host=tuple(shape.hosts or ()),
                    host_id=shape.id or "",
                )
            case FilesShape():
                return FileOptions(patterns=self._patterns(shape.path))

    def _patterns(self, written: list[str] | None) -> tuple[str, ...]:
        return tuple(str(self._folder / each) for each in written or ())

    def _item(self, steps: Steps, shape: TargetShape) -> StaticItem:
        addresses = tuple(each.address for each in shape.hosts if isinstance(each, AddressTarget))
        names = tuple(each.name for each in shape.hosts if isinstance(each, NameTarget))
        for at, each in enumerate(shape.hosts):
            if not isinstance(each, AddressTarget | NameTarget):
                problem = f"{each} is a network; a source lists single hosts, a network is a target"
                self._reading.fault((*steps, "hosts", at), problem)
        ports = read_ports(self._reading, (*steps, "ports"), shape.ports) if shape.ports else None
        return StaticItem(shape.id, addresses, names, ports, _defaults(shape))

    def _require_unique(self, steps: Steps, shapes: list[TargetShape]) -> None:
        seen: set[str] = set()
        for at, each in enumerate(shapes):
            if each.id in seen:
                self._reading.fault((*steps, at, "id"), f"duplicate target id '{each.id}'")
            seen.add(each.id)

    # ------------------------------------------------------------ the network

    def _network(self, steps: Steps, shape: _OfNetwork) -> Options:
        match shape:
            case DnsShape():
                if not shape.names and not shape.srv:
                    self._reading.fault(steps, "expected 'names' or 'srv', or both")
                return DnsOptions(
                    names=tuple(shape.names),
                    services=tuple(shape.srv),
                    server=shape.server,
                    port=shape.port,
                )
            case TransferShape():
                return self._transfer(steps, shape)
            case KubernetesShape():
                return self._kubernetes(steps, shape)
            case WebShape():
                refresh_s = shape.refresh_s if isinstance(shape, HttpSdShape) else 0
                return self._web(steps, shape.url, shape.token, shape.ca, refresh_s=refresh_s)

    def _transfer(self, steps: Steps, shape: TransferShape) -> TransferOptions:
        if (shape.key is None) is not (shape.key_name is None):
            self._reading.fault(steps, "'key' and 'key_name' belong together")
        return TransferOptions(
            zone=shape.zone,
            server=shape.server,
            port=shape.port,
            key_name=shape.key_name or "",
            key=self._secret((*steps, "key"), shape.key),
            algorithm=shape.algorithm,
        )

    def _kubernetes(self, steps: Steps, shape: KubernetesShape) -> KubernetesOptions:
        if shape.kubeconfig and (shape.url or shape.token or shape.ca):
            problem = "'kubeconfig' says the server, its authority and the token: leave these out"
            self._reading.fault(steps, problem)
        if shape.context and not shape.kubeconfig:
            self._reading.fault((*steps, "context"), "a context is one of a 'kubeconfig'")
        if (shape.token or shape.ca) and not shape.url:
            self._reading.fault(steps, "expected the 'url' of the server beside these")
        web = self._web(steps, shape.url, shape.token, shape.ca) if shape.url else None
        return KubernetesOptions(
            kubeconfig=self._folder / shape.kubeconfig if shape.kubeconfig else None,
            context=shape.context or "",
            web=web,
        )

    def _web(
        self,
        steps: Steps,
        url: str,
        token: SecretPlace | None,
        ca: str | None = None,
        *,
        refresh_s: int = 0,
    ) -> WebOptions:
        return WebOptions(
            url=url,
            token=self._secret((*steps, "token"), token),
            ca=self._folder / ca if ca else None,
            refresh_s=refresh_s,
        )

    def _secret(self, steps: Steps, shape: SecretPlace | None) -> SecretRef | None:
        if shape is None:
            return None
        if (shape.env is None) is (shape.file is None):
            self._reading.fault(steps, "expected {env: NAME} or {file: PATH}")
        if shape.file is not None:
            return FileSecret(self._folder / shape.file)
        return EnvironmentSecret(shape.env or "")

    # ------------------------------------------------------------ clouds

    def _cloud(self, steps: Steps, shape: _OfCloud) -> AwsOptions | CloudOptions:
        patterns = self._patterns(shape.path)
        if isinstance(shape, AwsShape):
            if bool(patterns) is bool(shape.regions):
                self._reading.fault(steps, "expected 'regions' to ask, or 'path' to read files")
            return AwsOptions(
                regions=tuple(shape.regions), profile=shape.profile or "", patterns=patterns
            )
        azure = isinstance(shape, AzureShape)
        account = shape.subscription if isinstance(shape, AzureShape) else shape.project
        asks = account is not None and shape.token is not None
        if bool(patterns) is asks:
            what = "subscription" if azure else "project"
            self._reading.fault(steps, f"expected '{what}' and 'token' to ask, or 'path' to read")
        web = None if patterns else self._web(steps, shape.url, shape.token)
        return CloudOptions(account=account or "", web=web, patterns=patterns)


def _defaults(shape: SourceShape | TargetShape) -> Defaults:
    return Defaults(
        owner=shape.owner,
        tags=tuple(shape.tags),
        tier=Tier(shape.tier) if shape.tier else None,
        capability=shape.capability,
        zone=shape.zone,
    )
