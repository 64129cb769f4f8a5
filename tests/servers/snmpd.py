"""snmpd (Net-SNMP) that tells its description to a community, or to nobody without a name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint, Transport
from servers.process import account, answers, endpoint, folder, free_port, give, program, running

DESCRIPTION = "a machine of the tests"
# The discovery of version 3: message 1, no engine, no user. Any agent answers it.
QUESTION = bytes.fromhex(
    "3038020103300e02014d020300ffe30401040201030410300e04000201000201000400040004003011"
    "04000400a00b02014d0201000201003000"
)


@contextmanager
def snmpd(*, community: str = "public") -> Iterator[Endpoint]:
    """Run snmpd; who knows the community may read."""
    owner = account()
    port = free_port(socket.SOCK_DGRAM)
    with folder(owner) as home:
        config = home / "snmpd.conf"
        config.write_text(f"rocommunity {community}\nsysDescr {DESCRIPTION}\n")
        give(home, owner)
        address = f"udp:127.0.0.1:{port}"
        argv = [program("snmpd"), "-f", "-Lo", "-C", "-c", str(config), address]
        env = {"SNMP_PERSISTENT_DIR": str(home), "MIBS": ""}
        with running(argv, owner=owner, cwd=home, env=env, ready=lambda: answers(port, QUESTION)):
            yield endpoint(port, Transport.UDP)
