"""One UDP sweep inside a network namespace: what was found, as JSON on standard output.

    python udp_vantage.py '{"hosts": ["10.99.1.2"], "ports": [1000, 1999], "timing": {"max_retries": 2}}'

The ports are the first and the last one. Every port is asked the DNS probe's questions. With `"network": "10.88.0.0/18"` in place of `hosts`,
each address of it is asked, and those that are open are printed.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import numpy as np

from portproof.model.endpoint import Address
from portproof.model.observation import PortState, Reason
from portproof.model.scan import Rates, Timing
from portproof.probes.dns import Dns
from portproof.scan.rows import CODES, codes_of
from udp_asking import FREE, Found, Listed, asked

_OPEN = CODES[PortState.OPEN, Reason.UDP_RESPONSE]


def main() -> None:
    """Carry out the sweep of the first argument."""
    wanted = json.loads(sys.argv[1])
    network = wanted.get("network")
    hosts: Sequence[Address] = (
        list(ip_network(network)) if network else [ip_address(each) for each in wanted["hosts"]]
    )
    first, last = wanted["ports"]
    ports = np.arange(first, last + 1, dtype=np.uint16)
    order = Listed(
        np.repeat(np.arange(len(hosts), dtype=np.uint32), len(ports)), np.tile(ports, len(hosts))
    )
    began, before_kib = time.monotonic(), _peak_kib()
    swept = asked(
        hosts,
        order,
        probes_for=lambda _port: (Dns(),),
        timing=Timing(**wanted.get("timing", {})),
        rates=Rates(**wanted["rates"]) if "rates" in wanted else FREE,
    )
    result: dict[str, object] = {
        "seconds": round(time.monotonic() - began, 3),
        "asked_again": swept.retransmitted,
    }
    result["grown_kib"] = _peak_kib() - before_kib
    if network:
        # In columns: an object for each outcome would be the test's time, not the engine's.
        told = [batch.host[codes_of(batch) == _OPEN] for batch in swept.batches]
        result["open"] = [str(hosts[host]) for host in np.concatenate(told).tolist()]
    else:
        result["ports"] = {
            f"{hosts[host]} {port}": [_named(each), each.attempts]
            for (host, port), each in sorted(swept.found().items())
        }
    sys.stdout.write(json.dumps(result) + "\n")


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _named(found: Found) -> str:
    verdict = found.verdict
    return " ".join(each.value for each in verdict) if isinstance(verdict, tuple) else verdict.value


if __name__ == "__main__":
    main()
