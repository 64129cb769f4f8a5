from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address

from portproof.model.batch import FAULTS, NONE, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost, Rates, Timing
from portproof.model.way import Way, WayKind
from portproof.plan.order import ProbeOrder
from portproof.scan.conditions import Conditions
from portproof.scan.relay import MOST_LEFT_BEHIND, RelaySweep
from portproof.scan.relay_tunnel import Tunnel
from servers.scripted import Peer, Script, serving

NOWHERE = b"\x00\x01\x00\x00\x00\x00\x00\x00"
TARGET = ip_address("192.0.2.7")
CANNOT_TELL = FAULTS.index(LocalFault.PROXY_CANNOT_TELL)


def replies(code_of: Callable[[int], int | None]) -> Script:
    """A proxy that connects nowhere and answers by the port: a code, or None for silence."""

    def script(connection: socket.socket) -> None:
        if not connection.recv(3):
            return  # the look whether anybody is there
        connection.sendall(b"\x05\x00")
        code = code_of(int.from_bytes(connection.recv(10)[-2:]))
        if code is not None:
            connection.sendall(bytes([5, code]) + NOWHERE)
        connection.recv(1)

    return script


class Swept:
    """One sweep of the target through a proxy, and what it told."""

    def __init__(  # noqa: PLR0913 - one argument for each thing that a test may set
        self,
        peer: Peer,
        ports: str,
        *,
        at_once: int = 50,
        timeout_ms: int = 1_000,
        stop: Callable[[], bool] = lambda: False,
        kind: type[Tunnel] = Tunnel,
        into: list[OutcomeBatch] | None = None,
    ) -> None:
        self.batches: list[OutcomeBatch] = [] if into is None else into
        self.opened: list[tuple[int, str]] = []
        low, _, high = ports.partition("-")
        asked = PortSet.from_ranges([(int(low), int(high or low))])
        host = PlannedHost(address=TARGET, target=str(TARGET), tcp=asked, udp=PortSet.empty())
        place = peer.endpoint
        way = Way(kind=WayKind.SOCKS5, host=str(place.address), port=place.port, at_once=at_once)
        conditions = Conditions(
            timing=Timing(timeout_ms=timeout_ms),
            rates=Rates(global_pps=10**6, per_host_pps=10**6, per_host_connections=10**3),
            clock=time.monotonic,
            began=time.monotonic(),
            stop=stop,
        )
        with kind(way) as tunnel:
            sweep = RelaySweep(
                [TARGET],
                ProbeOrder([host], Transport.TCP, 1),
                self.batches.append,
                conditions,
                tunnel=tunnel,
                opened=lambda probe, said: self.opened.append((probe & 0xFFFF, said)),
            )
            self.finished = sweep.run()
        self.done = sweep.done

    def ports(self, *, open_ones: bool) -> set[int]:
        """The ports that are open, or of which nothing is known."""
        rows = [
            (int(port), int(fault))
            for each in self.batches
            for port, fault in zip(each.port, each.fault, strict=True)
        ]
        assert {fault for _, fault in rows} <= {NONE, CANNOT_TELL}
        return {port for port, fault in rows if (fault == NONE) is open_ones}


def test_what_the_proxy_has_connected_is_open_and_all_else_is_not_known() -> None:
    codes = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 255}
    with serving(replies(codes.__getitem__)) as peer:
        swept = Swept(peer, "1-8")
    assert swept.ports(open_ones=True) == {1}
    assert swept.ports(open_ones=False) == set(range(2, 9))
    assert swept.opened == [(1, "succeeded")]
    assert (swept.finished, swept.done) == (True, 8)


def test_a_proxy_that_stays_silent_has_said_nothing_of_the_target() -> None:
    with serving(replies(lambda _: None)) as peer:
        swept = Swept(peer, "1-20", timeout_ms=50)
    assert swept.ports(open_ones=False) == set(range(1, 21))
    assert swept.done == 20


def test_no_more_connections_are_open_at_once_than_the_way_bears() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def script(connection: socket.socket) -> None:
        nonlocal now, most
        if not connection.recv(3):
            return
        with lock:
            now += 1
            most = max(most, now)
        connection.sendall(b"\x05\x00")
        connection.recv(10)
        time.sleep(0.002)
        with lock:
            now -= 1
        connection.sendall(b"\x05\x05" + NOWHERE)

    with serving(script) as peer:
        swept = Swept(peer, "1-200", at_once=7)
    assert swept.done == 200
    assert 1 < most <= 7


def test_a_stop_ends_the_sweep_with_what_it_has() -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with serving(replies(lambda _: None)) as peer:
        swept = Swept(peer, "1-5000", stop=stop)
    assert not swept.finished
    assert swept.done < 5_000


def test_a_proxy_that_has_gone_tells_nothing() -> None:
    first = threading.Event()

    def stop() -> bool:
        if not first.is_set():
            first.set()
            server.__exit__(None, None, None)
        return False

    server = serving(replies(lambda _: 0))
    peer = server.__enter__()
    swept = Swept(peer, "1-300", stop=stop)
    assert swept.finished
    assert swept.ports(open_ones=False) == set(range(1, 301))


class _Lingering(Tunnel):
    """A SOCKS server that goes on trying what we have given up, as an SSH server does."""

    @property
    def lingers(self) -> bool:
        return True


def test_only_so_many_attempts_are_left_behind_at_a_server_that_goes_on_trying() -> None:
    looks = 0

    def stop() -> bool:
        """Look on for a while after the most have been left behind, and then end it."""
        nonlocal looks
        looks += len(batches) > 0 and sum(map(len, batches)) >= MOST_LEFT_BEHIND
        return looks > 8

    batches: list[OutcomeBatch] = []
    with serving(replies(lambda _: None)) as peer:
        swept = Swept(
            peer, "1-1000", at_once=200, timeout_ms=50, stop=stop, kind=_Lingering, into=batches
        )
    assert not swept.finished
    assert swept.done == MOST_LEFT_BEHIND
