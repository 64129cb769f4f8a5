"""AWS: network interfaces with a public address, and what their security groups let in.

Asked through boto3, which is loaded only here (`pip install portproof[aws]`), with two read-only
calls; or read from files that hold the answers of `aws ec2 describe-network-interfaces` and
`aws ec2 describe-security-groups`. An asset is known by its instance, else by its interface.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from portproof.model.source import AwsOptions
from portproof.sources.cloud import allowed, in_words, kept_answers, tag_of
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import at, each_in, mapping, text, text_at

_CALLS: Final = ("describe_network_interfaces", "describe_security_groups")
_PAGE: Final = {"PageSize": 1_000}
"""Items of a page: as many as both calls allow (API reference of EC2, MaxResults)."""
_ATTEMPTS: Final = 4
"""Questions at most for one page that AWS throttles, with its own waits in between."""
_ANY_PROTOCOL: Final = "-1"
_ALL: Final = "-1"
_THROTTLED: Final = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException"})


def fill(gathering: Gathering, options: AwsOptions) -> None:
    """List what has a public address.

    Raises:
        SourceError: AWS or a file cannot be read, boto3 is not installed, or no interfaces came.
    """
    if options.patterns:
        fill_from(gathering, kept_answers(gathering, options.patterns))
    else:
        gathering.reading("AWS")
        fill_from(gathering, described(gathering, _clients(gathering, options)))


def fill_from(gathering: Gathering, answers: Iterable[Any]) -> None:
    """List what has a public address in answers of `describe-network-interfaces` and groups.

    Raises:
        SourceError: an answer cannot be had, or none lists interfaces.
    """
    interfaces: list[Any] = []
    groups: dict[str, list[str]] = {}
    listed = False
    for answer in answers:
        gathering.go_on()
        listed |= "NetworkInterfaces" in mapping(answer)
        interfaces += each_in(at(answer, "NetworkInterfaces"))
        for group in each_in(at(answer, "SecurityGroups")):
            groups[text_at(group, "GroupId")] = list(_rules(group))
    if not listed:
        problem = "there is no answer of describe-network-interfaces"
        raise gathering.error(problem, "add the file that holds it")
    for each in interfaces:
        _add(gathering, mapping(each), groups)


def _add(
    gathering: Gathering, interface: Mapping[str, Any], groups: Mapping[str, list[str]]
) -> None:
    hosts = [text_at(interface, "Association", "PublicIp")]
    hosts += [text_at(interface, "Association", "PublicDnsName")]
    for private in each_in(interface.get("PrivateIpAddresses")):
        hosts.append(text_at(private, "Association", "PublicIp"))
    hosts += [text_at(each, "Ipv6Address") for each in each_in(interface.get("Ipv6Addresses"))]
    if not any(hosts):
        return  # a private interface: nothing outside its network reaches it
    tags = interface.get("TagSet")
    held = [text_at(each, "GroupId") for each in each_in(interface.get("Groups"))]
    instance = text_at(interface, "Attachment", "InstanceId")
    gathering.add(
        Found(
            id=instance or text(interface.get("NetworkInterfaceId")),
            kind="instance" if instance else "interface",
            hosts=hosts,
            owner=tag_of(tags, "owner"),
            tier=tag_of(tags, "tier"),
            capability=tag_of(tags, "capability"),
            zone=tag_of(tags, "zone"),
            attributes={
                "name": tag_of(tags, "name"),
                "account": text(interface.get("OwnerId")),
                "network": text(interface.get("VpcId")),
                "security groups": " ".join(held),
                "allowed": allowed(rule for each in held for rule in groups.get(each, ())),
            },
        )
    )


def _rules(group: object) -> Iterator[str]:
    for permission in each_in(at(group, "IpPermissions")):
        protocol = text_at(permission, "IpProtocol")
        low, high = text_at(permission, "FromPort"), text_at(permission, "ToPort")
        origins = [text_at(each, "CidrIp") for each in each_in(at(permission, "IpRanges"))]
        origins += [text_at(each, "CidrIpv6") for each in each_in(at(permission, "Ipv6Ranges"))]
        origins += [
            text_at(each, "GroupId") for each in each_in(at(permission, "UserIdGroupPairs"))
        ]
        origins += [
            text_at(each, "PrefixListId") for each in each_in(at(permission, "PrefixListIds"))
        ]
        ports = low if low == high else f"{low}-{high}"
        if protocol.startswith("icmp"):
            ports = _icmp(low, high)
        yield from in_words("all" if protocol == _ANY_PROTOCOL else protocol, ports, origins)


def _icmp(kind: str, code: str) -> str:
    """Say type and code, which AWS gives in the places of the ports; -1 stands for all of them."""
    if kind in {"", _ALL}:
        return ""
    return f"type {kind}" if code in {"", _ALL} else f"type {kind} code {code}"


def described(gathering: Gathering, clients: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    """Give the pages of both calls from boto3's EC2 clients, each with the name of its region.

    Raises:
        SourceError: AWS refuses, throttles to the end, or cannot be reached.
    """
    exceptions = _library(gathering, "botocore.exceptions")
    try:
        for region, client in clients:
            gathering.reading(f"AWS {region}")
            for call in _CALLS:
                for page in client.get_paginator(call).paginate(PaginationConfig=_PAGE):
                    gathering.go_on()
                    yield page
    except exceptions.ClientError as fault:
        code = text_at(fault.response, "Error", "Code")
        remedy = (
            "ask less often, or fewer regions at once"
            if code in _THROTTLED
            else "let the profile ec2:DescribeNetworkInterfaces and ec2:DescribeSecurityGroups"
        )
        raise gathering.error(str(fault), remedy) from None
    except exceptions.BotoCoreError as fault:
        remedy = "check the profile, its credentials, the region, and the way there"
        raise gathering.error(str(fault), remedy) from None


def _clients(gathering: Gathering, options: AwsOptions) -> Iterator[tuple[str, Any]]:
    """Give a client for each region; made when it is asked for, inside `described`."""
    limits = gathering.ground.limits
    boto3 = _library(gathering, "boto3")
    config = _library(gathering, "botocore.config").Config(
        connect_timeout=limits.answer_s,
        read_timeout=limits.answer_s,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    session = boto3.Session(profile_name=options.profile or None)
    for region in options.regions:
        yield region, session.client("ec2", region_name=region, config=config)


def _library(gathering: Gathering, name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        remedy = "pip install 'portproof[aws]', or give files with the answers of the aws command"
        raise gathering.error("the library boto3 is not installed", remedy) from None
