"""TLS as an observer sees it: every version and cipher is taken, and nothing is believed.

A client that protects its user refuses old versions and unknown issuers. An auditor wants to see
them: verification is off, the lowest version is whatever the library still speaks (TLS 1.0 with
OpenSSL 3), and ciphers are allowed down to security level 0. The certificate is evidence here,
not a condition.

The session works on memory, not on a socket: the driver owns the bytes, their caps and the clock.
"""

from __future__ import annotations

import hashlib
import ssl
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from portproof.model.observation import Certificate, TlsFacts

_LEGACY_SERVER_CONNECT: Final = 0x4
"""SSL_OP_LEGACY_SERVER_CONNECT of openssl/ssl.h; Python names it from 3.12 on."""
LONGEST_NAME: Final = 256
"""Characters kept of a certificate's name: RFC 5280 allows 64 for most parts."""
MOST_NAMES: Final = 200
"""Names kept of a subjectAltName; public issuers stop at 100."""


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


def certificate_of(der: bytes) -> Certificate | None:
    """Read a certificate; None when it is so malformed that not even its dates can be read."""
    with warnings.catch_warnings():
        # A serial number of zero or below is the peer's affair, and no news for our operator.
        warnings.simplefilter("ignore")
        try:
            return _read(x509.load_der_x509_certificate(der), der)
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
            return None


def _read(certificate: x509.Certificate, der: bytes) -> Certificate:
    subject, issuer = certificate.subject, certificate.issuer
    return Certificate(
        subject=_text(subject.rfc4514_string()),
        issuer=_text(issuer.rfc4514_string()),
        names=tuple(_alternative_names(certificate))[:MOST_NAMES],
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        serial=f"{certificate.serial_number:x}",
        sha256=hashlib.sha256(der).hexdigest(),
        key=_key(certificate),
        self_signed=_is_self_signed(certificate),
    )


def _alternative_names(certificate: x509.Certificate) -> Iterator[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        # None at all, or extensions that cannot be read: no name is claimed.
        return
    for name in extension.value:
        if isinstance(name, x509.DNSName | x509.IPAddress):
            yield _text(str(name.value))


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return ""
    match key:
        case rsa.RSAPublicKey():
            return f"rsa {key.key_size}"
        case dsa.DSAPublicKey():
            return f"dsa {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"ec {key.curve.name}"
        case _:
            # Ed25519 and its like have one size each: the name says all.
            return type(key).__name__.removesuffix("PublicKey").lower()


def _is_self_signed(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        # Signed by another key of the same name, or by an algorithm nobody can check.
        return False
    return True


def _text(name: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in name)
    return shown[:LONGEST_NAME]


@cache
def _context(alpn: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Not TLSv1 by name: the same with OpenSSL 3, but Python warns of that name.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.options |= _LEGACY_SERVER_CONNECT
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
