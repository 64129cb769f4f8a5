"""AWS: network interfaces with a public address, and what their security groups let in.

Asked through boto3, which is loaded only here (`pip install portproof[aws]`), with two read-only
calls; or read from files that hold the answers of `aws ec2 describe-network-interfaces` and
`aws ec2 describe-security-groups`. An asset is known by its instance, else by its interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from portproof.model.source import AwsOptions
from portproof.sources.cloud import allowed, in_words, kept_answers, tag_of
from portproof.sources.gathering import Found, Gathering
from portproof.sources.trees import at, each_in, mapping, text, text_at

_CALLS: Final = ("describe_network_interfaces", "describe_security_groups")
_ANY_PROTOCOL: Final = "-1"


def fill(gathering: Gathering, options: AwsOptions) -> None:
    """List what has a public address.

    Raises:
        SourceError: AWS or a file cannot be read, boto3 is not installed, or no interfaces came.
    """
    answers = (
        kept_answers(gathering, options.patterns)
        if options.patterns
        else _asked(gathering, options)
    )
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
        yield from in_words("all" if protocol == _ANY_PROTOCOL else protocol, ports, origins)


def _asked(gathering: Gathering, options: AwsOptions) -> Iterator[Any]:
    gathering.reading("AWS")
    try:
        boto3 = import_module("boto3")
        exceptions = import_module("botocore.exceptions")
    except ImportError:
        remedy = "pip install 'portproof[aws]', or give files with the answers of the aws command"
        raise gathering.error("the library boto3 is not installed", remedy) from None
    try:
        session = boto3.Session(profile_name=options.profile or None)
        for region in options.regions:
            gathering.reading(f"AWS {region}")
            client = session.client("ec2", region_name=region)
            for call in _CALLS:
                yield from client.get_paginator(call).paginate()
    except (exceptions.BotoCoreError, exceptions.ClientError) as fault:
        remedy = "check the profile, and that it may describe interfaces and security groups"
        raise gathering.error(str(fault), remedy) from None
