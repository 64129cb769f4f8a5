"""chronyd as a time server of stratum 10 that leaves the machine's clock alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint, Transport
from servers.process import account, answers, endpoint, folder, free_port, give, program, running

STRATUM = 10
# An NTP client request of version 4.
QUESTION = bytes([0x23]) + bytes(47)


@contextmanager
def chrony(*, command_port: int = 0) -> Iterator[Endpoint]:
    """Run chronyd; with a command port, strangers may ask there."""
    owner = account()
    port = free_port(socket.SOCK_DGRAM)
    with folder(owner) as home:
        config = home / "chrony.conf"
        config.write_text(
            f"port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.0/8\nlocal stratum {STRATUM}\n"
            f"cmdport {command_port}\ncmdallow 127.0.0.0/8\nbindcmdaddress 127.0.0.1\n"
            f"pidfile {home}/pid\nbindcmdaddress /\ndriftfile {home}/drift\n"
        )
        give(home, owner)
        # -d: in the foreground, -x: never touch the clock, -U: no root needed for that.
        argv = [program("chronyd"), "-d", "-x", "-U", "-u", owner.name, "-f", str(config)]
        with running(argv, owner=owner, cwd=home, ready=lambda: answers(port, QUESTION)):
            yield endpoint(port, Transport.UDP)
