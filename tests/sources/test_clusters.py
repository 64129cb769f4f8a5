from __future__ import annotations

from dataclasses import replace

import pytest

from portproof.errors import SourceError
from portproof.model.portspec import parse_ports
from portproof.model.source import KubernetesOptions, Listing
from portproof.settings import reveal
from sources.answers import INGRESSES, NODES, SERVICES
from sources.world import SECRET, World

_INGRESSES = "/apis/networking.k8s.io/v1/ingresses"


def cluster(world: World) -> None:
    more = {"kind": "ServiceList", "metadata": {"continue": "2nd"}, "items": SERVICES[:1]}
    rest = {"kind": "ServiceList", "metadata": {}, "items": SERVICES[1:]}
    world.site.says("/api/v1/services?limit=500", more)
    world.site.says("/api/v1/services?limit=500&continue=2nd", rest)
    world.site.says("/api/v1/nodes", {"kind": "NodeList", "metadata": {}, "items": NODES})
    world.site.says(_INGRESSES, {"kind": "IngressList", "metadata": {}, "items": INGRESSES})


def config(world: World, user: str) -> KubernetesOptions:
    content = f"""
current-context: prod
contexts: [{{name: prod, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{world.site.url}"}}}}]
users: [{{name: u, user: {user}}}]
"""
    return KubernetesOptions(kubeconfig=world.file("kubeconfig", content))


def fetched(world: World) -> Listing:
    cluster(world)
    return world.source("kubernetes", KubernetesOptions(web=world.web(token=True))).fetch()


def test_a_list_is_read_page_by_page_to_the_last(world: World) -> None:
    assert [each.id for each in fetched(world).items] == ["uid-ing", "uid-lb", "uid-np"]
    assert world.site.asked[0].headers["Authorization"] == f"Bearer {SECRET}"


def test_a_load_balancer_is_reached_at_its_port_and_at_the_node_port_of_every_node(
    world: World,
) -> None:
    _, balancer, _ = fetched(world).items
    assert [str(each) for each in balancer.addresses] == ["192.0.2.10", "192.0.2.30"]
    assert balancer.ports == parse_ports("443,30443")
    assert balancer.tags == ("app=shop",)


def test_a_node_port_is_its_own_port_over_its_own_transport(world: World) -> None:
    *_, node_port = fetched(world).items
    assert [str(each) for each in node_port.addresses] == ["192.0.2.30"]
    assert node_port.ports == parse_ports("U:30053")


def test_an_ingress_has_its_hosts_and_https_when_it_has_a_certificate(world: World) -> None:
    ingress, *_ = fetched(world).items
    assert (ingress.names, ingress.ports) == (("shop.example.com",), parse_ports("80,443"))


def test_a_kubeconfig_says_the_server_and_the_token(world: World) -> None:
    cluster(world)
    made = world.source("kubernetes", config(world, "{token: abc}"))
    made = replace(made, ground=replace(made.ground, secrets=reveal))
    assert len(made.fetch().items) == 3
    assert world.site.asked[0].headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("user", "problem"),
    [
        ("{exec: {command: aws}}", "its user runs a program for its token"),
        ("{client-certificate: x.pem}", "its user has no token"),
    ],
)
def test_a_way_of_logging_in_that_is_not_supported_says_what_to_do(
    world: World, user: str, problem: str
) -> None:
    with pytest.raises(SourceError, match=f"{problem}: make a service account"):
        world.source("kubernetes", config(world, user)).fetch()


def test_something_else_at_that_url_is_no_empty_cluster(world: World) -> None:
    world.site.says("/api/v1/services", {"hello": "world"})
    with pytest.raises(SourceError, match="does not answer as Kubernetes does"):
        world.source("kubernetes", KubernetesOptions(web=world.web())).fetch()
