"""Which open ports of a crowded host are asked what they are: a sample first, the rest only if it told.

Behind a SYN proxy or a tarpit all 65,535 ports are open and each conversation runs into its
time-outs: asking them all takes hours and tells nothing more than asking some. So of a host with far
too many open ports the ports that a probe claims are asked, and others spread evenly; only where
more than a tenth of them say what they are, the rest is asked, too. What was not asked says so
(`Observation.asked`), and the judgement rests on the sample (`policy.crowds`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from portproof.probes import tcp_ports

CROWDED: Final = 512
"""Open ports from which a host is crowded; servers have dozens, at most a few hundred."""
_SPREAD: Final = 256
"""How many ports that no probe claims are in the sample: enough to tell a crowd from a busy host."""
_TELLING: Final = 0.1


class Crowded:
    """The open ports of a run by host, and how those that were asked have answered."""

    def __init__(self, opened: Iterable[tuple[int, int]]) -> None:
        """Take the open ports: pairs of a host's number and a port."""
        self._ports: dict[int, list[int]] = {}
        for host, port in opened:
            self._ports.setdefault(host, []).append(port)
        claimed = tcp_ports()
        self._sample = {
            host: {*_spread(ports), *(port for port in ports if port in claimed)}
            for host, ports in self._ports.items()
            if len(ports) > CROWDED
        }
        self._asked: Counter[int] = Counter()
        self._told: Counter[int] = Counter()

    def at_once(self, host: int, port: int) -> bool:
        """Whether the port is asked in any case; the others wait for what the sample tells."""
        sample = self._sample.get(host)
        return sample is None or port in sample

    def answered(self, host: int, *, told: bool) -> None:
        """Hear of a port that was asked, and whether it said what it is."""
        self._asked[host] += 1
        self._told[host] += told

    def worth_asking(self, host: int) -> bool:
        """Whether the rest of the host's ports may tell more than its sample did."""
        return self._told[host] > _TELLING * self._asked[host]


def _spread(ports: Sequence[int]) -> Sequence[int]:
    ordered = sorted(ports)
    return ordered[:: max(1, len(ordered) // _SPREAD)]
