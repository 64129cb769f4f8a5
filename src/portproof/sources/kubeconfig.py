"""How a cluster is reached: by a kubeconfig, by the pod's service account, or as `sources.yaml` says.

Of a kubeconfig the server, its certificate authority and a token are used. A context that runs a
program for its token (`exec`), or shows a client certificate, is refused with what to do: a
read-only service account and its token are the least that listing takes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from portproof.model.source import FileSecret, KubernetesOptions, WebOptions
from portproof.sources.files import read_text, yaml_of
from portproof.sources.gathering import Gathering
from portproof.sources.trees import at, each_in, mapping, text_at

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_IN_CLUSTER: Final = "https://kubernetes.default.svc"
_REMEDY: Final = (
    "make a service account that may list services, ingresses and nodes, and use its token"
)


@contextmanager
def access(gathering: Gathering, options: KubernetesOptions) -> Iterator[WebOptions]:
    """Give the API server with its token and authority, for the time of the block.

    Raises:
        SourceError: the kubeconfig cannot be read, or names no token.
    """
    if options.web is not None:
        yield options.web
    elif options.kubeconfig is None:
        token = FileSecret(_ACCOUNT / "token")
        yield WebOptions(url=_IN_CLUSTER, token=token, ca=_ACCOUNT / "ca.crt")
    else:
        with _from_kubeconfig(gathering, options.kubeconfig, options.context) as granted:
            yield granted


@contextmanager
def _from_kubeconfig(gathering: Gathering, path: Path, context: str) -> Iterator[WebOptions]:
    config = mapping(yaml_of(gathering, read_text(gathering, path)))
    chosen = context or text_at(config, "current-context")
    used = _named(gathering, config, "context", chosen)
    cluster = _named(gathering, config, "cluster", text_at(used, "cluster"))
    user = _named(gathering, config, "user", text_at(used, "user"))
    if cluster.get("insecure-skip-tls-verify"):
        problem = f"context {chosen} does not check the server's certificate"
        raise gathering.error(problem, "name its certificate-authority in the kubeconfig")
    # What stands in the file itself goes through files of our own, which end with the block.
    with (
        NamedTemporaryFile("w", prefix="portproof-") as token,
        NamedTemporaryFile("wb", prefix="portproof-") as authority,
    ):
        yield WebOptions(
            url=text_at(cluster, "server"),
            token=FileSecret(_token(gathering, user, path, token)),
            ca=_authority(gathering, cluster, path, authority),
        )


def _named(
    gathering: Gathering, config: Mapping[str, Any], what: str, name: str
) -> Mapping[str, Any]:
    """Give the entry of `contexts`, `clusters` or `users` with that name."""
    for each in each_in(config.get(f"{what}s")):
        if text_at(each, "name") == name:
            return mapping(at(each, what))
    raise gathering.error(f"there is no {what} {name!r} in it", "check the kubeconfig's contexts")


def _token(gathering: Gathering, user: Mapping[str, Any], config: Path, file: Any) -> Path:
    if named := text_at(user, "tokenFile"):
        return config.parent / named
    token = text_at(user, "token")
    if not token:
        way = "runs a program for its token" if "exec" in user else "has no token"
        raise gathering.error(f"its user {way}", _REMEDY)
    file.write(token)
    file.flush()
    return Path(file.name)


def _authority(
    gathering: Gathering, cluster: Mapping[str, Any], config: Path, file: Any
) -> Path | None:
    if named := text_at(cluster, "certificate-authority"):
        return config.parent / named
    packed = text_at(cluster, "certificate-authority-data")
    if not packed:
        return None
    try:
        file.write(base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError):
        problem = "its certificate-authority-data is no base 64"
        raise gathering.error(problem, "copy it again from the cluster") from None
    file.flush()
    return Path(file.name)
