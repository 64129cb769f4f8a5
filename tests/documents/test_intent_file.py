"""What firewalls are meant to let through: real nft, iptables-save, security groups, a CSV."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import factories as make
from netns import Lab
from portproof.documents.intent_file import read_intent
from portproof.errors import DocumentError
from portproof.model.endpoint import Address, Transport
from portproof.model.ports import PortSet
from portproof.model.reconcile import Intent
from portproof.policy.reconcile import Let, Vicinity, let_through

V4 = make.endpoint("10.0.0.5:1/tcp").address
V6 = make.endpoint("[fd00::5]:1/tcp").address
OFFICE = Vicinity(
    zone="office", networks=(make.network("10.9.0.0/24"), make.network("fd00:9::/64"))
)
INTERNET = Vicinity(
    zone="internet", networks=(make.network("198.51.100.7"), make.network("2001:db8::7"))
)


def read(folder: Path, text: str) -> Intent:
    path = folder / "rules"
    path.write_text(text, encoding="utf-8")
    return read_intent(path, zones=["internet", "office"])


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


def faults(folder: Path, text: str) -> str:
    with pytest.raises(DocumentError) as refused:
        read(folder, text)
    return str(refused.value)


# ---------------------------------------------------------------- nftables


RULESET = """
table inet filter {
  set office { type ipv4_addr; flags interval; elements = { 10.9.0.0/16, 10.8.1.1-10.8.1.9 } }
  set web { type inet_service; flags interval; elements = { 80, 443, 8000-8010 } }
  chain extra { tcp dport 9000 accept
    tcp dport 9001 return
  }
  chain input { type filter hook input priority 0; policy drop;
    ct state invalid drop
    ct state established,related accept
    iif lo accept
    iifname != "lo" tcp dport 26 reject with tcp reset
    tcp dport @web counter log accept comment "web"
    tcp dport 26 accept
    ip saddr @office tcp dport { 22, 5432 } ct state new accept
    ip saddr != 10.9.0.9 tcp dport 23 accept
    ip6 saddr fd00:9::/64 udp dport 53 accept
    meta l4proto { tcp, udp } th dport 99 accept
    tcp dport 100 limit rate 3/second accept
    icmp type echo-request accept
    meta nfproto ipv6 tcp dport 101 accept
    ip daddr 10.0.0.5 tcp dport 102 accept
    ip daddr 10.0.0.6 tcp dport 103 accept
    tcp dport 9000-9001 jump extra
  }
  chain forward { type filter hook forward priority 0; policy drop; tcp dport 1 accept; }
}
table ip nat { chain pre { type nat hook prerouting priority -100; tcp dport 7 redirect to :8; }; }
"""


@pytest.fixture(scope="module")
def nft(tmp_path_factory: pytest.TempPathFactory) -> Intent:
    """Have the kernel take the ruleset, and read what the real nft says of it."""
    with Lab() as lab:
        lab.nft(lab.server, RULESET)
        told = lab.run(lab.server, ["nft", "-j", "list", "ruleset"]).stdout
    return read(tmp_path_factory.mktemp("nft"), told)


@pytest.mark.privileged
def test_input_of_a_real_nftables_as_seen_from_the_internet(nft: Intent) -> None:
    held = let(nft)
    assert str(held.allowed) == "23,80,99,102,443,8000-8010,9000"
    assert str(held.unknown) == "7,26,100"  # of which family the rejection of 26 is, nft hides
    assert 9001 in held.denied


@pytest.mark.privileged
def test_input_of_a_real_nftables_as_seen_from_the_office(nft: Intent) -> None:
    assert PortSet.of(22, 5432) <= let(nft, OFFICE).allowed
    udp = let(nft, OFFICE, address=V6, transport=Transport.UDP)
    assert str(udp.allowed) == "53,99"
    assert 101 in let(nft, address=V6).allowed


@pytest.mark.privileged
def test_what_of_nftables_is_not_understood_is_named_by_its_handle(nft: Intent) -> None:
    told = "\n".join(nft.not_understood)
    assert told.count("ip nat pre handle") == 1
    assert told.count("inet filter input handle") == 2
    assert "forward" not in told


def test_rules_that_forward_are_no_business_of_the_host_itself(nft: Intent) -> None:
    assert 1 in let(nft).denied
    assert not nft.names_hosts


def test_a_host_without_an_input_chain_lets_everything_through(tmp_path: Path) -> None:
    held = let(read(tmp_path, json.dumps({"nftables": [{"metainfo": {}}]})))
    assert held.allowed == PortSet.all_ports()


def test_chains_that_jump_to_each_other_come_to_an_end(tmp_path: Path) -> None:
    chain = {"family": "inet", "table": "t", "name": "input"}
    jump: dict[str, Any] = {"family": "inet", "table": "t", "chain": "input", "handle": 1}
    jump["expr"] = [{"jump": {"target": "input"}}]
    objects = [{"chain": chain | {"hook": "input", "policy": "drop"}}, {"rule": jump}]
    held = let(read(tmp_path, json.dumps({"nftables": objects})))
    assert held.unknown == PortSet.all_ports()


# ---------------------------------------------------------------- iptables


OF_IPTABLES = "# Generated by iptables-save v1.8.9\n"
SAVED = """\
# Generated by iptables-save v1.8.9 on Sat Nov 21 12:00:00 2026
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 7 -j REDIRECT --to-ports 8
COMMIT
*filter
:INPUT DROP [12:720]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:office - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "ssh for all; -j DROP" -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443,8000:8010 -j ACCEPT
-A INPUT -s 10.9.0.0/16 -j office
-A INPUT -p tcp -m tcp --dport 25 -j LOG --log-prefix "mail: "
-A INPUT -p tcp -m tcp --dport 26 -m limit --limit 3/sec -j ACCEPT
-A INPUT ! -s 10.9.0.9/32 -p tcp -m tcp --dport 27 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 28 -j SOMEWHERE
-A INPUT -i eth7 -p tcp -m tcp --dport 29 -j ACCEPT
-A INPUT -d 10.0.0.6/32 -p tcp -m tcp --dport 30 -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -m state --state NEW -j ACCEPT
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A INPUT -p tcp -m tcp --dport 9 -j ACCEPT
-A office -p tcp -m tcp --dport 5432 -j ACCEPT
-A office -p tcp -m tcp --dport 443 -j DROP
COMMIT
# Completed on Sat Nov 21 12:00:00 2026
"""


def test_input_of_iptables_save(tmp_path: Path) -> None:
    intent = read(tmp_path, SAVED)
    outside, office = let(intent), let(intent, OFFICE)
    assert str(outside.allowed) == "22,27,80,443,8000-8010"
    assert str(outside.unknown) == "7,26,28-29"
    assert str(office.allowed) == "22,80,443,5432,8000-8010"
    assert str(let(intent, transport=Transport.UDP).allowed) == "53"


def test_what_says_nothing_of_ipv6_makes_all_of_it_not_understood(tmp_path: Path) -> None:
    assert let(read(tmp_path, SAVED), address=V6).unknown == PortSet.all_ports()


def test_what_of_iptables_is_not_understood_is_named_with_its_line(tmp_path: Path) -> None:
    told = read(tmp_path, SAVED).not_understood
    lines = [
        each.split("rules:")[1].split(":")[0]
        for each in told
        if "rules:1" in each or "rules:2" in each
    ]
    assert lines == ["19", "21", "22"]
    assert told[0].endswith(
        "rules:5: -A PREROUTING -p tcp -m tcp --dport 7 -j REDIRECT --to-ports 8"
    )


def test_a_rule_that_decides_is_given_with_its_line(tmp_path: Path) -> None:
    assert let(read(tmp_path, SAVED)).rule(22).endswith("rules:15)")


# ---------------------------------------------------------------- AWS


GROUPS: dict[str, Any] = {
    "SecurityGroups": [
        {
            "GroupId": "sg-0a1b2c3d4e5f60718",
            "GroupName": "web",
            "OwnerId": "123456789012",
            "VpcId": "vpc-0123456789abcdef0",
            "IpPermissions": [
                {
                    "FromPort": 443,
                    "IpProtocol": "tcp",
                    "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                    "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                    "PrefixListIds": [],
                    "ToPort": 443,
                    "UserIdGroupPairs": [],
                },
                {
                    "FromPort": 22,
                    "IpProtocol": "tcp",
                    "IpRanges": [{"CidrIp": "10.9.0.0/16", "Description": "office"}],
                    "Ipv6Ranges": [],
                    "PrefixListIds": [],
                    "ToPort": 23,
                    "UserIdGroupPairs": [],
                },
                {
                    "FromPort": 5432,
                    "IpProtocol": "tcp",
                    "IpRanges": [],
                    "Ipv6Ranges": [],
                    "PrefixListIds": [],
                    "ToPort": 5432,
                    "UserIdGroupPairs": [{"GroupId": "sg-0ffffffffffffffff", "UserId": "1"}],
                },
                {"FromPort": -1, "IpProtocol": "icmp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "ToPort": -1},
                {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.9.9.0/24"}]},
            ],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        }
    ]
}  # fmt: skip


def test_security_groups_allow_what_any_of_them_allows(tmp_path: Path) -> None:
    intent = read(tmp_path, json.dumps(GROUPS))
    assert str(let(intent).allowed) == "443"
    assert str(let(intent, OFFICE).allowed) == "22-23,443"
    assert str(let(intent, address=V6).allowed) == "443"
    inner = Vicinity(zone="office", networks=(make.network("10.9.9.9"),))
    assert let(intent, inner).allowed == PortSet.all_ports()


def test_a_group_as_source_is_not_understood(tmp_path: Path) -> None:
    intent = read(tmp_path, json.dumps(GROUPS))
    assert str(let(intent).unknown) == "5432"
    (told,) = intent.not_understood
    assert "tcp 5432 from sg-0ffffffffffffffff" in told


# ---------------------------------------------------------------- CSV


HEADER = "source,host,transport,ports,action\n"


def test_rules_of_a_csv_are_for_zones_or_networks_and_the_first_counts(tmp_path: Path) -> None:
    text = f'{HEADER}office,10.0.0.0/24,tcp,22,allow\nany,10.0.0.5,tcp,80,deny\nany,any,tcp,"80,443",allow\n10.9.0.0/16,any,any,53,allow\n'
    intent = read(tmp_path, text)
    assert str(let(intent).allowed) == "443"
    assert str(let(intent, OFFICE).allowed) == "22,53,443"
    assert let(intent, OFFICE).rule(22) == f"office,10.0.0.0/24,tcp,22,allow ({tmp_path}/rules:2)"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the file holds nothing"),
        ("a,b\n", "rules:1:1: the header must be source,host,transport,ports,action"),
        (f"{HEADER}any,any,tcp,22\n", "rules:2:1: has 4 cells instead of 5"),
        (f"{HEADER}ofice,any,tcp,22,allow\n", "'ofice' is no declared zone"),
        (f"{HEADER}any,host,tcp,22,allow\n", "the host 'host' is no address or network"),
        (f"{HEADER}any,any,sctp,22,allow\n", "the transport 'sctp'"),
        (f"{HEADER}any,any,tcp,0,allow\n", "the ports '0'"),
        (f"{HEADER}any,any,tcp,22,permit\n", "the action 'permit' is neither allow nor deny"),
        ("{", "is no JSON"),
        ("{}", "holds neither 'nftables'"),
        ('{"nftables": 1}', "'nftables' is no list of objects"),
        ('{"SecurityGroups": [1]}', "is not as expected"),
        ("*nat\nCOMMIT\n", "has no table *filter with a chain INPUT"),
        ("*filter\n:INPUT ACCEPT [0:0]\n", "rules:2:1: nothing says whether this is of iptables or ip6tables"),
        (f"{OF_IPTABLES}*filter\n:INPUT ACCEPT [0:0]\nhello\n", "rules:4:1: 'hello' is no line of `iptables-save`"),
        (f'{OF_IPTABLES}*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment "x\n', "rules:4:1: No closing quotation"),
    ],
)  # fmt: skip
def test_what_is_no_intent_is_one_clear_error(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults(tmp_path, text)


def test_every_fault_of_a_csv_is_told_at_once(tmp_path: Path) -> None:
    told = faults(tmp_path, f"{HEADER}any,any,tcp,22,permit\nany,any,sctp,22,allow\n")
    assert len(told.splitlines()) == 2


json_values = st.recursive(
    st.none() | st.integers() | st.sampled_from(["tcp", "10.0.0.0/8", "input", "@x", "accept"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "chain",
                    "rule",
                    "expr",
                    "match",
                    "left",
                    "right",
                    "op",
                    "set",
                    "range",
                    "hook",
                    "accept",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4), st.sampled_from(["nftables", "SecurityGroups"]))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_json_is_more_than_an_error(tmp_path: Path, objects: list[Any], key: str) -> None:
    with suppress(DocumentError):
        read(tmp_path, json.dumps({key: objects}))
