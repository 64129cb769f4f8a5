"""SMTP: greeting, and what the server offers to a stranger before TLS.

Source: RFC 5321 §3.1 (greeting), §4.1.1.1 (EHLO), §4.1.1.10 (QUIT); RFC 3207 §4 (STARTTLS);
RFC 4954 §3 (AUTH).
Safety: one connection with EHLO and QUIT in the log; no sender, no recipient, no mail. The name
given is under `.invalid` (RFC 2606 §2), which can belong to nobody.
"""

from __future__ import annotations

import re
from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Identification, Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.replies import Reply, read_reply

EHLO: Final = b"EHLO portproof.invalid\r\n"
QUIT: Final = b"QUIT\r\n"
_SOFTWARE: Final = re.compile(r"\bE?SMTP\b[ :,;-]*(.*)")


class Smtp:
    """Wait for the greeting, say EHLO, read the extensions, and leave with QUIT."""

    name = "smtp"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (25, 587, 2525)
    speaks_first = True

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise SMTP by its answer to EHLO, or a refusal (5xx, 421) that names SMTP.

        Attributes: `tls` (`offered`, `not offered`), `auth_before_tls` (mechanisms a stranger
        could use in clear text).
        """
        head = yield Turn(size=4)
        greeting = (yield from read_reply(head=head)) if head[:3].isdigit() else None
        if greeting is None or (greeting.code == "220" and _is_ftp(greeting)):
            return None
        if greeting.code != "220":
            return _refusal(greeting)
        extensions = yield from read_reply(EHLO)
        if extensions is None or extensions.code != "250":
            # Not SMTP, or too old for EHLO (RFC 821): a 220 alone proves nothing, FTP says it too.
            return _by_banner(greeting)
        yield Turn(QUIT, until=b"\n", limit=512)
        return Service("smtp", _software(greeting), _attributes(extensions))


def _is_ftp(greeting: Reply) -> bool:
    text = " ".join(greeting.lines).upper()
    return "FTP" in text and "SMTP" not in text


def _refusal(greeting: Reply) -> Service | None:
    service = _by_banner(greeting) if greeting.code in {"421", "554"} else None
    return service and Service(
        "smtp", service.product, {"greeting": greeting.code}, Identification.BANNER
    )


def _by_banner(greeting: Reply) -> Service | None:
    if any("SMTP" in line.upper() for line in greeting.lines):
        return Service("smtp", _software(greeting), {}, Identification.BANNER)
    return None


def _software(greeting: Reply) -> str:
    found = _SOFTWARE.search(greeting.lines[0])
    return found[1].strip() if found else greeting.lines[0]


def _attributes(extensions: Reply) -> dict[str, str]:
    offered = [line.upper().split() for line in extensions.lines[1:]]
    attributes = {"tls": "offered" if ["STARTTLS"] in offered else "not offered"}
    mechanisms = [name for words in offered if words[:1] == ["AUTH"] for name in words[1:]]
    if mechanisms:
        attributes["auth_before_tls"] = " ".join(mechanisms)
    return attributes
