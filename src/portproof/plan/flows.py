"""What a probe costs the state table of a router on the way, and the time that a budget takes.

A stateful firewall keeps an entry for each connection it lets through; a full table drops the
connections of everybody behind it. How long stock Linux keeps ours (net.netfilter.nf_conntrack_*,
checked on a router of the tests):

==========================  ====================================================================
SYN, then silence           120 s, `tcp_timeout_syn_sent`; an ICMP error in reply changes nothing
SYN, then RST               gone at once; 10 s here, for tables that keep it (`tcp_timeout_close`)
handshake, then our RST     10 s, `tcp_timeout_close`
datagram, answered or not   30 s, `udp_timeout`; a conversation of more than 2 s: 120 s
==========================  ====================================================================
"""

from __future__ import annotations

from typing import Final

SILENT_S: Final = 121.0
"""The 120 s count from the last SYN, and the kernel may send one more after a second."""
CLOSED_S: Final = 10.0
DATAGRAM_S: Final = 30.0


def flow_limited_s(probes: int, max_flows: int | None, *, hold_s: float = SILENT_S) -> float:
    """Give the least seconds that `probes` through one router take under the budget.

    The first `max_flows` leave at once; each later one has to wait for an entry to end. `hold_s` is
    how long one probe occupies its entry: at worst, all are met with silence. `max_flows` None:
    nothing is limited.
    """
    if max_flows is None:
        return 0.0
    return max(0, probes - max_flows) * hold_s / max_flows
