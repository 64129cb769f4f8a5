"""--host-timeout: how long each host of a sweep may be asked.

A host's time begins with its first probe. What is left of it when that time is over ends as
Unmeasured(HOST_TIMEOUT), also a port that has been asked once in vain: silence that was not asked to
the end is no `filtered`. The raw helper keeps the same time for its own probes
(`rawhelper.host_time`).
"""

from __future__ import annotations

from typing import Final

_MS: Final = 1000


class HostTime:
    """When each host was asked first; `now` is the sweep's clock, in seconds."""

    def __init__(self, timeout_ms: int | None) -> None:
        """None: hosts may be asked for as long as it takes."""
        self._timeout_s = None if timeout_ms is None else timeout_ms / _MS
        self._first_asked: dict[int, float] = {}

    def over(self, host: int, now: float) -> bool:
        """Whether a probe to the host comes too late; the first one never does."""
        if self._timeout_s is None:
            return False
        return now - self._first_asked.setdefault(host, now) >= self._timeout_s
