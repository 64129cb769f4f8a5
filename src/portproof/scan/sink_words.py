"""The words between an egress check and its sink: one datagram each way, of the same 64 bytes.

    question  "PPSINK1?"  nonce (16 bytes)  run id (32 bytes, padded with zeros)  8 zeros
    answer    "PPSINK1!"  the rest as it came

The nonce is random for each question, so that only whoever got the question can answer it. The
answer is no longer than the question: a sink amplifies nothing.
"""

from __future__ import annotations

from typing import Final

SIZE: Final = 64
NONCE: Final = 16
_QUESTION: Final = b"PPSINK1?"
_ANSWER: Final = b"PPSINK1!"
_RUN_ID: Final = 32


def question(run_id: str, nonce: bytes) -> bytes:
    """Make a question of a run; `nonce` has 16 bytes.

    Raises:
        ValueError: the run id has more than 32 bytes, or is not ASCII.
    """
    named = run_id.encode("ascii")
    if len(named) > _RUN_ID:
        raise ValueError(f"a run id has at most {_RUN_ID} bytes, not {len(named)}")
    return (_QUESTION + nonce + named.ljust(_RUN_ID, b"\0")).ljust(SIZE, b"\0")


def run_of(datagram: bytes) -> str | None:
    """Give the run that a datagram names; None when it is no question of ours."""
    if len(datagram) != SIZE or not datagram.startswith(_QUESTION):
        return None
    named = datagram[len(_QUESTION) + NONCE :].rstrip(b"\0")
    printable = named.isascii() and named.decode("ascii", "replace").isprintable()
    return named.decode() if named and len(named) <= _RUN_ID and printable else None


def answer_to(datagram: bytes) -> bytes:
    """Make the answer to a question."""
    return _ANSWER + datagram[len(_QUESTION) :]
