"""What a Kubernetes cluster exposes: services with an address or node port, and ingresses.

https://kubernetes.io/docs/reference/kubernetes-api/. Read over REST, page by page (`continue`), with
the least right there is: list services, ingresses and nodes. An object is known by its UID.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.source import KubernetesOptions
from portproof.sources.gathering import Found, Gathering
from portproof.sources.kubeconfig import access
from portproof.sources.trees import at, each_in, mapping, port_number, text_at, texts
from portproof.sources.web import Web

_PAGE: Final = "500"
_SERVICES: Final = "/api/v1/services"
_NODES: Final = "/api/v1/nodes"
_INGRESSES: Final = "/apis/networking.k8s.io/v1/ingresses"
_LABEL: Final = "portproof.io/"
_HTTP, _HTTPS = 80, 443


def fill(gathering: Gathering, options: KubernetesOptions) -> None:
    """List what can be reached from outside the pods.

    Raises:
        SourceError: the cluster cannot be asked, or a page of its answer is missing.
    """
    with access(gathering, options) as granted, Web(gathering, granted) as web:
        services = list(_objects(gathering, web, _SERVICES))
        node_hosts: list[str] = []
        if any(_ports(each, "nodePort") for each in services):
            nodes = _objects(gathering, web, _NODES)
            node_hosts = [host for node in nodes for host in _node_addresses(node)]
        for service in services:
            _add_service(gathering, service, node_hosts)
        for ingress in _objects(gathering, web, _INGRESSES):
            _add_ingress(gathering, ingress)


def _objects(gathering: Gathering, web: Web, path: str) -> Iterator[Mapping[str, Any]]:
    following = ""
    while True:
        asked = {"limit": _PAGE, **({"continue": following} if following else {})}
        page = web.json(path, asked)
        if not isinstance(at(page, "items"), list | None) or not text_at(page, "kind"):
            raise gathering.error("it does not answer as Kubernetes does", "check the server's URL")
        yield from map(mapping, each_in(at(page, "items")))
        following = text_at(page, "metadata", "continue")
        if not following:
            return


def _add_service(gathering: Gathering, service: Mapping[str, Any], node_hosts: list[str]) -> None:
    own = [*_given_hosts(service), *texts(at(service, "spec", "externalIPs"))]
    node_ports = _ports(service, "nodePort")
    if not own and not node_ports:
        return  # a cluster address: nothing outside the pods reaches it
    ports = node_ports or PortSpec(PortSet.empty(), PortSet.empty())
    if own:
        held = _ports(service, "port")
        ports = PortSpec(ports.tcp | held.tcp, ports.udp | held.udp) if held else ports
    hosts = [*own, *(node_hosts if node_ports else ())]
    gathering.add(_found(service, "service", hosts, ports))


def _add_ingress(gathering: Gathering, ingress: Mapping[str, Any]) -> None:
    hosts = _given_hosts(ingress)
    rules = [text_at(each, "host") for each in each_in(at(ingress, "spec", "rules"))]
    names = [each for each in rules if each and not each.startswith("*")]
    numbers = (_HTTP, _HTTPS) if each_in(at(ingress, "spec", "tls")) else (_HTTP,)
    if not hosts and not names:
        gathering.skip(f"ingress {text_at(ingress, 'metadata', 'name')} has no address yet")
        return
    ports = PortSpec(PortSet.of(*numbers), PortSet.empty())
    gathering.add(_found(ingress, "ingress", [*hosts, *names], ports))


def _found(each: Mapping[str, Any], kind: str, hosts: list[str], ports: PortSpec) -> Found:
    labels = mapping(at(each, "metadata", "labels"))
    said = {**labels, **mapping(at(each, "metadata", "annotations"))}
    return Found(
        id=text_at(each, "metadata", "uid"),
        kind=kind,
        hosts=hosts,
        owner=text_at(said, f"{_LABEL}owner"),
        tags=sorted(f"{name}={value}" for name, value in labels.items()),
        tier=text_at(said, f"{_LABEL}tier"),
        capability=text_at(said, f"{_LABEL}capability"),
        zone=text_at(said, f"{_LABEL}zone"),
        ports=ports or None,
        attributes={
            "namespace": text_at(each, "metadata", "namespace"),
            "name": text_at(each, "metadata", "name"),
            "type": text_at(each, "spec", "type"),
        },
    )


def _given_hosts(each: Mapping[str, Any]) -> list[str]:
    """Give the addresses and names that a load balancer gave to the object."""
    given = each_in(at(each, "status", "loadBalancer", "ingress"))
    return [host for one in given if (host := text_at(one, "ip") or text_at(one, "hostname"))]


def _node_addresses(node: Mapping[str, Any]) -> list[str]:
    return [
        text_at(each, "address")
        for each in each_in(at(node, "status", "addresses"))
        if text_at(each, "type") in {"ExternalIP", "InternalIP"}
    ]


def _ports(service: Mapping[str, Any], key: str) -> PortSpec:
    tcp: list[int] = []
    udp: list[int] = []
    for each in each_in(at(service, "spec", "ports")):
        number = port_number(at(each, key))
        if number is not None:
            (udp if text_at(each, "protocol") == "UDP" else tcp).append(number)
    return PortSpec(PortSet.from_iterable(tcp), PortSet.from_iterable(udp))
