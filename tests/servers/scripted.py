"""Peers that do what a test tells them, on real sockets: torn, slow, endless and hostile ones.

with says(b"+PO", b"NG\\r", b"\\n") as peer: ...
with serving(lambda connection: connection.sendall(b"x" * 1_000_000)) as peer: ...
with answering(lambda datagram: datagram) as peer: ...
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from portproof.model.endpoint import Endpoint, Transport
from servers.process import endpoint, free_port

PEERS = IPv4Address("127.0.0.77")
"""Visits are counted: no test sweeps the ports of this address, as some do with 127.0.0.1."""

Script = Callable[[socket.socket], None]


@dataclass(slots=True)
class Peer:
    """Where the peer is, and what it saw."""

    endpoint: Endpoint
    visits: int = 0
    """Connections accepted (TCP) or datagrams received (UDP)."""
    at: list[float] = field(default_factory=list)
    """When each visit began, by the monotonic clock."""
    on_datagram: Callable[[bytes, tuple[str, int]], object] | None = None
    """Hears of each datagram and its sender (UDP), to answer in ways of its own."""
    send: Callable[[bytes, tuple[str, int]], object] = lambda _datagram, _receiver: None
    """Sends a datagram from the peer's own port."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _enter(self) -> None:
        with self._lock:
            self.visits += 1
            self.at.append(time.monotonic())


@contextmanager
def serving(script: Script, *, port: int | None = None) -> Iterator[Peer]:
    """Accept connections while the block lasts, and play the script on each in a thread."""
    where = (str(PEERS), port or free_port(address=PEERS))
    listener = socket.create_server(where, backlog=128)
    peer = Peer(endpoint(listener.getsockname()[1], address=PEERS))
    open_now: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def play(connection: socket.socket) -> None:
        peer._enter()
        # The client may close at any time, and the block's end closes under our feet.
        with suppress(OSError), connection:
            script(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_now.append(connection)
                threads.append(threading.Thread(target=play, args=(connection,)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield peer
    finally:
        _shut(listener)
        acceptor.join()
        for connection in open_now:
            _shut(connection)
        for thread in threads:
            thread.join()


@contextmanager
def says(*pieces: bytes, pause_s: float = 0.03, then_reads: bool = True) -> Iterator[Peer]:
    """Send the pieces one after the other, each in a segment of its own; then read, or close."""

    def script(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
        while then_reads and connection.recv(4_096):
            pass

    with serving(script) as peer:
        yield peer


@contextmanager
def answering(answer: Callable[[bytes], bytes | None]) -> Iterator[Peer]:
    """Answer datagrams while the block lasts; None is silence."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((str(PEERS), free_port(socket.SOCK_DGRAM, PEERS)))
    sock.settimeout(0.05)
    peer = Peer(endpoint(sock.getsockname()[1], Transport.UDP, PEERS), send=sock.sendto)
    ended = threading.Event()

    def play() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                asked, sender = sock.recvfrom(65_535)
                peer._enter()
                if peer.on_datagram is not None:
                    peer.on_datagram(asked, sender)
                reply = answer(asked)
                if reply is not None:
                    sock.sendto(reply, sender)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield peer
    finally:
        ended.set()
        thread.join()
        sock.close()


def _shut(sock: socket.socket) -> None:
    # Closing alone would leave another thread waiting inside accept() or recv().
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
