"""openssl s_server held to one old TLS version, as an appliance nobody updates would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint
from servers.certificates import self_made
from servers.process import accepts, account, endpoint, folder, free_port, give, program, running


@contextmanager
def old_tls(option: str = "-tls1") -> Iterator[Endpoint]:
    """Run openssl's test server with one protocol option, `-tls1` or `-tls1_1`; it speaks HTTP."""
    owner = account()
    port = free_port()
    with folder(owner) as home:
        pair = self_made(home)
        give(home, owner)
        argv = [program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-www", option]
        argv += ["-cert", str(pair.certificate), "-key", str(pair.key)]
        # Debian's default level 2 refuses what such an appliance takes.
        argv += ["-cipher", "ALL:@SECLEVEL=0"]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)
