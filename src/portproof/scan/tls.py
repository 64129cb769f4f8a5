"""TLS as an observer sees it: every version and cipher is taken, and nothing is believed.

A client that protects its user refuses old versions and unknown issuers. An auditor wants to see
them: verification is off, the lowest version is whatever the library still speaks (TLS 1.0 with
OpenSSL 3), and ciphers are allowed down to security level 0. The certificate is evidence here,
not a condition.

The session works on memory, not on a socket: the driver owns the bytes, their caps and the clock.
"""

from __future__ import annotations

import ssl
from functools import cache
from typing import Final

from portproof.model.observation import TlsFacts
from portproof.probes.certificate import certificate_of

_LEGACY_SERVER_CONNECT: Final = 0x4
"""SSL_OP_LEGACY_SERVER_CONNECT of openssl/ssl.h; Python names it from 3.12 on."""


class TlsSession:
    """The client's half of one TLS connection, between two memory buffers.

    `feed` takes what came from the peer, `pending` gives what must be sent to it. `handshake`,
    `read` and `write` raise `ssl.SSLError` when the peer breaks the protocol or sends an alert.
    """

    def __init__(self, server_name: str | None, alpn: tuple[str, ...] = ()) -> None:
        self._server_name = server_name
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = _context(alpn).wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name
        )

    def feed(self, received: bytes) -> None:
        """Take bytes that came from the peer."""
        self._incoming.write(received)

    def pending(self) -> bytes:
        """Give the bytes that must be sent to the peer now; empty when there are none."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Go on with the handshake; True once it is finished, False while bytes are missing."""
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes:
        """Give what was decrypted so far; empty while a record is incomplete."""
        plain = bytearray()
        try:
            while chunk := self._session.read(16_384):
                plain += chunk
        except ssl.SSLWantReadError:
            pass  # all that came has been read
        except ssl.SSLError:
            # An alert or a broken record after good ones: those were said all the same.
            if not plain:
                raise
        return bytes(plain)

    def write(self, payload: bytes) -> None:
        """Encrypt bytes; `pending` then gives them."""
        self._session.write(payload)

    def certificate_der(self) -> bytes | None:
        """Give the leaf certificate as presented; None when there was none."""
        return self._session.getpeercert(binary_form=True)

    def facts(self) -> TlsFacts:
        """Say what the finished handshake showed."""
        cipher = self._session.cipher()
        der = self.certificate_der()
        return TlsFacts(
            version=self._session.version() or "",
            cipher=cipher[0] if cipher else "",
            certificate=certificate_of(der) if der else None,
            server_name=self._server_name,
        )


@cache
def _context(alpn: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Not TLSv1 by name: the same with OpenSSL 3, but Python warns of that name.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    # No tickets: nothing of one visit is taken to the next, and each shows the whole handshake.
    context.options |= _LEGACY_SERVER_CONNECT | ssl.OP_NO_TICKET
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
