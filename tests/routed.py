"""A laboratory with a router between: client, router and server, each a network namespace.

    client  10.99.1.1 ===west=== 10.99.1.254  router  10.99.2.254 ===east=== 10.99.2.2  server
            fd99:1::1            fd99:1::fe           fd99:2::fe             fd99:2::2

The router follows connections (its connection tracking is on, with the kernel's own time-outs), so
that a test can count the entries which our probes hold in its table.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from netns import Lab, Namespace

WEST, EAST = "10.99.1.254", "10.99.2.254"
TARGET = "10.99.2.2"
_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"

# Any rule that looks at the state of connections switches their tracking on.
_TRACKING = """
table inet tracking {
  chain through {
    type filter hook forward priority -10; policy accept;
    ct state new counter
  }
}
"""

# A state table of a fixed size: `nf_conntrack_max` is the machine's, and read-only in a namespace.
# When the set is full, adding to it fails, and the packet goes on to the last rule.
_BOUNDED = """
table inet bounded {
  set flows {
    typeof ip saddr . tcp sport . ip daddr . tcp dport
    size %d
    flags dynamic, timeout
    timeout 2m
  }
  chain through {
    type filter hook forward priority 0; policy accept;
    tcp flags & (syn | ack) == syn ip saddr . tcp sport . ip daddr . tcp dport @flows accept
    tcp flags & (syn | ack) == syn add @flows { ip saddr . tcp sport . ip daddr . tcp dport } accept
    tcp flags & (syn | ack) == syn drop
  }
}
"""

# Somebody else's connections through the same router: how many of them fail.
_FOREIGN = """
import socket, sys, time
failed = 0
for _ in range(int(sys.argv[2])):
    try:
        socket.create_connection((sys.argv[1], 8080), timeout=0.4).close()
    except OSError:
        failed += 1
    time.sleep(0.05)
print(failed)
"""


@dataclass(slots=True)
class RoutedLab(Lab):
    """Three namespaces in a row, there between `with RoutedLab() as lab:` and the block's end."""

    router: Namespace = field(init=False)

    def flows(self) -> int:
        """Count the connections that the router follows just now."""
        return int(self.run(self.router, ["cat", _COUNT]).stdout)

    def bound_table(self, size: int) -> None:
        """Give the router a table of so many entries; beyond, it drops what is new."""
        self.nft(self.router, _BOUNDED % size)

    def serve_others(self) -> None:
        """Have a server on port 8080 behind the router, for `foreign_failures`."""
        self.serve(self.server, [sys.executable, "-m", "http.server", "8080"], port=8080)

    def foreign_failures(self, tries: int) -> int:
        """Connect to the server so many times, twenty a second; gives how many failed."""
        argv = [sys.executable, "-c", _FOREIGN, TARGET, str(tries)]
        return int(self.run(self.client, argv).stdout)

    def _lay_cable(self) -> None:
        """Lay both cables and the routes; asked by `Lab.__enter__`."""
        inside = (*self.client.enter, "unshare", "--net")
        self.router = self._hold(WEST, "fd99:1::fe", inside)
        far = (
            ("west", self.client, "10.99.1.1", "fd99:1::1"),
            ("east", self.server, TARGET, "fd99:2::2"),
        )
        for name, end, ipv4, ipv6 in far:
            holder = end.holder_pid
            self._ip(self.router, f"link add {name} type veth peer cable netns {holder}")
            self._ip(self.router, f"link set {name} up")
            self._ip(
                end,
                "link set cable up",
                f"address add {ipv4}/24 dev cable",
                f"address add {ipv6}/64 dev cable nodad noprefixroute",
                f"route add {ipv6[:6]}::/64 dev cable",
            )
        self._ip(
            self.router,
            f"address add {WEST}/24 dev west",
            "address add fd99:1::fe/64 dev west nodad noprefixroute",
            "route add fd99:1::/64 dev west",
            f"address add {EAST}/24 dev east",
            "address add fd99:2::fe/64 dev east nodad noprefixroute",
            "route add fd99:2::/64 dev east",
        )
        forwarding = (
            "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"
        )
        self.run(self.router, ["sh", "-c", forwarding])
        self._ip(self.client, f"route add default via {WEST}", "route add default via fd99:1::fe")
        self._ip(self.server, f"route add default via {EAST}", "route add default via fd99:2::fe")
        self.nft(self.router, _TRACKING)
