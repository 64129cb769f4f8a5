"""Terraform's state as `terraform show -json` prints it: instances, addresses and load balancers.

https://developer.hashicorp.com/terraform/internals/json-format. A state also holds passwords and
keys: only the attributes named below are looked at, and no other is copied. Resources of a kind that
is not below are counted and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from portproof.model.source import FileOptions
from portproof.sources.files import each_file, read_json
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import at, each_in, mapping, text, text_at, texts


@dataclass(frozen=True, slots=True)
class _Resource:
    """Which attributes of a kind of resource are its identity and its hosts."""

    kind: str
    hosts: tuple[str, ...]
    """Attributes that hold a host or a list of hosts; a dot leads into lists of blocks."""
    identity: str = "id"


_INTERFACE: Final = "network_interface"
_RESOURCES: Final[Mapping[str, _Resource]] = {
    "aws_instance": _Resource(
        "instance", ("public_ip", "private_ip", "ipv6_addresses", "public_dns")
    ),
    "aws_eip": _Resource("address", ("public_ip", "public_dns")),
    "aws_lb": _Resource("load-balancer", ("dns_name",)),
    "aws_alb": _Resource("load-balancer", ("dns_name",)),
    "aws_db_instance": _Resource("database", ("address",)),
    "azurerm_linux_virtual_machine": _Resource(
        "instance", ("public_ip_addresses", "private_ip_addresses")
    ),
    "azurerm_windows_virtual_machine": _Resource(
        "instance", ("public_ip_addresses", "private_ip_addresses")
    ),
    "azurerm_public_ip": _Resource("address", ("ip_address", "fqdn")),
    "google_compute_instance": _Resource(
        "instance",
        (f"{_INTERFACE}.network_ip", f"{_INTERFACE}.access_config.nat_ip"),
        "instance_id",
    ),
    "google_compute_address": _Resource("address", ("address",)),
    "google_compute_global_address": _Resource("address", ("address",)),
}


def fill(gathering: Gathering, options: FileOptions) -> None:
    """List the resources of every state that have an address or a name.

    Raises:
        SourceError: a file cannot be read, or is no state as `terraform show -json` prints it.
    """
    for path in each_file(gathering, options.patterns):
        state = read_json(gathering, path)
        if "format_version" not in mapping(state):
            problem = "it is not what `terraform show -json` prints"
            raise gathering.error(problem, "run `terraform show -json > FILE`")
        unknown: Counter[str] = Counter()
        for resource in _resources(at(state, "values", "root_module")):
            kind = _RESOURCES.get(text_at(resource, "type"))
            if kind is None:
                unknown[text_at(resource, "type")] += 1
            else:
                _add(gathering, resource, kind)
        for name, number in sorted(unknown.items()):
            gathering.skip(f"{number} of {name or 'no type'}: not a kind that is understood")


def _resources(module: object) -> Iterator[Mapping[str, Any]]:
    """Give the managed resources of a module and of all below it."""
    waiting = [module]
    while waiting:
        here = waiting.pop()
        for each in each_in(at(here, "resources")):
            if text_at(each, "mode") != "data":
                yield mapping(each)
        waiting += each_in(at(here, "child_modules"))


def _add(gathering: Gathering, resource: Mapping[str, Any], known: _Resource) -> None:
    values = mapping(resource.get("values"))
    labels = {**mapping(values.get("labels")), **mapping(values.get("tags"))}
    hosts = [each for path in known.hosts for each in _at_path(values, path.split("."))]
    identity = text(values.get(known.identity)) or text(values.get("id"))
    address = text_at(resource, "address")
    if not hosts:
        gathering.skip(f"{address}: it has no address yet")
        return
    gathering.add(
        Found(
            id=identity or address,
            kind=known.kind,
            hosts=hosts,
            owner=_label(labels, "owner"),
            tags=texts(values.get("tags")),
            tier=_label(labels, "tier"),
            capability=_label(labels, "capability"),
            zone=_label(labels, "zone"),
            attributes={
                "resource": address,
                "type": text_at(resource, "type"),
                "name": _label(labels, "name"),
            },
        )
    )


def _at_path(value: object, path: list[str]) -> list[str]:
    """Give the texts under a path, through lists of blocks."""
    here = [value]
    for step in path:
        found = [mapping(each).get(step) for each in here]
        here = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in map(text, here) if each]


def _label(labels: Mapping[str, Any], name: str) -> str:
    return next((text(value) for key, value in labels.items() if str(key).lower() == name), "")
