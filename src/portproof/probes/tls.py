"""TLS: version, cipher and certificate; then one question inside, to tell what it protects.

Source: RFC 8446 and RFC 5246 (the handshake is the driver's), RFC 9110 §4.2.2 (https); greetings
on the ports of RFC 8314 §7 (mail) and RFC 4217 (FTP): RFC 5321 §3.1, RFC 9051 §7.1, RFC 1939 §4.
Safety: one handshake, then one `GET /` in the access log; on ports of mail and of other known
protocols nothing is asked inside, the greeting is awaited at most.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any, Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Identification, Service
from portproof.model.probe import Dialogue, ProbeContext, StartTls, Turn
from portproof.probes.http_message import exchange
from portproof.probes.printable import printable

HTTPS_PORT: Final = 443
GREETING_PORTS: Final = (465, 990, 992, 993, 994, 995)
"""Submissions, FTPS, telnets, IMAPS, ircs and POP3S: the server speaks first inside TLS."""
MUTE_PORTS: Final = (636, 853, 3269, 5061, 5671, 8883)
"""LDAPS, DNS, SIPS, AMQPS and MQTT: an HTTP request would be noise in their logs."""
REDIS_PORTS: Final = (6379, 6380)
"""Mute as well, but Redis itself claims them: most of it listens without TLS there."""
GREETINGS: Final = (
    ("imap", re.compile(rb"\* (?:OK|PREAUTH|BYE)\b")),
    ("pop3", re.compile(rb"\+OK\b")),
    ("smtp", re.compile(rb"220[ -][^\r\n]{0,400}SMTP")),
    ("ftp", re.compile(rb"220[ -]")),
)


class Tls:
    """Shake hands; an HTTP answer inside makes it `https`, anything else leaves it `tls`."""

    name = "tls"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (
        HTTPS_PORT,
        4443,
        6443,
        8443,
        9443,
        *GREETING_PORTS,
        *MUTE_PORTS,
    )
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise TLS by a finished handshake.

        Attributes of `https`: those of `http`; of `tls`: `inside`, where a greeting told.
        """
        facts = yield StartTls(context.server_name)
        if facts is None:
            return None
        if context.port in GREETING_PORTS:
            inside = yield from _greeting()
            return Service("tls", "", inside, Identification.TLS, facts)
        answer = None
        if context.port not in (*MUTE_PORTS, *REDIS_PORTS):
            answer = yield from exchange(context, own_port=HTTPS_PORT)
        if answer is None:
            return Service("tls", "", {}, Identification.TLS, facts)
        return Service("https", answer.product, answer.attributes, Identification.PROTOCOL, facts)


def _greeting() -> Generator[Turn, Any, dict[str, str]]:
    line = yield Turn(until=b"\n", limit=512)
    for protocol, pattern in GREETINGS:
        if pattern.match(line):
            return {"inside": protocol, "greeting": printable(line)}
    return {}
