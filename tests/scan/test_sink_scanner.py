from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import HostOutcome, RunRecord, RunStatus, Timing
from portproof.model.way import Way, WayKind
from portproof.scan.clock import SystemClock
from portproof.scan.executor import Executor
from portproof.scan.sink_scanner import SINK_SERVICE, SinkScanner
from portproof.scan.sink_words import SIZE, answer_to
from vantage import Heard, authorisation, plan_for, planned_hosts

HERE = "127.0.0.1"


@contextmanager
def peer(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """Answer each datagram on a UDP port of this machine as told, until the block ends."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))
        sock.settimeout(0.05)
        ended: list[bool] = []
        thread = Thread(target=_serve, args=(sock, answer, ended))
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            ended.append(True)
            thread.join()


def _serve(sock: socket.socket, answer: Callable[[bytes], bytes], ended: list[bool]) -> None:
    while not ended:
        try:
            datagram, source = sock.recvfrom(SIZE + 1)
        except TimeoutError:
            continue
        sock.sendto(answer(datagram), source)


def closed_port() -> int:
    """A UDP port that nobody has."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))
        port: int = sock.getsockname()[1]
        return port


def asked(*ports: int, stop: Callable[[], bool] = lambda: False) -> tuple[RunRecord, Heard]:
    held = authorisation([f"{HERE}/32"])
    hosts = planned_hosts([HERE], "", ",".join(map(str, ports)))
    plan = plan_for(held, hosts, timing=Timing(udp_timeout_ms=50))
    heard, clock = Heard(), SystemClock()
    scanner = SinkScanner(Executor(held, clock=clock), held, clock)
    return scanner.run(plan, heard, stop), heard


def udp(record: RunRecord) -> HostOutcome:
    (outcome,) = (each for each in record.hosts if each.transport is Transport.UDP)
    return outcome


def test_only_the_answer_with_our_own_nonce_opens_a_port() -> None:
    forged = answer_to(b"PPSINK1?".ljust(SIZE, b"x"))
    with peer(answer_to) as sink, peer(lambda _: forged) as liar, peer(lambda said: said) as echo:
        record, _ = asked(sink, liar, echo)
    outcome = udp(record)
    assert list(outcome.states[PortState.OPEN]) == [sink]
    assert set(outcome.states[PortState.OPEN_FILTERED]) == {liar, echo}
    seen = outcome.observation(sink)
    assert seen is not None
    assert seen.service is not None
    assert seen.service.name == SINK_SERVICE


def test_a_port_that_nobody_has_is_closed_by_who_said_so() -> None:
    port = closed_port()
    record, heard = asked(port)
    assert list(udp(record).reasons[Reason.PORT_UNREACH]) == [port]
    ((_, raw),) = heard.observations
    assert raw is not None
    assert raw["icmp_from"] == HERE


def test_what_was_not_asked_when_it_was_stopped_is_unmeasured() -> None:
    record, _ = asked(closed_port(), stop=lambda: True)
    assert len(udp(record).unmeasured[LocalFault.INTERRUPTED]) == 1
    assert record.status is not RunStatus.COMPLETE


def test_the_record_is_of_the_whole_plan_and_counts_what_was_measured() -> None:
    with peer(answer_to) as sink:
        record, _ = asked(sink, closed_port())
    (coverage,) = record.coverage
    assert (coverage.transport, coverage.planned, coverage.measured) == (Transport.UDP, 2, 2)
    assert len(record.plan.hosts[0].udp) == 2


def test_a_vantage_behind_a_proxy_sends_no_datagram_of_its_own() -> None:
    held, way, clock = (
        authorisation([f"{HERE}/32"]),
        Way(kind=WayKind.SOCKS5, host=HERE),
        SystemClock(),
    )
    received: list[bytes] = []

    def take(datagram: bytes) -> bytes:
        received.append(datagram)
        return answer_to(datagram)

    with peer(take) as port:
        plan = plan_for(held, planned_hosts([HERE], "", str(port)), through=way)
        scanner = SinkScanner(Executor(held, clock=clock, way=way), held, clock)
        record = scanner.run(plan, Heard(), lambda: False)
    assert list(udp(record).unmeasured[LocalFault.PROXY_CANNOT_TELL]) == [port]
    assert received == []
