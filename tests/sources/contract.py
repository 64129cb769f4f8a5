"""The one suite that every kind of source goes through: what each has to be made of, and why.

A case says how a source of one kind is made that lists something, that lists nothing, and that
cannot be read. `test_contract.py` asks the same questions of all of them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from portproof.model.portspec import parse_ports
from portproof.model.source import (
    AwsOptions,
    CloudOptions,
    CsvOptions,
    Defaults,
    DnsOptions,
    KubernetesOptions,
    StaticItem,
    StaticOptions,
    TransferOptions,
)
from portproof.sources import Source
from sources import answers
from sources.world import NameAnswers, NameServer, World, serving

HOSTILE = "\x1b[31mred\u202e\x00" + "x" * 5_000
"""A terminal's escape sequence, an override of reading order, a NUL, and too much of it."""
LOOPBACK = ip_address("127.0.0.1")

Build = Callable[[World, ExitStack], Source]


@dataclass(frozen=True)
class Case:
    """How the sources of one kind are made for the suite."""

    kind: str
    whole: Build
    """Lists `ids`."""
    ids: tuple[str, ...]
    broken: Build
    """Cannot be read."""
    names: tuple[str, ...]
    """What the error of the broken one has to name: the file, the URL, the zone."""
    empty: Build | None = None
    """Lists nothing, and says so; None where a source of this kind always lists something."""
    hostile: Build | None = None
    """Lists something with `HOSTILE` in it; None where the document itself checks every text."""
    asks: bool = False
    """Whether it asks over the network, or looks up names."""

    def __str__(self) -> str:
        return self.kind


def cases() -> Iterator[Case]:
    """Give a case for every kind of source."""
    yield from _of_documents()
    yield from _of_files()
    yield from _of_scanners()
    yield from _of_services()
    yield from _of_clouds()
    yield from _of_names()


# ---------------------------------------------------------------- the document and registers


def _of_documents() -> Iterator[Case]:
    item = StaticItem("web-1", (ip_address("192.0.2.10"),), (), parse_ports("443"), Defaults())

    def csv(content: str, name: str = "assets.csv") -> Build:
        return lambda world, _: world.source(
            "csv", CsvOptions(path=world.file(name, content), columns={})
        )

    yield Case(
        kind="static",
        whole=lambda world, _: world.source("static", StaticOptions((item,))),
        ids=("web-1",),
        empty=lambda world, _: world.source("static", StaticOptions(())),
        broken=csv("", "gone.csv"),  # it cannot break: any other stands in
        names=("gone.csv",),
    )
    yield Case(
        kind="csv",
        whole=csv(answers.REGISTER),
        ids=("db-1", "web-1"),
        empty=csv("id,address\r\n"),
        broken=csv("id;address\r\n1;192.0.2.1\r\n"),
        names=("assets.csv", "columns"),
        hostile=csv(f"id,address,owner\r\nweb-1,192.0.2.10,{HOSTILE.replace(chr(0), '')}\r\n"),
    )


def _files(kind: str, content: object, name: str) -> Build:
    return lambda world, _: world.source(kind, world.files(name, content))


def _of_files() -> Iterator[Case]:
    hostile = copy.deepcopy(answers.GROUPS)
    hostile[0]["labels"]["owner"] = HOSTILE
    terraform = copy.deepcopy(answers.TERRAFORM)
    terraform["values"]["root_module"]["resources"][0]["values"]["tags"]["Owner"] = HOSTILE
    ansible = copy.deepcopy(answers.ANSIBLE)
    ansible["_meta"]["hostvars"]["web-1"]["owner"] = HOSTILE
    for kind, content, ids, empty, bad in (
        ("file_sd", answers.GROUPS, ("192.0.2.10", "2001:db8::5", "db.example.com"), [], hostile),
        ("terraform", answers.TERRAFORM, ("4711", "i-0abc"), {"format_version": "1.0"}, terraform),
        (
            "ansible",
            answers.ANSIBLE,
            ("db.example.com", "web-1"),
            {"_meta": {"hostvars": {}}},
            ansible,
        ),
    ):
        yield Case(
            kind=kind,
            whole=_files(kind, content, "list.json"),
            ids=ids,
            empty=_files(kind, empty, "list.json"),
            broken=_files(kind, '{"torn": ', "list.json"),
            names=("list.json",),
            hostile=_files(kind, bad, "list.json"),
        )


def _of_scanners() -> Iterator[Case]:
    machine = "Netid State\n"
    nmap = answers.NMAP.replace("evil.example.net", "&#x202e;evil" + "x" * 5_000)
    masscan = answers.MASSCAN.replace('"1700000000"', json.dumps(HOSTILE))
    naabu = json.dumps({"host": HOSTILE, "ip": "192.0.2.10", "port": 443}) + "\n"
    sockets = f"{answers.SS}tcp LISTEN 0 0 {HOSTILE}:1 x\n"
    rows = [*answers.OSQUERY, {"address": HOSTILE, "port": "9", "protocol": "6"}]
    for kind, content, ids, empty, bad in (
        ("nmap_xml", answers.NMAP, ("192.0.2.10",), answers.NMAP_EMPTY, nmap),
        ("masscan", answers.MASSCAN, ("192.0.2.10",), "[\n]\n", masscan),
        ("naabu", answers.NAABU, ("192.0.2.10", "192.0.2.20"), "", naabu),
        ("ss", answers.SS, ("host-1",), machine, sockets),
        ("osquery", json.dumps(answers.OSQUERY), ("host-1",), "[]", json.dumps(rows)),
    ):
        yield Case(
            kind=kind,
            whole=_files(kind, content, "host-1.out"),
            ids=ids,
            # A machine that listens nowhere is a machine all the same, if anyone says its address.
            empty=_files(kind, empty, "host-1.out"),
            broken=_files(kind, "<torn", "host-1.out"),
            names=("host-1.out",),
            hostile=_files(kind, bad, "host-1.out"),
        )


# ---------------------------------------------------------------- services


def _web(kind: str, *said: tuple[str, object], path: str = "", status: int = 200) -> Build:
    def build(world: World, _: ExitStack) -> Source:
        world.site.answers.clear()
        for where, value in said:
            world.site.says(where, value, status=status)
        return world.source(kind, world.web(path, token=True))

    return build


def _cluster(services: list[Any], *, status: int = 200) -> Build:
    def build(world: World, _: ExitStack) -> Source:
        page = {"kind": "List", "metadata": {}}
        world.site.says("/api/v1/services", {**page, "items": services}, status=status)
        world.site.says("/api/v1/nodes", {**page, "items": answers.NODES})
        there = answers.INGRESSES if services else []
        world.site.says("/apis/networking.k8s.io/v1/ingresses", {**page, "items": there})
        return world.source("kubernetes", KubernetesOptions(web=world.web(token=True)))

    return build


def _of_services() -> Iterator[Case]:
    catalogue, instance = "/v1/catalog/services", "/v1/catalog/service/web"
    hostile = copy.deepcopy(answers.CONSUL_INSTANCE)
    hostile[0]["ServiceMeta"]["owner"] = HOSTILE
    addresses = "/api/ipam/ip-addresses/"
    page = {"next": None, "results": [*answers.NETBOX_FIRST, *answers.NETBOX_SECOND]}
    tenant = copy.deepcopy(page)
    tenant["results"][0]["tenant"]["name"] = HOSTILE  # type: ignore[index] # it is a list
    groups = copy.deepcopy(answers.GROUPS)
    groups[0]["labels"]["owner"] = HOSTILE
    service = copy.deepcopy(answers.SERVICES)
    service[0]["metadata"]["name"] = HOSTILE
    yield Case(
        kind="http_sd",
        whole=_web("http_sd", ("/sd", answers.GROUPS), path="/sd"),
        ids=("192.0.2.10", "2001:db8::5", "db.example.com"),
        empty=_web("http_sd", ("/sd", []), path="/sd"),
        broken=_web("http_sd", ("/sd", []), path="/sd", status=500),
        names=("/sd", "500"),
        hostile=_web("http_sd", ("/sd", groups), path="/sd"),
        asks=True,
    )
    yield Case(
        kind="consul",
        whole=_web("consul", (catalogue, {"web": []}), (instance, answers.CONSUL_INSTANCE)),
        ids=("node-1/web-a",),
        empty=_web("consul", (catalogue, {})),
        broken=_web("consul", (catalogue, {"web": []})),  # the second answer is missing
        names=(instance, "404"),
        hostile=_web("consul", (catalogue, {"web": []}), (instance, hostile)),
        asks=True,
    )
    yield Case(
        kind="netbox",
        whole=_web("netbox", (addresses, page)),
        ids=("device/12", "ip-address/3"),
        empty=_web("netbox", (addresses, {"next": None, "results": []})),
        broken=_web("netbox", (addresses, {"detail": "no"}), status=403),
        names=(addresses, "403"),
        hostile=_web("netbox", (addresses, tenant)),
        asks=True,
    )
    yield Case(
        kind="kubernetes",
        whole=_cluster(answers.SERVICES),
        ids=("uid-ing", "uid-lb", "uid-np"),
        empty=_cluster([]),
        broken=_cluster([], status=401),
        names=("/api/v1/services", "token"),
        hostile=_cluster(service),
        asks=True,
    )


# ---------------------------------------------------------------- clouds


def _kept(kind: str, *contents: object) -> Build:
    def build(world: World, _: ExitStack) -> Source:
        paths = tuple(
            str(world.file(f"answer-{at}.json", each)) for at, each in enumerate(contents)
        )
        if kind == "aws":
            return world.source(kind, AwsOptions(patterns=paths))
        return world.source(kind, CloudOptions(patterns=paths))

    return build


def _of_clouds() -> Iterator[Case]:
    machine, nic = "/subscriptions/s/virtualmachines/web", answers.AZURE_INTERFACES
    interfaces = copy.deepcopy(answers.AWS_INTERFACES)
    interfaces["NetworkInterfaces"][0]["TagSet"][0]["Value"] = HOSTILE
    addresses = copy.deepcopy(answers.AZURE_ADDRESSES)
    addresses[0]["tags"]["owner"] = HOSTILE
    instances = copy.deepcopy(answers.GCP_INSTANCES)
    instances[0]["name"] = HOSTILE
    for kind, said, ids, empty, bad in (
        (
            "aws",
            (answers.AWS_INTERFACES, answers.AWS_GROUPS),
            ("eni-2", "i-0abc"),
            {"NetworkInterfaces": []},
            interfaces,
        ),
        ("azure", (answers.AZURE_ADDRESSES, nic, answers.AZURE_GROUPS), (machine,), [], addresses),
        ("gcp", (answers.GCP_INSTANCES, answers.GCP_FIREWALLS), ("4711",), [], instances),
    ):
        yield Case(
            kind=kind,
            whole=_kept(kind, *said),
            ids=ids,
            empty=_kept(kind, empty),
            broken=_kept(kind, "{"),
            names=("answer-0.json",),
            hostile=_kept(kind, bad),
        )


# ---------------------------------------------------------------- names


def _zone(content: str, *, torn: bool = False) -> Build:
    def build(world: World, ends: ExitStack) -> Source:
        server = NameServer(content)
        server.torn = torn
        ends.enter_context(serving(server))
        options = TransferOptions(zone="example.com", server=LOOPBACK, port=server.port)
        return world.source("dns_transfer", options)

    return build


def _dns(names: tuple[str, ...], services: tuple[str, ...] = ()) -> Build:
    def build(world: World, ends: ExitStack) -> Source:
        world.names.known |= {"web.example.com": ["192.0.2.10", "2001:db8::10"]}
        server = NameAnswers(answers.ZONE)
        ends.enter_context(serving(server))
        options = DnsOptions(names=names, services=services, server=LOOPBACK, port=server.port)
        return world.source("dns", options)

    return build


def _of_names() -> Iterator[Case]:
    yield Case(
        kind="dns",
        whole=_dns(("web.example.com",), ("_ldap._tcp.example.com",)),
        ids=("_ldap._tcp.example.com/web.example.com", "web.example.com"),
        broken=_dns(("gone.example.com",)),
        names=("gone.example.com",),
        asks=True,
    )
    yield Case(
        kind="dns_transfer",
        whole=_zone(answers.ZONE),
        ids=("ns.example.com", "shop.example.com", "web.example.com"),
        empty=_zone(answers.ZONE_EMPTY),
        broken=_zone(answers.ZONE, torn=True),
        names=("example.com", "port"),
        asks=True,
    )
