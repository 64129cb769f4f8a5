"""in.tftpd over an empty folder. It becomes another user by itself, which needs root.

It listens on every address: one to bind to is refused in a network that has only loopback.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint, Transport
from servers.process import LOOPBACK, account, endpoint, folder, free_port, program, running

# A read request for a name that is not there.
QUESTION = b"\0\1none\0octet\0"


@contextmanager
def tftpd() -> Iterator[Endpoint]:
    """Run in.tftpd."""
    owner = account("root")
    port = free_port(socket.SOCK_DGRAM)
    with folder(owner) as home:
        argv = [
            program("in.tftpd"),
            "-L",
            "-4",
            "-a",
            f":{port}",
            "-u",
            "nobody",
            "-s",
            str(home),
        ]
        home.chmod(0o755)
        with running(argv, owner=owner, cwd=home, ready=lambda: _answers(port)):
            yield endpoint(port, Transport.UDP)


def _answers(port: int) -> bool:
    """Whether it answers; by a port of its own, so the socket must not be connected."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        sock.sendto(QUESTION, (str(LOOPBACK), port))
        try:
            return bool(sock.recv(4_096))
        except OSError:
            return False
