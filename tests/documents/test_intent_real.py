"""Rule sets as the real tools write them: nft, iptables and ip6tables, of nf_tables and legacy."""

from __future__ import annotations

from pathlib import Path

import pytest

from documents.intents import OFFICE, V6, let
from netns import Lab
from portproof.documents.intent_draft import Passage
from portproof.documents.intent_file import read_intent
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.reconcile import Intent

pytestmark = pytest.mark.privileged

TO_THE_HOST = Passage()


def read(folder: Path, text: str, passage: Passage = TO_THE_HOST) -> Intent:
    path = folder / "rules"
    path.write_text(text, encoding="utf-8")
    return read_intent(path, zones=[], passage=passage)


def nft(folder: Path, ruleset: str, passage: Passage = TO_THE_HOST) -> Intent:
    """Have the kernel take a ruleset, and read what the real nft says of it."""
    with Lab() as lab:
        lab.nft(lab.server, ruleset)
        told = lab.run(lab.server, ["nft", "-j", "list", "ruleset"]).stdout
    return read(folder, told, passage)


def saved(script: str, *kinds: str) -> str:
    """What the real iptables saves of a script, of each kind of it."""
    with Lab() as lab:
        for kind in kinds:
            commands = script.replace("iptables ", f"{kind} ")
            lab.run(lab.server, ["sh", "-e", "-c", commands])
        return "".join(lab.run(lab.server, [f"{kind}-save"]).stdout for kind in kinds)


def test_verdict_maps_concatenations_and_named_maps_are_read(tmp_path: Path) -> None:
    intent = nft(
        tmp_path,
        """
table inet f {
  map services { type inet_service : verdict; elements = { 22 : jump office, 80 : accept, 81 : drop } }
  set pairs { type ipv4_addr . inet_service; elements = { 198.51.100.7 . 5000, 10.9.0.1 . 5001 } }
  set timed { type inet_service; flags timeout; elements = { 7000 timeout 1h } }
  chain office { ip saddr 10.9.0.0/16 accept; drop; }
  chain input { type filter hook input priority 0; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    tcp dport vmap @services
    ip saddr . tcp dport @pairs accept
    meta l4proto . th dport { tcp . 6000, udp . 6001 } accept
    tcp dport @timed accept
    tcp dport vmap { 443 : goto office, 8000-8002 : accept, 9000 : continue }
    tcp dport 443 accept
  }
}
""",
    )
    outside, office = let(intent), let(intent, OFFICE)
    assert str(outside.allowed) == "80,5000,6000,7000,8000-8002"
    assert not outside.unknown
    assert str(office.allowed) == "22,80,443,6000,7000,8000-8002"
    assert str(office.unknown) == "5001"
    assert str(let(intent, transport=Transport.UDP).allowed) == "6001"
    assert intent.not_understood == ()


def test_negations_first_packets_and_returns_are_read(tmp_path: Path) -> None:
    intent = nft(
        tmp_path,
        """
table inet f {
  chain checked { tcp dport != 2000-2999 return; ip saddr != { 10.9.0.0/16, 10.8.0.0/16 } return; accept; }
  chain input { type filter hook input priority 0; policy drop;
    tcp flags & (fin|syn|rst|ack) != syn ct state new drop
    ct state != new accept
    meta l4proto != { tcp, udp } accept
    iifname != "lo" tcp dport 25 drop
    fib daddr type != local drop
    tcp dport != { 1-1999, 3000-65535 } jump checked
    meta nfproto != ipv6 tcp dport 3000 accept
    tcp dport { 25, 3001 } accept comment "mail"
    udp dport != 1-60000 accept
  }
}
""",
    )
    outside = let(intent)
    assert (str(outside.allowed), len(outside.unknown)) == ("3000-3001", 0)
    assert outside.rule(3001).startswith("inet f input handle ")
    assert '"mail" (' in outside.rule(3001)
    assert str(let(intent, OFFICE).allowed) == "2000-3001"
    assert str(let(intent, address=V6).allowed) == "2000-2999,3001"  # `ip saddr` is of IPv4 alone
    assert str(let(intent, transport=Transport.UDP).allowed) == "60001-65535"


def test_two_conditions_on_an_address_hold_together(tmp_path: Path) -> None:
    intent = nft(
        tmp_path,
        """
table ip f {
  chain input { type filter hook input priority 0; policy drop;
    ip saddr 198.51.0.0/16 ip saddr != 198.51.100.0/24 tcp dport 1 accept
    ip saddr 198.51.0.0/16 ip saddr != 198.51.101.0/24 tcp dport 2 accept
    ip daddr 10.0.0.0/8 ip daddr != 10.0.0.5 tcp dport 3 accept
    tcp dport 4 reject with icmp type host-unreachable
  }
}
""",
    )
    held = let(intent)
    assert (str(held.allowed), str(held.unknown)) == ("2", "")


def test_a_rejection_says_of_which_family_it_is(tmp_path: Path) -> None:
    intent = nft(
        tmp_path,
        """
table inet f { chain input { type filter hook input priority 0; policy accept;
    tcp dport 1 meta nfproto ipv6 reject with icmpv6 type no-route
    tcp dport 2 reject with icmpx type no-route
  }
}
""",
    )
    assert let(intent).denied == PortSet.of(2)
    assert let(intent, address=V6).denied == PortSet.of(1, 2)


def test_what_is_taken_out_of_tracking_may_be_untracked(tmp_path: Path) -> None:
    rules = """
table inet f {
  chain raw { type filter hook prerouting priority -300; policy accept; %s }
  chain input { type filter hook input priority 0; policy drop;
    ct state { established, untracked } tcp dport 1 accept
    ct state new tcp dport 2 accept
    ct state { new, untracked } tcp dport 3 accept
  }
}
"""
    tracked, untracked = (
        let(nft(tmp_path, rules % each)) for each in ("", "udp dport 53 notrack;")
    )
    assert (str(tracked.allowed), str(tracked.unknown)) == ("2-3", "")
    assert (str(untracked.allowed), str(untracked.unknown)) == ("3", "1-2")


def test_what_nft_shows_and_nobody_can_read_is_unknown_and_never_closed(tmp_path: Path) -> None:
    intent = nft(
        tmp_path,
        """
table inet f {
  chain early { type filter hook prerouting priority -300; policy accept;
    tcp dport 4000 drop
    ct mark 7 tcp dport 4001 drop
  }
  chain input { type filter hook input priority 0; policy drop;
    tcp dport 4000-4009 accept
    tcp dport 4010 ct count over 5 accept
    tcp dport 4011 meta skuid 0 accept
    iifname "eth7" tcp dport 4012 accept
    tcp dport 4014 limit rate 1/second accept
    tcp dport 4015 meta mark set 5 accept
  }
}
table ip nat { chain pre { type nat hook prerouting priority -100; tcp dport 4002 dnat to 10.0.0.9:80; }; }
""",
    )
    held = let(intent)
    assert str(held.allowed) == "4003-4009,4015"
    assert str(held.unknown) == "4001-4002,4010-4012,4014"
    assert 4000 in held.denied
    assert len(intent.not_understood) == 6


def test_a_redirected_port_is_unknown_also_where_input_denies_it(tmp_path: Path) -> None:
    intent = nft(
        tmp_path,
        """
table inet f { chain input { type filter hook input priority 0; policy drop; tcp dport 80 accept; }; }
table ip nat { chain pre { type nat hook prerouting priority -100; tcp dport 81 redirect to :80; }; }
""",
    )
    held = let(intent)
    assert (str(held.allowed), str(held.unknown)) == ("80", "81")


BOUNDARY = """
table inet boundary {
  chain through { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "net" oifname "cde" ip daddr 10.0.0.5 tcp dport { 80, 443 } accept
    iifname "west*" oifname "cde" tcp dport 22 accept
    iifname != "net" tcp dport 23 accept
  }
  chain input { type filter hook input priority 0; policy accept; }
}
"""


def test_a_firewall_on_the_way_is_read_for_the_interfaces_that_packets_take(tmp_path: Path) -> None:
    def seen(enters: str, leaves: str) -> tuple[str, str]:
        held = let(nft(tmp_path, BOUNDARY, Passage(forward=True, enters=enters, leaves=leaves)))
        return str(held.allowed), str(held.unknown)

    assert seen("net", "cde") == ("80,443", "")
    assert seen("west1", "cde") == ("22-23", "")
    assert seen("net", "dmz") == ("", "")
    assert seen("", "") == ("", "22-23,80,443")


def test_rules_of_a_firewall_on_the_way_are_about_every_host(tmp_path: Path) -> None:
    assert nft(tmp_path, BOUNDARY, Passage(forward=True)).names_hosts


SCRIPT = """
iptables -P INPUT DROP
iptables -N office
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A INPUT -p tcp ! --syn -m conntrack --ctstate NEW -j DROP
iptables -A INPUT -p tcp --syn --dport 22 -m comment --comment "ssh; -j DROP" -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 80,443,8000:8010 -j ACCEPT
iptables -A INPUT -p tcp ! --dport 1:1024 -j office
iptables -A INPUT -p tcp -m multiport ! --dports 1:59999 -j ACCEPT
iptables -A INPUT -p udp --dport 53 -j ACCEPT
iptables -A INPUT -m addrtype --dst-type LOCAL -p tcp --dport 98 -j ACCEPT
iptables -A INPUT -p tcp --dport 97 -m limit --limit 3/min -j ACCEPT
iptables -A INPUT -i eth7 -p tcp --dport 96 -j ACCEPT
iptables -A INPUT ! -i lo -p tcp --dport 95 -j ACCEPT
iptables -A INPUT -p tcp --dport 94 -g office
iptables -A INPUT -p tcp --dport 94 -j ACCEPT
iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset
iptables -A INPUT -p tcp --dport 93 -j ACCEPT
iptables -A office -p tcp --dport 3000:3009 -j RETURN
iptables -A office -p tcp --dport 3000:3019 -j ACCEPT
"""
OF_IPV4 = """
iptables -I INPUT ! -s 10.9.0.0/24 -p tcp --dport 92 -j ACCEPT
iptables -I INPUT -m iprange --src-range 198.51.100.1-198.51.100.9 -p tcp --dport 91 -j ACCEPT
iptables -I INPUT -m iprange ! --src-range 198.51.100.1-198.51.100.9 -p tcp --dport 90 -j ACCEPT
iptables -t raw -A PREROUTING -p tcp --dport 98 -j DROP
iptables -t mangle -A PREROUTING -p tcp --dport 80 -j MARK --set-mark 1
iptables -t nat -A PREROUTING -p tcp --dport 89 -j REDIRECT --to-ports 22
"""


@pytest.mark.parametrize("kind", ["iptables-nft", "iptables-legacy"])
def test_what_either_iptables_saves_is_read(tmp_path: Path, kind: str) -> None:
    intent = read(tmp_path, saved(SCRIPT + OF_IPV4, kind))
    outside, office = let(intent), let(intent, OFFICE)
    assert str(outside.allowed) == "22,80,91-92,95,443,3010-3019,8000-8010,60000-65535"
    assert str(outside.unknown) == "89,96-97"
    assert PortSet.of(93, 94, 98, 3000) <= outside.denied
    assert str(office.allowed) == "22,80,90,95,443,3010-3019,8000-8010,60000-65535"
    assert str(let(intent, transport=Transport.UDP).allowed) == "53"
    assert let(intent, address=V6).unknown == PortSet.all_ports()


@pytest.mark.parametrize("kind", ["ip6tables-nft", "ip6tables-legacy"])
def test_what_either_ip6tables_saves_is_of_ipv6(tmp_path: Path, kind: str) -> None:
    intent = read(tmp_path, saved(SCRIPT, kind))
    held = let(intent, address=V6)
    assert str(held.allowed) == "22,80,95,98,443,3010-3019,8000-8010,60000-65535"
    assert str(held.unknown) == "96-97"
    assert let(intent).unknown == PortSet.all_ports()


def test_both_families_may_stand_in_one_file(tmp_path: Path) -> None:
    v4 = saved(
        "iptables -P INPUT DROP\niptables -A INPUT -p tcp --dport 4 -j ACCEPT", "iptables-nft"
    )
    v6 = saved(
        "iptables -P INPUT DROP\niptables -A INPUT -p tcp --dport 6 -j ACCEPT", "ip6tables-nft"
    )
    intent = read(tmp_path, v4 + v6)
    assert (str(let(intent).allowed), str(let(intent, address=V6).allowed)) == ("4", "6")


def test_rules_of_iptables_as_nft_shows_them_are_understood_as_far_as_nft_says(
    tmp_path: Path,
) -> None:
    with Lab() as lab:
        lab.run(lab.server, ["sh", "-e", "-c", SCRIPT.replace("iptables ", "iptables-nft ")])
        told = lab.run(lab.server, ["nft", "-j", "list", "ruleset"]).stdout
    held = let(read(tmp_path, told))
    assert PortSet.of(22, 95) <= held.allowed
    assert not held.denied & PortSet.of(80, 443, 98)  # nft hides what `multiport` and others match


def test_iptables_that_forward_are_read_for_the_interfaces_that_packets_take(
    tmp_path: Path,
) -> None:
    text = saved(
        "iptables -P FORWARD DROP\n"
        "iptables -A FORWARD -i net+ -o cde -p tcp --dport 80 -j ACCEPT\n"
        "iptables -A FORWARD ! -i net0 -p tcp --dport 81 -j ACCEPT\n",
        "iptables-nft",
    )
    known = read(tmp_path, text, Passage(forward=True, enters="net0", leaves="cde"))
    assert (str(let(known).allowed), str(let(known).unknown)) == ("80", "")
    unsaid = read(tmp_path, text, Passage(forward=True))
    assert (str(let(unsaid).allowed), str(let(unsaid).unknown)) == ("", "80-81")
