"""ICMP echo through ping sockets: whose reply counts, and how the asking is limited."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from netns import Lab
from portproof.scan.echo import EchoConditions, EchoSweep

HOSTS = [ip_address("127.0.0.1"), ip_address("::1"), ip_address("127.0.0.2")]
HERE = """
import time
from ipaddress import ip_address
from portproof.scan.echo import EchoConditions, EchoSweep, unavailable

hosts = [ip_address(each) for each in ("127.0.0.1", "::1", "127.0.0.2")]
answered = []
sweep = EchoSweep(hosts, answered.append, EchoConditions(
    rate_pps=1000, requests=3, timeout_s=5.0, clock=time.monotonic, stop=lambda: False))
done = sweep.run([4, 6])
print(done, sorted(answered), sweep.sent, repr(unavailable(4)), repr(unavailable(6)))
"""


def conditions() -> EchoConditions:
    return EchoConditions(
        rate_pps=1000, requests=1, timeout_s=5.0, clock=time.monotonic, stop=lambda: False
    )


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as laboratory:
        yield laboratory


@pytest.mark.privileged
def test_each_host_that_replies_is_told_once_and_not_asked_again(lab: Lab) -> None:
    lab.run(lab.client, ["sh", "-c", "echo 0 0 >/proc/sys/net/ipv4/ping_group_range"])
    told = lab.run(lab.client, [sys.executable, "-c", HERE]).stdout
    assert told == "True [0, 1, 2] 3 '' ''\n"


@pytest.mark.privileged
def test_without_the_permission_it_says_which_setting_decides(lab: Lab) -> None:
    lab.run(lab.client, ["sh", "-c", "echo 1 0 >/proc/sys/net/ipv4/ping_group_range"])
    asked = "from portproof.scan.echo import unavailable; print(unavailable(4))"
    told = lab.run(lab.client, [sys.executable, "-c", asked]).stdout
    assert "no ICMPv4 echo" in told
    assert "net.ipv4.ping_group_range" in told


class TestWhichReplyCounts:
    """White box: what arrives at the ping socket, byte by byte."""

    def replies(self, *packets: tuple[bytes, str]) -> list[int]:
        answered: list[int] = []
        sweep = EchoSweep(HOSTS, answered.append, conditions())
        for packet, sender in packets:
            sweep._take(packet.replace(b"TOKEN...........", sweep._token), sender)
        return answered

    def reply(self, kind: int, index: int) -> bytes:
        return bytes([kind, 0, 0, 0, 0, 0, 0, 0]) + b"TOKEN..........." + index.to_bytes(4, "big")

    def test_the_asked_address_with_our_own_payload(self) -> None:
        assert self.replies((self.reply(0, 0), "127.0.0.1"), (self.reply(129, 1), "::1")) == [0, 1]

    def test_a_repeated_reply_is_told_once(self) -> None:
        assert self.replies(*[(self.reply(0, 2), "127.0.0.2")] * 3) == [2]

    @pytest.mark.parametrize(
        ("packet", "sender"),
        [
            pytest.param((0, 0), "127.0.0.2", id="from another address"),
            pytest.param((8, 0), "127.0.0.1", id="a request, not a reply"),
            pytest.param((129, 0), "127.0.0.1", id="a reply of the other family"),
            pytest.param((0, 3), "127.0.0.1", id="an index beyond the hosts"),
        ],
    )
    def test_others_do_not(self, packet: tuple[int, int], sender: str) -> None:
        assert self.replies((self.reply(*packet), sender)) == []

    def test_nor_does_a_payload_that_is_not_ours(self) -> None:
        forged = self.reply(0, 0).replace(b"TOKEN", b"GUESS")
        assert self.replies((forged, "127.0.0.1"), (b"", "127.0.0.1")) == []
