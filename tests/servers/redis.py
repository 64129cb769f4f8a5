"""redis-server: open to everyone, with a password, or inside TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint
from servers.certificates import self_made
from servers.process import accepts, account, endpoint, folder, free_port, give, program, running


@contextmanager
def redis(*, password: str | None = None, tls: bool = False) -> Iterator[Endpoint]:
    """Run redis-server; nothing is written to disk."""
    owner = account()
    port = free_port()
    with folder(owner) as home:
        argv = [program("redis-server"), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
        if password:
            argv += ["--requirepass", password]
        if tls:
            pair = self_made(home)
            argv += ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"]
            argv += ["--tls-cert-file", str(pair.certificate), "--tls-key-file", str(pair.key)]
            argv += ["--tls-ca-cert-file", str(pair.certificate)]
        else:
            argv += ["--port", str(port)]
        give(home, owner)
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)
