"""A laboratory of three zones around one router, each a network namespace with nftables between.

    internet  10.99.3.1 ===net=== 10.99.3.254 ┐
    office    10.99.1.1 ===west== 10.99.1.254 ├ router ┌ 10.99.2.254 ===east=== 10.99.2.2  server  (cde)
                                              ┘        └            (bridge)=== 10.99.2.9  insider (cde)

`client` is the office, `server` a host of the cde with the targets, `insider` a vantage in the cde
on the same wire, so that it can see which targets are alive. Each address has an IPv6 twin:
10.99.N.M is fd99:N::M, and fd99:N::fe the router (10.99.N.254).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netns import Lab, Namespace

TARGET = "10.99.2.2"
ABSENT = "10.99.2.77"
"""An address of the cde that nobody has."""
INSIDER = "10.99.2.9"
OUTSIDE = "10.99.3.1"
TARGET6, ABSENT6, INSIDER6, OUTSIDE6 = "fd99:2::2", "fd99:2::77", "fd99:2::9", "fd99:3::1"
_FORWARDING = (
    "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"
)
_BOUNDARY = """
table inet boundary
delete table inet boundary
table inet boundary {
  chain through {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    # Bridged packets pass here too where br_netfilter is loaded; what stays in the cde crosses nothing.
    iifname "bridge" oifname "bridge" accept
    %s
  }
}
"""


@dataclass(slots=True)
class ZonedLab(Lab):
    """The zones, there between `with ZonedLab() as lab:` and the block's end."""

    router: Namespace = field(init=False)
    internet: Namespace = field(init=False)
    insider: Namespace = field(init=False)

    @property
    def office(self) -> Namespace:
        """The office's vantage."""
        return self.client

    def boundary(self, *rules: str) -> None:
        """Give the router these rules for what it forwards; all else is let through."""
        self.nft(self.router, _BOUNDARY % "\n    ".join(rules))

    def _lay_cable(self) -> None:
        """Lay the cables and routes; asked by `Lab.__enter__`."""
        inside = (*self.client.enter, "unshare", "--net")
        self.router = self._hold("10.99.2.254", "fd99:2::fe", inside)
        self.internet = self._hold("10.99.3.1", "fd99:3::1", inside)
        self.insider = self._hold(INSIDER, "fd99:2::9", inside)
        self._ip(self.router, "link add bridge type bridge", "link set bridge up")
        for name, end, address in (
            ("west", self.client, "10.99.1.1"),
            ("net", self.internet, "10.99.3.1"),
            ("east", self.server, TARGET),
            ("more", self.insider, INSIDER),
        ):
            self._ip(
                self.router,
                f"link add {name} type veth peer cable netns {end.holder_pid}",
                f"link set {name} up",
            )
            self._ip(
                end,
                "link set cable up",
                f"address add {address}/24 dev cable",
                f"address add {twin(address)}/64 dev cable",
            )
        self._ip(
            self.router,
            "link set east master bridge",
            "link set more master bridge",
            "address add 10.99.1.254/24 dev west",
            "address add 10.99.3.254/24 dev net",
            "address add 10.99.2.254/24 dev bridge",
            "address add fd99:1::fe/64 dev west",
            "address add fd99:3::fe/64 dev net",
            "address add fd99:2::fe/64 dev bridge",
        )
        self.run(self.router, ["sh", "-c", _FORWARDING])
        for end, gateway in (
            (self.client, "10.99.1.254"),
            (self.internet, "10.99.3.254"),
            (self.server, "10.99.2.254"),
            (self.insider, "10.99.2.254"),
        ):
            self._ip(
                end,
                f"route add default via {gateway}",
                f"route add default via {twin(gateway)}",
            )


def twin(address: str) -> str:
    """Give the IPv6 address of who has an IPv4 one here."""
    _, _, zone, host = address.split(".")
    return f"fd99:{zone}::{'fe' if host == '254' else host}"
