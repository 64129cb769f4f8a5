"""Numbered replies: three digits, then text, over one or more lines (SMTP and FTP).

Source: RFC 5321 §4.2.1 and RFC 959 §4.2. Every line but the last has a hyphen after the code
(`250-PIPELINING`); the last has a space, or nothing at all. FTP allows lines without a code in
between, SMTP does not; both are read the FTP way.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

from portproof.model.probe import Turn
from portproof.probes.printable import printable

LONGEST_LINE: Final = 512
"""RFC 5321 §4.5.3.1.5: a reply line is at most 512 octets."""
MOST_LINES: Final = 64
"""No server's EHLO or FEAT answer is longer; a peer that never ends its reply is cut here."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply: its three-digit code, and the text of its lines without the codes."""

    code: str
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        """Whether the code begins with 2: the request was understood and carried out."""
        return self.code.startswith("2")


def read_reply(payload: bytes = b"", *, head: bytes = b"") -> Generator[Turn, Any, Reply | None]:
    """Send `payload`, then read one reply; None when what came is not a numbered reply.

    `head` is what an earlier turn has read of the reply's first line already.
    """
    first = head + (yield Turn(payload, until=b"\n", limit=LONGEST_LINE))
    code = first[:3]
    if not (code.isdigit() and first[3:4] in b" -\r\n"):
        return None
    lines = [first[4:]]
    last = first
    while last[:4] == code + b"-" or last[:3] != code:
        last = yield Turn(until=b"\n", limit=LONGEST_LINE)
        if not last or len(lines) == MOST_LINES:
            break
        lines.append(last[4:] if last[:3] == code else last)
    return Reply(code.decode("ascii"), tuple(printable(line) for line in lines))
