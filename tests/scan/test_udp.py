from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, ip_address
from itertools import pairwise
from socket import AF_INET, SOCK_DGRAM

import numpy as np

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.probe import Probe
from portproof.model.scan import Rates, Timing
from portproof.probes.dns import Dns
from portproof.probes.ntp import Ntp
from portproof.probes.snmp import Snmp
from portproof.probes.tftp import Tftp
from portproof.scan.udp import REPEAT_S
from servers.process import endpoint, free_port
from servers.scripted import answering
from udp_asking import FREE, Found, Listed, ask, asked

QUICK = Timing(udp_timeout_ms=100, max_retries=0)


def sweep(
    *endpoints: Endpoint,
    probes: Sequence[Probe] = (Ntp(),),
    timing: Timing = QUICK,
    rates: Rates = FREE,
) -> list[Found]:
    """Ask these endpoints with these probes; outcomes in the order asked."""
    return ask(*endpoints, probes=probes, timing=timing, rates=rates)


def icmp_of(found: Found) -> tuple[object, ...]:
    return tuple(found.raw.get(f"icmp_{what}") for what in ("version", "type", "code", "from"))


def true_ntp(asked: bytes) -> bytes:
    return b"\x24\x02" + bytes(22) + asked[40:48] + bytes(16)


def version_answer(asked: bytes) -> bytes:
    """One TXT record for the name at offset 12: `9.18`."""
    header = asked[:2] + b"\x84\0" + b"\0\1\0\1\0\0\0\0"
    return header + asked[12:] + b"\xc0\x0c\0\x10\0\x03" + bytes(4) + b"\0\5\x049.18"


def udp(port: int) -> Endpoint:
    return endpoint(port, Transport.UDP)


def test_a_valid_answer_is_open_with_its_service_and_time() -> None:
    with answering(true_ntp) as peer:
        (found,) = sweep(peer.endpoint)
    assert found.verdict == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert found.service is not None
    assert found.service.name == "ntp"
    assert found.raw["at"] == f"2026-11-21T12:00:00.{found.sent_ms * 1_000:06}Z"
    assert found.rtt_us is not None
    assert found.raw["received_bytes"] == 48


def test_an_answer_to_something_else_is_not_open_but_its_bytes_are_kept() -> None:
    with answering(lambda asked: b"hello") as peer:
        (found,) = sweep(peer.endpoint)
    assert found.verdict == (PortState.OPEN_FILTERED, Reason.UDP_RESPONSE)
    assert found.raw["received_hex"] == b"hello".hex()


def test_our_own_question_sent_back_is_not_open() -> None:
    with answering(lambda asked: asked) as peer:
        (found,) = sweep(peer.endpoint, probes=[Dns(), Ntp()])
    assert found.verdict == (PortState.OPEN_FILTERED, Reason.UDP_RESPONSE)


def test_an_empty_datagram_is_an_answer_but_no_valid_one() -> None:
    with answering(lambda asked: b"") as peer:
        (found,) = sweep(peer.endpoint)
    assert found.verdict == (PortState.OPEN_FILTERED, Reason.UDP_RESPONSE)


def test_silence_after_all_attempts_is_open_or_filtered_and_leaves_no_record() -> None:
    with answering(lambda asked: None) as peer:
        (found,) = sweep(peer.endpoint)
    assert found.verdict == (PortState.OPEN_FILTERED, Reason.NO_RESPONSE)
    assert (found.answer, found.attempts) == (None, 1)


def test_port_unreachable_is_closed_and_the_message_is_kept() -> None:
    (found,) = sweep(udp(free_port()))
    assert found.verdict == (PortState.CLOSED, Reason.PORT_UNREACH)
    assert icmp_of(found) == (4, 3, 3, "127.0.0.1")


def test_port_unreachable_is_read_over_ipv6_too() -> None:
    (found,) = sweep(Endpoint(ip_address("::1"), Transport.UDP, free_port()))
    assert found.verdict == (PortState.CLOSED, Reason.PORT_UNREACH)
    assert icmp_of(found) == (6, 1, 4, "::1")
    assert found.raw["errno"] == "ECONNREFUSED"


def test_a_port_without_a_probe_is_not_probed_and_nothing_is_sent() -> None:
    with answering(true_ntp) as peer:
        (found,) = sweep(peer.endpoint, probes=[])
    assert found.verdict is LocalFault.NOT_PROBED
    assert (found.attempts, peer.visits) == (0, 0)


def test_an_address_the_call_itself_refuses_is_unmeasured() -> None:
    # Broadcast on the loopback interface: without SO_BROADCAST the call says EACCES (udp(7)).
    broadcast = Endpoint(ip_address("127.255.255.255"), Transport.UDP, 123)
    (found,) = sweep(broadcast)
    assert found.verdict is LocalFault.NO_PERMISSION
    assert found.attempts == 0


def test_a_lost_datagram_is_sent_again() -> None:
    seen = []

    def deaf_once(asked: bytes) -> bytes | None:
        seen.append(asked)
        return true_ntp(asked) if len(seen) > 1 else None

    with answering(deaf_once) as peer:
        (found,) = sweep(peer.endpoint, timing=Timing(udp_timeout_ms=100, max_retries=2))
    assert found.verdict == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert found.attempts == 2
    assert seen[0][40:48] != seen[1][40:48], "each attempt has a time-stamp of its own"


def test_one_port_is_asked_again_after_a_second_at_the_earliest() -> None:
    timing = Timing(udp_timeout_ms=50, max_retries=2)
    with answering(lambda asked: None) as peer:
        (found,) = sweep(peer.endpoint, timing=timing)
    assert (found.verdict, found.attempts) == ((PortState.OPEN_FILTERED, Reason.NO_RESPONSE), 3)
    assert all(after - before > 0.9 * REPEAT_S for before, after in pairwise(peer.at))


def test_the_rate_per_host_is_kept() -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(answering(true_ntp)) for _ in range(6)]
        sweep(*(peer.endpoint for peer in peers), rates=Rates(per_host_pps=20))
        sent = sorted(at for peer in peers for at in peer.at)
    assert sent[-1] - sent[0] > 0.8 * 5 / 20


def test_the_rate_of_all_is_kept() -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(answering(true_ntp)) for _ in range(6)]
        sweep(*(peer.endpoint for peer in peers), rates=Rates(global_pps=20))
        sent = sorted(at for peer in peers for at in peer.at)
    assert sent[-1] - sent[0] > 0.8 * 5 / 20


def test_a_stopped_sweep_emits_what_it_knows_and_nothing_else() -> None:
    looks = iter([False, False, False, True])
    with answering(true_ntp) as peer:
        hosts = [peer.endpoint.address, IPv4Address("127.0.0.78")]
        port = peer.endpoint.port
        order = Listed(np.array([0, 1], dtype=np.uint32), np.full(2, port, dtype=np.uint16))
        swept = asked(
            hosts,
            order,
            probes_for=lambda _port: [Ntp()],
            timing=Timing(),
            rates=Rates(global_pps=1),
            stop=lambda: bool(peer.visits) and next(looks),
        )
    assert not swept.complete
    assert list(swept.found()) == [(0, port)]


def test_an_icmp_error_after_an_answer_does_not_take_the_answer_back() -> None:
    """DNS asks twice; the server may be gone by the second question."""
    with answering(lambda asked: asked[:2] + b"\x81\x80" + asked[4:] if b"bind" not in asked else None) as peer:  # fmt: skip
        (found,) = sweep(peer.endpoint, probes=[Dns()])
    assert found.service is not None
    assert found.service.attributes["recursion"] == "offered"


def test_secrets_in_a_datagram_are_masked() -> None:
    with answering(lambda asked: b"token=hunter2") as peer:
        (found,) = sweep(peer.endpoint)
    assert bytes.fromhex(str(found.raw["received_hex"])) == b"token=*******"
    assert found.answer is not None
    assert found.answer.masked == 1


@contextmanager
def answering_from_elsewhere(answer: Callable[[bytes], bytes]) -> Iterator[Endpoint]:
    """Answer each datagram from a port of its own, as TFTP servers do."""
    with answering(lambda asked: None) as peer, socket.socket(AF_INET, SOCK_DGRAM) as other:
        other.bind((str(peer.endpoint.address), 0))
        peer.on_datagram = lambda asked, sender: other.sendto(answer(asked), sender)
        yield peer.endpoint


def test_a_tftp_answer_from_a_port_of_its_own_is_open() -> None:
    with answering_from_elsewhere(lambda asked: b"\0\5\0\1no such file\0") as peer:
        (found,) = sweep(peer, probes=[Tftp()])
    assert found.verdict == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert found.raw["answered_from_port"] != peer.port


def test_what_is_no_tftp_answer_counts_for_nothing_from_another_port() -> None:
    with answering_from_elsewhere(lambda asked: b"hello") as peer:
        (found,) = sweep(peer, probes=[Tftp()])
    assert found.verdict == (PortState.OPEN_FILTERED, Reason.NO_RESPONSE)


def test_where_two_ports_may_answer_from_another_one_nobody_can_tell_which_did() -> None:
    with (
        answering_from_elsewhere(lambda asked: b"\0\5\0\1no such file\0") as peer,
        answering(lambda asked: None) as mute,
    ):
        verdicts = [each.verdict for each in sweep(peer, mute.endpoint, probes=[Tftp()])]
    assert verdicts == [(PortState.OPEN_FILTERED, Reason.NO_RESPONSE)] * 2


def test_an_answer_of_another_protocol_from_another_port_counts_for_nothing() -> None:
    with answering_from_elsewhere(true_ntp) as peer:
        (found,) = sweep(peer, probes=[Ntp()])
    assert found.verdict == (PortState.OPEN_FILTERED, Reason.NO_RESPONSE)


def test_every_probe_of_a_port_is_asked_at_once_and_the_right_one_counts() -> None:
    """The port ignores what it does not understand; each probe alone would take its time-outs."""
    with answering(lambda asked: true_ntp(asked) if asked[:1] == b"\x23" else None) as peer:
        (found,) = sweep(peer.endpoint, probes=[Dns(), Snmp(), Ntp()])
    assert found.service is not None
    assert found.service.name == "ntp"
    assert found.attempts == 1


def test_an_answer_that_comes_twice_is_one_answer() -> None:
    """The second copy is none to the question that follows."""

    def resolver(asked: bytes) -> list[bytes]:
        answer = asked[:2] + b"\x81\x80" + asked[4:]
        return [answer, answer] if b"bind" not in asked else [version_answer(asked)]

    with answering(lambda asked: None) as peer:
        peer.on_datagram = lambda asked, sender: [peer.send(one, sender) for one in resolver(asked)]
        (found,) = sweep(peer.endpoint, probes=[Dns()], timing=Timing())
    assert found.service is not None
    assert (found.service.product, found.service.attributes["recursion"]) == ("9.18", "offered")


def test_without_descriptors_nothing_is_known_and_nothing_breaks() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with answering(true_ntp) as peer:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            (found,) = ask(peer.endpoint, probes=[Ntp()], timing=QUICK, starved_s=0.2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (found.verdict, found.attempts, peer.visits) == (LocalFault.NO_SOCKETS, 0, 0)


def test_hundreds_of_closed_ports_are_each_proved_closed() -> None:
    ports = [udp(port) for port in range(32_100, 32_600)]
    found = sweep(*ports)
    assert {each.verdict for each in found} == {(PortState.CLOSED, Reason.PORT_UNREACH)}
