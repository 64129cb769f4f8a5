"""What went over one connection, and what is kept of it: masked, cut, in texts and whole numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from portproof.evidence.masking import mask, mask_certificate
from portproof.model.endpoint import Endpoint
from portproof.probes.certificate import certificate_of
from portproof.scan.raw import RawRecord, rfc3339

KEPT_BYTES: Final = 4_096
"""Captured bytes kept per direction; they are masked first, so the cut lays no secret bare."""
_MOST_MARKS: Final = 64
_WITHHELD: Final = "certificate"
"""The key that says why there is no certificate, nor the clear bytes that it came in."""


@dataclass(slots=True)
class Transcript:
    """What went over one connection: the bytes of each direction, and when they went.

    The bytes are those of the application: inside TLS the plain text, because that is what a
    reader can check a claim against.
    """

    started_ns: int = field(default_factory=time.monotonic_ns)
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    marks: list[str] = field(default_factory=list)
    """`+1234us >14` for 14 bytes sent 1.234 ms after the start, `<` received, `tls` begun."""

    def mark(self, event: str) -> None:
        """Note the time of an event; beyond the first 64 only the bytes tell."""
        if len(self.marks) < _MOST_MARKS:
            offset_us = (time.monotonic_ns() - self.started_ns) // 1_000
            self.marks.append(f"+{offset_us}us {event}")


def conversation_record(
    endpoint: Endpoint, probe: str, transcript: Transcript, certificate_der: bytes | None
) -> tuple[RawRecord, int]:
    """Give the raw record of a conversation held by a probe, and how many secrets were masked."""
    received = mask(bytes(transcript.received))
    record: RawRecord = {
        "kind": "dialogue",
        "endpoint": str(endpoint),
        "probe": probe,
        "at": now(),
        "sent_hex": bytes(transcript.sent[:KEPT_BYTES]).hex(),
        "sent_bytes": len(transcript.sent),
        "received_hex": received.data[:KEPT_BYTES].hex(),
        "received_bytes": len(received.data),
        "masked": received.count,
        "masked_kinds": " ".join(received.kinds),
        "turns": "; ".join(transcript.marks),
    }
    if certificate_der is not None:
        record |= certificate_record(certificate_der)
        if _WITHHELD in record and certificate_der in transcript.received:
            record["received_hex"] = ""
    return record, received.count


def failure_record(endpoint: Endpoint, failure: str) -> RawRecord:
    """Give the raw record of a connection that did not come about."""
    return {"kind": "dialogue", "endpoint": str(endpoint), "at": now(), "failure": failure}


def certificate_record(der: bytes) -> RawRecord:
    """Give the certificate as presented, unless its texts hold what must not be kept.

    In DER a text stands beside lengths and tags that may look like its first or last characters,
    so that nothing could be masked in place with certainty: it is withheld as a whole.
    """
    shown = certificate_of(der)
    if shown is not None and mask_certificate(shown)[1]:
        return {_WITHHELD: "withheld: its texts hold what had to be masked"}
    return {"certificate_der_hex": der.hex()}


def now() -> str:
    """Give the time of day as raw records have it."""
    return rfc3339(datetime.now(UTC))
