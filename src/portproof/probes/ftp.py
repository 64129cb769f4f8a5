"""FTP: greeting, and whether the server offers TLS.

Source: RFC 959 §5.4 (greeting, QUIT), RFC 2389 §3 (FEAT), RFC 4217 §4 (AUTH TLS).
Safety: one connection with FEAT and QUIT in the log; no user name, no password. (A 331 to `USER
anonymous` would prove nothing: vsftpd says it to everyone.)
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.replies import Reply, read_reply

FEAT: Final = b"FEAT\r\n"
QUIT: Final = b"QUIT\r\n"
UNKNOWN_TO_SMTP: Final = frozenset({"211", "500", "502", "530"})
"""Features; unknown; not implemented; log in first. All of them answers to FEAT in FTP."""


class Ftp:
    """Wait for the greeting, ask for the features, and leave with QUIT."""

    name = "ftp"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (21, 2121)
    speaks_first = True

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise FTP by a feature list, or by a greeting that names FTP and a reply to FEAT.

        Attribute `tls`: `offered`, `not offered`, `unknown` (features are for users only).
        """
        head = yield Turn(size=4)
        greeting = (yield from read_reply(head=head)) if head[:3] == b"220" else None
        if greeting is None or _names(greeting, "SMTP"):
            return None
        features = yield from read_reply(FEAT)
        if features is None or features.code not in UNKNOWN_TO_SMTP:
            return None
        # An SMTP server says 500 to FEAT as well: then only the greeting can tell.
        if features.code != "211" and not _names(greeting, "FTP"):
            return None
        yield Turn(QUIT, until=b"\n", limit=512)
        return Service("ftp", _software(greeting), {"tls": _tls(features)})


def _names(greeting: Reply, protocol: str) -> bool:
    return protocol in " ".join(greeting.lines).upper()


def _software(greeting: Reply) -> str:
    """Give the greeting line that names FTP, else the last; vsftpd puts it in parentheses."""
    named = [line for line in greeting.lines if "FTP" in line.upper()]
    line = (named or greeting.lines)[-1]
    return line.removeprefix("(").removesuffix(")")


def _tls(features: Reply) -> str:
    if features.code != "211":
        return "unknown"
    words = [line.upper().split() for line in features.lines]
    # RFC 4217 §6: "AUTH TLS"; some servers write a list, "AUTH TLS;SSL".
    offered = any(line[:1] == ["AUTH"] and "TLS" in " ".join(line) for line in words)
    return "offered" if offered else "not offered"
