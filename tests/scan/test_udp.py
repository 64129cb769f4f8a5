from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import pairwise

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, Observation, PortState, Reason, Unmeasured
from portproof.model.probe import Probe
from portproof.model.scan import Rates, Timing
from portproof.probes.dns import Dns
from portproof.probes.ntp import Ntp
from portproof.scan.pace import RETRY_SPACING_S
from portproof.scan.udp import UdpRequest, UdpResult, sweep_udp
from servers.process import endpoint, free_port
from servers.scripted import answering

QUICK = Timing(udp_timeout_ms=100, max_retries=0)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def sweep(
    *endpoints: Endpoint,
    probes: Sequence[Probe] = (Ntp(),),
    timing: Timing = QUICK,
    rates: Rates = Rates(),  # noqa: B008 - frozen
    stopped: bool = False,
) -> list[UdpResult]:
    """Ask these endpoints with these probes; results in the order asked."""
    found: dict[Endpoint, UdpResult] = {}
    sweep_udp(
        [UdpRequest(number, each) for number, each in enumerate(endpoints)],
        timing=timing,
        rates=rates,
        started_monotonic=time.monotonic(),
        now=lambda: NOON,
        stop=lambda: stopped,
        on_result=lambda result: found.update({result.endpoint: result}),
        probes_for=lambda port, transport: probes,
    )
    return [found[each] for each in endpoints]


def state_of(result: UdpResult) -> tuple[PortState, Reason] | LocalFault:
    match result.outcome:
        case Observation(state=state, reason=reason):
            return state, reason
        case Unmeasured(fault=fault):
            return fault


def icmp_of(result: UdpResult) -> tuple[object, ...]:
    raw = result.raw or {}
    return tuple(raw.get(f"icmp_{what}") for what in ("version", "type", "code", "from"))


def true_ntp(asked: bytes) -> bytes:
    return b"\x24\x02" + bytes(22) + asked[40:48] + bytes(16)


def udp(port: int) -> Endpoint:
    return endpoint(port, Transport.UDP)


def test_a_valid_answer_is_open_with_its_service_and_time() -> None:
    with answering(true_ntp) as peer:
        (found,) = sweep(peer.endpoint)
    assert isinstance(found.outcome, Observation)
    assert state_of(found) == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert found.outcome.service is not None
    assert found.outcome.service.name == "ntp"
    assert found.outcome.at == NOON
    assert found.outcome.rtt_us is not None
    assert found.raw is not None
    assert found.raw["received_bytes"] == 48


def test_an_answer_to_something_else_is_not_open_but_its_bytes_are_kept() -> None:
    with answering(lambda asked: b"hello") as peer:
        (found,) = sweep(peer.endpoint)
    assert state_of(found) == (PortState.OPEN_FILTERED, Reason.UDP_RESPONSE)
    assert found.raw is not None
    assert found.raw["received_hex"] == b"hello".hex()


def test_our_own_question_sent_back_is_not_open() -> None:
    with answering(lambda asked: asked) as peer:
        (found,) = sweep(peer.endpoint, probes=[Dns(), Ntp()])
    assert state_of(found) == (PortState.OPEN_FILTERED, Reason.UDP_RESPONSE)


def test_an_empty_datagram_is_an_answer_but_no_valid_one() -> None:
    with answering(lambda asked: b"") as peer:
        (found,) = sweep(peer.endpoint)
    assert state_of(found) == (PortState.OPEN_FILTERED, Reason.UDP_RESPONSE)


def test_silence_after_all_attempts_is_open_or_filtered_and_leaves_no_record() -> None:
    with answering(lambda asked: None) as peer:
        (found,) = sweep(peer.endpoint)
    assert state_of(found) == (PortState.OPEN_FILTERED, Reason.NO_RESPONSE)
    assert (found.raw, found.attempts) == (None, 1)


def test_port_unreachable_is_closed_and_the_message_is_kept() -> None:
    (found,) = sweep(udp(free_port()))
    assert state_of(found) == (PortState.CLOSED, Reason.PORT_UNREACH)
    assert found.raw is not None
    assert icmp_of(found) == (4, 3, 3, "127.0.0.1")


def test_port_unreachable_is_read_over_ipv6_too() -> None:
    (found,) = sweep(Endpoint(ip_address("::1"), Transport.UDP, free_port()))
    assert state_of(found) == (PortState.CLOSED, Reason.PORT_UNREACH)
    assert found.raw is not None
    assert icmp_of(found) == (6, 1, 4, "::1")
    assert found.raw["errno"] == "ECONNREFUSED"


def test_a_port_without_a_probe_is_not_probed_and_nothing_is_sent() -> None:
    with answering(true_ntp) as peer:
        (found,) = sweep(peer.endpoint, probes=[])
    assert state_of(found) is LocalFault.NOT_PROBED
    assert (found.attempts, peer.visits) == (0, 0)


def test_an_address_the_call_itself_refuses_is_unmeasured() -> None:
    # Broadcast on the loopback interface: without SO_BROADCAST the call says EACCES (udp(7)).
    broadcast = Endpoint(ip_address("127.255.255.255"), Transport.UDP, 123)
    (found,) = sweep(broadcast)
    assert state_of(found) is LocalFault.NO_PERMISSION
    assert isinstance(found.outcome, Unmeasured)
    assert found.outcome.detail


def test_a_lost_datagram_is_sent_again() -> None:
    seen = []

    def deaf_once(asked: bytes) -> bytes | None:
        seen.append(asked)
        return true_ntp(asked) if len(seen) > 1 else None

    with answering(deaf_once) as peer:
        (found,) = sweep(peer.endpoint, timing=Timing(udp_timeout_ms=100, max_retries=2))
    assert state_of(found) == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert found.attempts == 2
    assert seen[0][40:48] != seen[1][40:48], "each attempt has a time-stamp of its own"


def test_repetitions_to_one_host_are_spaced_as_icmp_errors_are_limited() -> None:
    timing = Timing(udp_timeout_ms=50, max_retries=1)
    with ExitStack() as stack:
        peers = [stack.enter_context(answering(lambda asked: None)) for _ in range(3)]
        sweep(*(peer.endpoint for peer in peers), timing=timing)
        repeated = sorted(peer.at[1] for peer in peers)
    gaps = [after - before for before, after in pairwise(repeated)]
    assert all(gap > 0.9 * RETRY_SPACING_S for gap in gaps)


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


def test_a_stopped_sweep_still_accounts_for_every_port() -> None:
    with answering(true_ntp) as peer:
        found = sweep(peer.endpoint, udp(free_port()), stopped=True, rates=Rates(global_pps=1))
    assert len(found) == 2
    assert LocalFault.INTERRUPTED in {state_of(each) for each in found}


def test_an_icmp_error_after_an_answer_does_not_take_the_answer_back() -> None:
    """DNS asks twice; the server may be gone by the second question."""
    with answering(lambda asked: asked[:2] + b"\x81\x80" + asked[4:] if b"bind" not in asked else None) as peer:  # fmt: skip
        (found,) = sweep(peer.endpoint, probes=[Dns()])
    assert isinstance(found.outcome, Observation)
    assert found.outcome.service is not None
    assert found.outcome.service.attributes["recursion"] == "offered"


def test_secrets_in_a_datagram_are_masked() -> None:
    with answering(lambda asked: b"token=hunter2") as peer:
        (found,) = sweep(peer.endpoint)
    assert found.raw is not None
    assert bytes.fromhex(str(found.raw["received_hex"])) == b"token=*******"
    assert found.masked == 1
