"""Redis: an answer to PING, and the version where anyone may ask for it.

Source: Redis serialization protocol specification (RESP, "Simple errors", "Inline commands");
Redis commands PING and INFO.
Safety: two commands that change nothing; INFO only where PING was answered without a password.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.printable import printable

PING: Final = b"*1\r\n$4\r\nPING\r\n"
INFO_SERVER: Final = b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"
LONGEST_INFO: Final = 8_192
KEPT_INFO: Final = (b"redis_version", b"redis_mode")
# Three refusals: password (NOAUTH, before Redis 2.8 "operation not permitted"), protected mode
# (DENIED), access list (NOPERM).
LOCKED: Final = (b"-NOAUTH", b"-DENIED", b"-NOPERM", b"-ERR operation not permitted")
# Redis as well, but it does not say whether it is locked.
BUSY: Final = (b"-LOADING", b"-MISCONF", b"-MASTERDOWN", b"-ERR max number of clients reached")


class Redis:
    """Ask PING; any RESP answer identifies Redis, its kind tells whether it is locked."""

    name = "redis"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (6379, 6380, 26379)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise Redis by its answer to PING; None when the peer is something else.

        Attributes: `auth` (`none`, `required`, `unknown`), `mode` (`standalone`, `cluster`,
        `sentinel`), known only without a lock.
        """
        reply = yield Turn(PING, until=b"\r\n", limit=512)
        if reply == b"+PONG\r\n":
            info = yield from _info()
            product = f"Redis {info['redis_version']}" if "redis_version" in info else ""
            mode = {"mode": info["redis_mode"]} if "redis_mode" in info else {}
            return Service("redis", product, {"auth": "none", **mode})
        if reply.startswith(LOCKED):
            return Service("redis", attributes={"auth": "required"})
        if reply.startswith(BUSY):
            return Service("redis", attributes={"auth": "unknown"})
        return None


def _info() -> Generator[Turn, Any, dict[str, str]]:
    header = yield Turn(INFO_SERVER, until=b"\r\n", limit=64)
    if not (header.startswith(b"$") and header[1:-2].isdigit()):
        return {}
    size = min(int(header[1:-2]), LONGEST_INFO)
    text = yield Turn(size=size, limit=LONGEST_INFO)
    pairs = (line.partition(b":") for line in text.splitlines())
    return {name.decode(): printable(value) for name, _, value in pairs if name in KEPT_INFO}
