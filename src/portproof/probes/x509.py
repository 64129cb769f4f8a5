"""Reading X.509 certificates (RFC 5280); imported by `probes.certificate` when there is one."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from portproof.model.observation import Certificate
from portproof.probes.certificate import LONGEST_NAME, MOST_NAMES


def read_certificate(der: bytes) -> Certificate | None:
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
