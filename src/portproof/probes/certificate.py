"""Certificates as evidence: what the leaf says, whoever signed it (RFC 5280).

Shared vocabulary of all that see a certificate: in a finished handshake, or in the clear bytes of
one that was refused. Nothing is verified, and no bytes make it raise.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from portproof.model.observation import Certificate

LONGEST_NAME: Final = 256
"""Characters kept of a certificate's name: RFC 5280 allows 64 for most parts."""
MOST_NAMES: Final = 200
"""Names kept of a subjectAltName; public issuers stop at 100."""


@lru_cache(maxsize=1_024)
def certificate_of(der: bytes) -> Certificate | None:
    """Read a certificate; None when it is so malformed that not even its dates can be read.

    The latest are remembered: one certificate often stands on hundreds of hosts.
    """
    # The library is a tenth of what a scan imports, and most scans begin long before they need it.
    from portproof.probes.x509 import read_certificate  # noqa: PLC0415

    return read_certificate(der)
