"""Target groups, the shape that `file_sd` and `http_sd` of Prometheus share.

    [{"targets": ["10.0.0.5:9100", "db.example.com:5432"], "labels": {"owner": "net-team"}}]

The labels `portproof_id`, `owner`, `tags`, `tier`, `capability` and `zone` mean what they say; other
labels are attributes, apart from those that begin with `__`, which are Prometheus' own. The shape
has no identity for a host: without `portproof_id` it is the host as it is written, so a source whose
addresses find new owners should give one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.sources.gathering import Found, Gathering, line
from portproof.sources.trees import each_in, mapping, port_number, text

IDENTITY: Final = "portproof_id"
"""The label that names the asset; what we export carries it."""
KIND: Final = "portproof_kind"
UDP: Final = "portproof_udp"
"""The label with the UDP ports of the group's hosts: a target of Prometheus is always TCP."""
KNOWN: Final = frozenset({IDENTITY, KIND, UDP, "owner", "tags", "tier", "capability", "zone"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def add_groups(gathering: Gathering, groups: object) -> None:
    """Take a list of target groups.

    Raises:
        SourceError: it is no such list.
    """
    if not isinstance(groups, list):
        problem = "it is no list of target groups"
        raise gathering.error(problem, 'write [{"targets": ["host:port"], "labels": {}}]')
    for number, group in enumerate(groups, 1):
        held = mapping(group)
        if not isinstance(held.get("targets"), list):
            problem = f"group {number} has no list of 'targets'"
            raise gathering.error(problem, 'write {"targets": ["host:port"], "labels": {}}')
        labels = {str(name): text(value) for name, value in mapping(held.get("labels")).items()}
        for target in each_in(held["targets"]):
            _add(gathering, text(target), labels)


def _add(gathering: Gathering, target: str, labels: Mapping[str, str]) -> None:
    host, port = _host_and_port(target)
    if not host:
        gathering.skip(f"the target {line(target)!r} names no host")
        return
    none = PortSet.empty()
    tcp = PortSet.of(port) if port else none
    udp = _numbers(labels.get(UDP, ""))
    gathering.add(
        Found(
            id=labels.get(IDENTITY) or host,
            kind=labels.get(KIND) or "target",
            hosts=[host],
            owner=labels.get("owner", ""),
            tags=[labels.get("tags", "")],
            tier=labels.get("tier", ""),
            capability=labels.get("capability", ""),
            zone=labels.get("zone", ""),
            ports=PortSpec(tcp, udp),
            attributes={
                name: value
                for name, value in labels.items()
                if name not in KNOWN and not name.startswith("__")
            },
        )
    )


def _numbers(written: str) -> PortSet:
    numbers = (port_number(each.strip()) for each in written.split(","))
    return PortSet.from_iterable(each for each in numbers if each is not None)


def _host_and_port(target: str) -> tuple[str, int | None]:
    """Give the host and port of `host`, `host:port`, `[v6]:port`, or a URL of the blackbox exporter."""
    try:
        parts = urlsplit(target if "://" in target else f"//{_bracketed(target)}")
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", None
    return parts.hostname or "", port


def _bracketed(target: str) -> str:
    """Put an IPv6 address that stands alone into brackets, so that its last group is no port."""
    return f"[{target}]" if target.count(":") > 1 and not target.startswith("[") else target
