"""AWS, as boto3's own client speaks to it: botocore's stubber checks each question and answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from portproof.errors import SourceError
from portproof.model.source import AwsOptions, Listing, SourceSettings
from portproof.sources.aws import described, fill_from
from portproof.sources.gathering import Gathering
from sources.world import World

# Neither has types.
Stubber: Any = import_module("botocore.stub").Stubber
SESSION: Any = import_module("boto3").Session(
    aws_access_key_id="none", aws_secret_access_key="none"
)
INTERFACES, GROUPS = "describe_network_interfaces", "describe_security_groups"
PAGE = {"MaxResults": 1_000}


def client(region: str) -> Any:
    return SESSION.client("ec2", region_name=region)


@contextmanager
def stubbed(client: Any, *answers: tuple[str, Mapping[str, Any]]) -> Iterator[None]:
    """Let a client be answered in that order; a `NextToken` is expected in the next question."""
    stub = Stubber(client)
    expected = PAGE
    for call, answer in answers:
        stub.add_response(call, dict(answer), expected)
        token = answer.get("NextToken")
        expected = {**PAGE, "NextToken": token} if token else PAGE
    with stub:
        yield
        stub.assert_no_pending_responses()


def fetched(world: World, **clients: Any) -> Listing:
    settings = SourceSettings(name="here", kind="aws", options=AwsOptions())
    gathering = Gathering(settings, world.ground())
    fill_from(gathering, described(gathering, clients.items()))
    return gathering.listing()


def interface(instance: str, address: str, group: str = "sg-1") -> dict[str, Any]:
    """An interface in the shape of the real answer (EC2 API, DescribeNetworkInterfaces)."""
    return {
        "NetworkInterfaceId": f"eni-{instance}",
        "InterfaceType": "interface",
        "OwnerId": "123456789012",
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "Status": "in-use",
        "PrivateIpAddress": "10.0.0.9",
        "PrivateIpAddresses": [
            {
                "Primary": True,
                "PrivateIpAddress": "10.0.0.9",
                "Association": {"PublicIp": address, "IpOwnerId": "amazon"},
            }
        ],
        "Association": {"PublicIp": address, "IpOwnerId": "amazon", "PublicDnsName": ""},
        "Attachment": {"InstanceId": instance, "DeviceIndex": 0, "Status": "attached"},
        "Groups": [{"GroupId": group, "GroupName": "web"}],
        "TagSet": [{"Key": "Owner", "Value": "net-team"}],
    }


def group(name: str, *permissions: dict[str, Any]) -> dict[str, Any]:
    """A security group in the shape of the real answer (DescribeSecurityGroups)."""
    return {
        "GroupId": name,
        "GroupName": "web",
        "Description": "of the tests",
        "OwnerId": "123456789012",
        "VpcId": "vpc-1",
        "IpPermissions": list(permissions),
        "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    }


HTTPS = {
    "IpProtocol": "tcp",
    "FromPort": 443,
    "ToPort": 443,
    "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "everybody"}],
    "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
    "PrefixListIds": [{"PrefixListId": "pl-1"}],
    "UserIdGroupPairs": [],
}
PING = {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def test_every_page_of_both_calls_in_every_region_is_read(world: World) -> None:
    west, east = client("eu-west-1"), client("us-east-1")
    first = {"NetworkInterfaces": [interface("i-1", "192.0.2.1")], "NextToken": "more"}
    second = {"NetworkInterfaces": [interface("i-2", "192.0.2.2", "sg-2")]}
    other = {"NetworkInterfaces": [interface("i-3", "192.0.2.3", "sg-3")]}
    groups = {"SecurityGroups": [group("sg-1", HTTPS)], "NextToken": "more"}
    with (
        stubbed(
            west,
            (INTERFACES, first),
            (INTERFACES, second),
            (GROUPS, groups),
            (GROUPS, {"SecurityGroups": [group("sg-2", PING)]}),
        ),
        stubbed(east, (INTERFACES, other), (GROUPS, {"SecurityGroups": []})),
    ):
        listing = fetched(world, west=west, east=east)
    assert [each.id for each in listing.items] == ["i-1", "i-2", "i-3"]
    open_to_all, pinged, bare = (each.attributes for each in listing.items)
    assert open_to_all["allowed"] == "tcp 443 from 0.0.0.0/0; tcp 443 from ::/0; tcp 443 from pl-1"
    assert pinged["allowed"] == "icmp type 8 from 10.0.0.0/8"
    assert "allowed" not in bare
    assert [str(each) for each in listing.items[0].addresses] == ["192.0.2.1"]


def test_a_region_without_interfaces_lists_nothing_and_is_no_error(world: World) -> None:
    west = client("eu-west-1")
    with stubbed(west, (INTERFACES, {"NetworkInterfaces": []}), (GROUPS, {"SecurityGroups": []})):
        assert fetched(world, west=west).items == ()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("UnauthorizedOperation", "let the profile ec2:DescribeNetworkInterfaces"),
        ("RequestLimitExceeded", "ask less often"),
    ],
)
def test_a_second_page_that_is_denied_or_throttled_fails_the_whole_list(
    world: World, code: str, remedy: str
) -> None:
    west = client("eu-west-1")
    stub = Stubber(west)
    page = {"NetworkInterfaces": [interface("i-1", "192.0.2.1")], "NextToken": "more"}
    stub.add_response(INTERFACES, page, PAGE)
    stub.add_client_error(INTERFACES, code, "said AWS", http_status_code=503)
    with stub, pytest.raises(SourceError, match=remedy) as refused:
        fetched(world, west=west)
    assert code in str(refused.value)
    assert "AWS west" in str(refused.value)


def test_what_is_no_region_is_one_error_and_nothing_is_asked(world: World) -> None:
    options = AwsOptions(regions=("no such region",))
    with pytest.raises(SourceError, match=r"no such region.*check the profile"):
        world.source("aws", options).fetch()


def test_without_its_library_the_extra_to_install_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(
        SourceError, match=r"boto3 is not installed.*pip install 'portproof\[aws\]'"
    ):
        world.source("aws", AwsOptions(regions=("eu-west-1",))).fetch()
