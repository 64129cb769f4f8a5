"""How long each host may be asked: probes that come later are given up instead of sent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class HostTime:
    """When each host was asked first; `now` is monotonic seconds."""

    def __init__(self, timeout_s: float | None) -> None:
        """None: for as long as it takes."""
        self._timeout_s = timeout_s
        self._first_asked: dict[int, float] = {}

    def over(self, now: float, hosts: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Say for each probe, named by its host, whether it comes too late."""
        if self._timeout_s is None:
            return np.zeros(len(hosts), dtype=np.bool_)
        distinct, which = np.unique(hosts, return_inverse=True)
        since = [now - self._first_asked.setdefault(each, now) for each in distinct.tolist()]
        return np.asarray(np.array(since) >= self._timeout_s)[which]
