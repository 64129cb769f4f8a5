"""OpenSSL's DTLS server; `listen`: it asks for a cookie before it keeps anything."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint, Transport
from servers.certificates import self_made
from servers.process import account, endpoint, folder, free_port, give, program, running


@contextmanager
def dtls(*, listen: bool = True) -> Iterator[Endpoint]:
    """Run `openssl s_server -dtls`."""
    owner = account()
    port = free_port(socket.SOCK_DGRAM)
    with folder(owner) as home:
        pair = self_made(home)
        give(home, owner)
        openssl = [program("openssl"), "s_server", "-dtls", *(["-listen"] if listen else [])]
        openssl += ["-accept", f"127.0.0.1:{port}"]
        openssl += ["-cert", str(pair.certificate), "-key", str(pair.key)]
        # It ends when its standard input does.
        argv = ["sh", "-c", f"sleep 600 | {shlex.join(openssl)}"]
        said = home / "server.log"
        with running(argv, owner=owner, cwd=home, ready=lambda: b"ACCEPT" in said.read_bytes()):
            yield endpoint(port, Transport.UDP)
