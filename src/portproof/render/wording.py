"""How numbers, shares, durations and digests are put into words, the same in every format.

Nothing is rounded in our favour: a share is cut down, never up, so that 100 % means all.
"""

from __future__ import annotations

import re
from typing import Final

from portproof.model.observation import LocalFault

_UNSAFE_IN_ANCHOR: Final = re.compile(r"[^A-Za-z0-9._-]+")
_FAULTS: Final[dict[str, str]] = {
    LocalFault.NO_ROUTE: "no route to it from this vantage",
    LocalFault.NO_NEIGHBOUR: "no neighbour answered for it",
    LocalFault.NO_SOCKETS: "no sockets left",
    LocalFault.NO_PERMISSION: "not permitted on this machine",
    LocalFault.CONTROL_FAILED: "silence without a witness",
    LocalFault.UNRESOLVED: "the name did not resolve",
    LocalFault.INTERRUPTED: "the run ended before its turn",
    LocalFault.NOT_PROBED: "no protocol probe exists, nothing was asked",
    LocalFault.NOT_DISCOVERED: "the host did not answer discovery, nothing was asked",
    LocalFault.LOSSY_PATH: "silence on a path that loses too much to tell",
    LocalFault.HOST_TIMEOUT: "the time granted for the host was over",
    LocalFault.LOST_WORKER: "the scanning process ended too early",
    LocalFault.PROXY_CANNOT_TELL: "the proxy had no connection to it, which tells nothing",
}
_SHORT: Final = 8
"""Hex digits shown at each end of a shortened digest, as section 0 of the report asks."""


def thousands(number: int | None) -> str:
    """Write a count as `131,070`; a count that could not be made (None) as `unknown`."""
    return "unknown" if number is None else f"{number:,}"


def share(part: int, whole: int) -> str:
    """Write `131,068 of 131,070 (99.99 %)`: numerator, denominator, and a share rounded down.

    Without a denominator there is no share: `0 of 0`.
    """
    counts = f"{part:,} of {whole:,}"
    if whole <= 0:
        return counts
    hundredths = part * 10_000 // whole
    if hundredths == 0 and part > 0:
        return f"{counts} (< 0.01 %)"
    percent = f"{hundredths // 100}.{hundredths % 100:02d}".removesuffix(".00")
    return f"{counts} ({percent} %)"


def loss(ppm: int | None) -> str:
    """Write packets lost of a million as `29.71 %`, rounded up; None, no estimate, as `unknown`."""
    if ppm is None:
        return "unknown"
    hundredths = -(-ppm // 100)
    return f"{hundredths // 100}.{hundredths % 100:02d}".removesuffix(".00") + " %"


def duration(milliseconds: int) -> str:
    """Write `412 ms`, `3.4 s`, `2 min 5 s` or `1 h 2 min`; smaller parts are cut off."""
    seconds, rest = divmod(milliseconds, 1000)
    if seconds == 0:
        return f"{rest} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds}.{rest // 100} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def microseconds(value: int | None) -> str:
    """Write a round-trip time as `1.204 ms`; an en dash where nothing came back (None)."""
    return "–" if value is None else f"{value // 1000:,}.{value % 1000:03d} ms"  # noqa: RUF001


def short(digest: str) -> str:
    """Write a digest by its first and last eight digits; the full one stands in the appendix."""
    if len(digest) <= 2 * _SHORT + 1:
        return digest
    return f"{digest[:_SHORT]}…{digest[-_SHORT:]}"


def moment(timestamp: str) -> str:
    """Write an RFC 3339 instant for readers: `2026-11-20 22:14:03 UTC`; other text as it is."""
    if (
        len(timestamp) < len("2026-11-20T22:14:03Z")
        or timestamp[10:11] != "T"
        or not timestamp.endswith("Z")
    ):
        return timestamp
    return f"{timestamp[:10]} {timestamp[11:19]} UTC"


def anchor(text: str) -> str:
    """Make an identifier for links inside the report; equal texts give equal identifiers."""
    return _UNSAFE_IN_ANCHOR.sub("-", text).strip("-") or "none"


def fault(name: str) -> str:
    """Say in words why something was not measured; a fault this version does not know stays as it is."""
    return _FAULTS.get(name, name)


def plural(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: `1 host`, `40 hosts`; `many` defaults to the noun with an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
