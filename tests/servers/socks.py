"""A SOCKS5 server (RFC 1928, RFC 1929) that really connects, and says what a test wants of it.

    python -m servers.socks HOST PORT [--user NAME --password WORD] [--yes-to-all]

Its replies are those that danted and microsocks give: 5 for a refused connect, 3 and 4 for
unreachable networks and hosts, 6 when the kernel gave up. With `--yes-to-all` it says `succeeded`
before it tries, as optimistic proxies do.
"""

from __future__ import annotations

import argparse
import errno
import select
import socket
import socketserver
import threading
from typing import ClassVar

_REPLIES = {
    errno.ECONNREFUSED: 5,
    errno.ENETUNREACH: 3,
    errno.EHOSTUNREACH: 4,
    errno.ETIMEDOUT: 6,
}
_NOWHERE = b"\x00\x01\x00\x00\x00\x00\x00\x00"


class Handler(socketserver.BaseRequestHandler):
    """One client: greeting, request, then bytes both ways."""

    credentials: ClassVar[tuple[bytes, bytes] | None] = None
    yes_to_all: ClassVar[bool] = False
    request: socket.socket

    def handle(self) -> None:
        """Serve it; whatever it does wrong ends the connection."""
        try:
            if self._greet():
                self._serve()
        except (OSError, EOFError):
            return

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self.request.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def _greet(self) -> bool:
        _, count = self._exactly(2)
        methods = self._exactly(count)
        if self.credentials is None:
            self.request.sendall(b"\x05\x00")
            return True
        if 2 not in methods:
            self.request.sendall(b"\x05\xff")
            return False
        self.request.sendall(b"\x05\x02")
        _, size = self._exactly(2)
        user = self._exactly(size)
        password = self._exactly(self._exactly(1)[0])
        right = (user, password) == self.credentials
        self.request.sendall(b"\x01\x00" if right else b"\x01\x01")
        return right

    def _serve(self) -> None:
        _, _, _, kind = self._exactly(4)
        family = socket.AF_INET if kind == 1 else socket.AF_INET6
        address = socket.inet_ntop(family, self._exactly(4 if kind == 1 else 16))
        port = int.from_bytes(self._exactly(2))
        if self.yes_to_all:
            self.request.sendall(b"\x05\x00" + _NOWHERE)
        try:
            target = socket.create_connection((address, port), timeout=20)
        except OSError as fault:
            if not self.yes_to_all:
                self.request.sendall(bytes([5, _REPLIES.get(fault.errno or 0, 1)]) + _NOWHERE)
            return
        with target:
            if not self.yes_to_all:
                self.request.sendall(b"\x05\x00" + _NOWHERE)
            self._relay(target)

    def _relay(self, target: socket.socket) -> None:
        ends = {self.request: target, target: self.request}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65_536)
                if not data:
                    return
                ends[end].sendall(data)


class Server(socketserver.ThreadingTCPServer):
    """Listens; a thread for each client."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--yes-to-all", action="store_true")
    asked = parser.parse_args()
    if asked.user is not None:
        Handler.credentials = asked.user.encode(), asked.password.encode()
    Handler.yes_to_all = asked.yes_to_all
    if ":" in asked.host:
        Server.address_family = socket.AF_INET6
    with Server((asked.host, asked.port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        thread.join()


if __name__ == "__main__":
    main()
