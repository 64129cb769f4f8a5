"""Consul's catalogue: every instance of every service, by the node's id and the service's.

https://developer.hashicorp.com/consul/api-docs/catalog
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.source import WebOptions
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import mapping, port_number, text_at, texts
from portproof.sources.web import Web


def fill(gathering: Gathering, options: WebOptions) -> None:
    """List the catalogue's service instances.

    Raises:
        SourceError: the catalogue cannot be read to its end.
    """
    with Web(gathering, options, "X-Consul-Token") as web:
        services = web.json("/v1/catalog/services")
        if not isinstance(services, dict):
            raise gathering.error("it does not answer as Consul does", "check the URL")
        for service in sorted(services):
            instances = web.json(f"/v1/catalog/service/{quote(service, safe='')}")
            if not isinstance(instances, list):
                raise gathering.error("it does not answer as Consul does", "check the URL")
            for instance in instances:
                _add(gathering, mapping(instance))


def _add(gathering: Gathering, instance: Mapping[str, Any]) -> None:
    node = text_at(instance, "ID") or text_at(instance, "Node")
    meta = mapping(instance.get("ServiceMeta"))
    number = port_number(instance.get("ServicePort"))
    none = PortSet.empty()
    gathering.add(
        Found(
            id=f"{node}/{text_at(instance, 'ServiceID')}" if node else "",
            kind="service",
            hosts=[text_at(instance, "ServiceAddress") or text_at(instance, "Address")],
            owner=text_at(meta, "owner"),
            tags=texts(instance.get("ServiceTags")),
            tier=text_at(meta, "tier"),
            capability=text_at(meta, "capability"),
            zone=text_at(meta, "zone"),
            ports=PortSpec(PortSet.of(number), none) if number else None,
            attributes={
                "service": text_at(instance, "ServiceName"),
                "node": text_at(instance, "Node"),
                "datacenter": text_at(instance, "Datacenter"),
            },
        )
    )
