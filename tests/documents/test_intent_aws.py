"""Security groups in the shape in which `aws ec2 describe-security-groups` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import factories as make
from portproof.documents.intent_file import read_intent
from portproof.errors import DocumentError
from portproof.model.endpoint import Address, Transport
from portproof.model.ports import PortSet
from portproof.model.reconcile import Intent
from portproof.policy.reconcile import Let, Vicinity, let_through

V4 = make.endpoint("10.0.0.5:1/tcp").address
V6 = make.endpoint("[fd00::5]:1/tcp").address
INTERNET = Vicinity(
    zone="internet", networks=(make.network("198.51.100.7"), make.network("2001:db8::7"))
)
PARTNER = Vicinity(zone="partner", networks=(make.network("203.0.113.0/25"),))


def permission(protocol: str, first: int | None = None, last: int | None = None, **sources: Any) -> dict[str, Any]:  # fmt: skip
    """One element of IpPermissions: all four lists are always there, the ports are not."""
    held: dict[str, Any] = {
        "IpProtocol": protocol,
        "UserIdGroupPairs": [],
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
    }
    if first is not None:
        held |= {"FromPort": first, "ToPort": last}
    return held | sources


ANYWHERE_4 = [{"CidrIp": "0.0.0.0/0"}]
ANYWHERE_6 = [{"CidrIpv6": "::/0"}]
WEB = {
    "GroupId": "sg-0123456789abcdef0",
    "IpPermissionsEgress": [permission("-1", IpRanges=ANYWHERE_4)],
    "Tags": [{"Key": "Name", "Value": "web"}],
    "VpcId": "vpc-0fedcba9876543210",
    "SecurityGroupArn": "arn:aws:ec2:eu-central-1:111122223333:security-group/sg-0123456789abcdef0",
    "OwnerId": "111122223333",
    "GroupName": "web",
    "Description": "web servers",
    "IpPermissions": [
        permission("tcp", 443, 443, IpRanges=ANYWHERE_4, Ipv6Ranges=ANYWHERE_6),
        permission(
            "tcp",
            22,
            22,
            IpRanges=[{"Description": "partner", "CidrIp": "203.0.113.0/24"}],
            PrefixListIds=[{"Description": "offices", "PrefixListId": "pl-0a1b2c3d4e5f60718"}],
        ),
        permission("udp", 0, 65535, Ipv6Ranges=[{"CidrIpv6": "2001:db8::/64"}]),
        permission("icmp", 8, -1, IpRanges=ANYWHERE_4),
        permission("icmpv6", -1, -1, Ipv6Ranges=ANYWHERE_6),
        permission("50", IpRanges=ANYWHERE_4),
    ],
}
DATABASE = {
    "GroupId": "sg-0fedcba9876543210",
    "GroupName": "database",
    "OwnerId": "111122223333",
    "Description": "databases",
    "IpPermissionsEgress": [],
    "IpPermissions": [
        permission(
            "tcp",
            5432,
            5433,
            UserIdGroupPairs=[
                {"UserId": "111122223333", "GroupId": "sg-0123456789abcdef0"},
                {
                    "Description": "peer",
                    "UserId": "444455556666",
                    "GroupId": "sg-0a0a0a0a0a0a0a0a0",
                    "VpcId": "vpc-0b0b0b0b0b0b0b0b0",
                    "VpcPeeringConnectionId": "pcx-0123456789abcdef0",
                    "PeeringStatus": "active",
                },
            ],
        ),
        permission("-1", IpRanges=[{"CidrIp": "203.0.113.64/26"}]),
        permission("tcp", 0, 0, IpRanges=ANYWHERE_4),
    ],
}


def read(folder: Path, *groups: dict[str, Any]) -> Intent:
    path = folder / "groups.json"
    # Four blanks: as the AWS command line prints it.
    path.write_text(json.dumps({"SecurityGroups": list(groups)}, indent=4), encoding="utf-8")
    return read_intent(path, zones=[])


def let(
    intent: Intent,
    vicinity: Vicinity = INTERNET,
    *,
    address: Address = V4,
    transport: Transport = Transport.TCP,
) -> Let:
    held = let_through([intent], address, transport, vicinity)
    assert held is not None
    return held


def test_addresses_of_either_family_are_read(tmp_path: Path) -> None:
    intent = read(tmp_path, WEB)
    assert str(let(intent).allowed) == "443"
    assert str(let(intent, PARTNER).allowed) == "22,443"
    assert str(let(intent, address=V6).allowed) == "443"
    udp = let(intent, address=V6, transport=Transport.UDP)
    assert udp.allowed == PortSet.all_ports()
    assert not let(intent, transport=Transport.UDP).allowed


def test_protocols_without_ports_and_port_zero_allow_nothing(tmp_path: Path) -> None:
    group = WEB | {"IpPermissions": [*WEB["IpPermissions"][3:], *DATABASE["IpPermissions"][2:]]}
    assert let(read(tmp_path, group)).denied == PortSet.all_ports()


def test_a_prefix_list_or_a_group_as_source_may_be_the_vantage(tmp_path: Path) -> None:
    intent = read(tmp_path, WEB, DATABASE)
    held = let(intent)
    assert str(held.unknown) == "22,5432-5433"
    assert 5432 not in held.denied
    told = intent.not_understood
    assert len(told) == 3
    assert 'tcp 22 from pl-0a1b2c3d4e5f60718 "offices": who that is, the file' in told[0]
    assert "tcp 5432-5433 from sg-0123456789abcdef0: who" in told[1]
    assert 'from sg-0a0a0a0a0a0a0a0a0 "peer": who' in told[2]


def test_all_traffic_from_a_part_of_where_the_vantage_may_be_is_unknown(tmp_path: Path) -> None:
    intent = read(tmp_path, DATABASE)
    for transport in Transport:
        assert let(intent, PARTNER, transport=transport).unknown == PortSet.all_ports()
    inside = Vicinity(zone="partner", networks=(make.network("203.0.113.70"),))
    assert let(intent, inside).allowed == PortSet.all_ports()
    assert "all traffic from 203.0.113.64/26 (" in let(intent, inside).rule(9)


def test_a_rule_is_given_with_its_group_and_the_line_of_the_group(tmp_path: Path) -> None:
    intent = read(tmp_path, WEB, DATABASE)
    assert (
        let(intent, PARTNER)
        .rule(22)
        .startswith('sg-0123456789abcdef0: tcp 22 from 203.0.113.0/24 "partner" (')
    )
    line = int(let(intent).rule(5432).rpartition(":")[2].rstrip(")"))
    text = (tmp_path / "groups.json").read_text().splitlines()
    assert [each.strip() for each in text[line - 1 : line + 1]] == [
        "{",
        '"GroupId": "sg-0fedcba9876543210",',
    ]


def test_a_group_without_rules_denies_everything(tmp_path: Path) -> None:
    assert let(read(tmp_path, WEB | {"IpPermissions": []})).denied == PortSet.all_ports()


@pytest.mark.parametrize(
    "spoiled",
    [
        permission("tcp", 1, 2, IpRanges=[{"CidrIp": "10.0.0.0/33"}]),
        permission("tcp", 1, 2, IpRanges=[{}]),
        permission("tcp", 9, 2, IpRanges=ANYWHERE_4),
        permission("tcp", 1, 2, IpRanges="0.0.0.0/0"),
    ],
)
def test_what_aws_never_writes_is_one_clear_error(tmp_path: Path, spoiled: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match="is not as expected") as refused:
        read(tmp_path, WEB | {"IpPermissions": [spoiled]})
    assert len(str(refused.value).splitlines()) == 1
