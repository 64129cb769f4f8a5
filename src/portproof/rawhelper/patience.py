"""How long a silent probe is waited for.

It is sent again once it is later than answers use to be here (mean and four times the largest
deviation, as TCP reckons: RFC 6298 §2), which costs little if the answer was only slow: late
answers count. Silence is claimed only after the plan's whole time-out since the last sending.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.rawhelper.plan import HelperPlan

_GAIN: Final = 0.125
_VARIATIONS: Final = 4
_US: Final = 1_000_000


class Patience:
    """One helper's patience with all its targets."""

    def __init__(self, plan: HelperPlan) -> None:
        self._shortest_s = plan.min_timeout_s
        self.last_s = plan.timeout_s
        """Silence so long after the last sending is silence."""
        self.again_s = plan.timeout_s
        """Silence so long after another sending has the probe sent again."""
        self._mean_s = 0.0
        self._deviation_s = -1.0

    def learn(self, rtt_us: NDArray[np.int64]) -> None:
        """Take round-trip times into account; negative ones are none."""
        times_s = rtt_us[rtt_us >= 0] / _US
        if not len(times_s):
            return
        mean_s = float(times_s.mean())
        if self._deviation_s < 0:
            self._mean_s, self._deviation_s = mean_s, mean_s / 2
        deviation_s = float(np.abs(times_s - self._mean_s).max())
        gain = 1 - (1 - _GAIN) ** len(times_s)
        # A larger deviation counts at once, a smaller one by and by.
        shrunk_s = self._deviation_s + gain * (deviation_s - self._deviation_s)
        self._deviation_s = max(deviation_s, shrunk_s)
        self._mean_s += gain * (mean_s - self._mean_s)
        wanted_s = self._mean_s + _VARIATIONS * self._deviation_s
        self.again_s = min(max(wanted_s, self._shortest_s), self.last_s)
