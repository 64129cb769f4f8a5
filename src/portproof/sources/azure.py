"""Azure: public addresses, the machines that have them, and what their security groups let in.

Asked over the management API with a token (`az account get-access-token`), or read from files that
hold the answers of `az network public-ip list`, `nic list` and `nsg list`: those have the same fields
without `properties` around them. An asset is known by its machine, else by its public address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from portproof.model.source import CloudOptions
from portproof.sources.cloud import allowed, in_words, kept_answers, pages, tag_of
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import at, each_in, mapping, text, text_at, texts
from portproof.sources.web import Web

_VERSION: Final = "2023-09-01"
_KINDS: Final = ("publicIPAddresses", "networkInterfaces", "networkSecurityGroups")


def fill(gathering: Gathering, options: CloudOptions) -> None:
    """List the public addresses that something has.

    Raises:
        SourceError: the API or a file cannot be read.
    """
    held: dict[str, dict[str, Mapping[str, Any]]] = {each.lower(): {} for each in _KINDS}
    for each in _objects(gathering, options):
        identity = text_at(each, "id").lower()
        for kind, known in held.items():
            if f"/{kind}/" in identity:
                known[identity] = each
    addresses, interfaces, groups = (held[each.lower()] for each in _KINDS)
    users = {
        text_at(_fields(configuration), "publicIPAddress", "id").lower(): interface
        for interface in interfaces.values()
        for configuration in each_in(_fields(interface).get("ipConfigurations"))
    }
    for identity, address in sorted(addresses.items()):
        _add(gathering, address, users.get(identity, {}), groups)


def _add(
    gathering: Gathering,
    address: Mapping[str, Any],
    interface: Mapping[str, Any],
    groups: Mapping[str, Mapping[str, Any]],
) -> None:
    fields = _fields(address)
    hosts = [text(fields.get("ipAddress")), text_at(fields, "dnsSettings", "fqdn")]
    name = text_at(address, "name")
    if not any(hosts):
        gathering.skip(f"public address {name}: none is allocated")
        return
    machine = text_at(_fields(interface), "virtualMachine", "id").lower()
    group = text_at(_fields(interface), "networkSecurityGroup", "id").lower()
    tags = mapping(address.get("tags"))
    gathering.add(
        Found(
            id=machine or text_at(address, "id").lower(),
            kind="instance" if machine else "address",
            hosts=hosts,
            owner=tag_of(tags, "owner"),
            tier=tag_of(tags, "tier"),
            capability=tag_of(tags, "capability"),
            zone=tag_of(tags, "zone"),
            attributes={
                "name": name,
                "location": text_at(address, "location"),
                "security groups": group,
                "allowed": allowed(_rules(groups.get(group, {}))),
            },
        )
    )


def _rules(group: Mapping[str, Any]) -> Iterator[str]:
    for rule in each_in(_fields(group).get("securityRules")):
        fields = _fields(mapping(rule))
        if (fields.get("direction"), fields.get("access")) != ("Inbound", "Allow"):
            continue
        ports = [
            text(fields.get("destinationPortRange")),
            *texts(fields.get("destinationPortRanges")),
        ]
        origins = [
            text(fields.get("sourceAddressPrefix")),
            *texts(fields.get("sourceAddressPrefixes")),
        ]
        told = ",".join(each for each in ports if each)
        protocol = text(fields.get("protocol")).lower()
        yield from in_words(protocol, told, (each for each in origins if each))


def _fields(each: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the fields of an object: under `properties` in the API, beside `id` in the command's."""
    inner = each.get("properties") if isinstance(each, dict) else None
    return mapping(inner) or mapping(each)


def _objects(gathering: Gathering, options: CloudOptions) -> Iterator[Mapping[str, Any]]:
    if options.web is None:
        for answer in kept_answers(gathering, options.patterns):
            listed = answer if isinstance(answer, list) else at(answer, "value")
            if not isinstance(listed, list):
                problem = "it is no list, as `az network public-ip list` and the others print it"
                raise gathering.error(problem, "keep the whole output of the command")
            yield from map(mapping, listed)
        return
    provider = f"/subscriptions/{options.account}/providers/Microsoft.Network"
    with Web(gathering, options.web) as web:
        for kind in _KINDS:
            for page in pages(web, f"{provider}/{kind}", {"api-version": _VERSION}, "nextLink"):
                if not isinstance(page.get("value"), list):
                    raise gathering.error("it does not answer as Azure does", "check the URL")
                yield from map(mapping, each_in(page["value"]))
