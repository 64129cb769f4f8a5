"""A server with ports of its choice, and one way of refusing each of ports 1 to 13 before them."""

from __future__ import annotations

LISTEN = """
import select, socket, sys
servers = [socket.create_server(("::", int(p)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
           for p in sys.argv[1:]]
while True:
    for server in select.select(servers, [], [])[0]:
        server.accept()[0].close()
"""
"""Run by `python -c`: takes in and hangs up on whoever comes to the ports of its arguments."""

ONE_WAY_EACH = (
    "tcp dport 1 drop",
    "meta nfproto ipv4 tcp dport 2 reject with icmp net-unreachable",
    "meta nfproto ipv4 tcp dport 3 reject with icmp host-unreachable",
    "meta nfproto ipv4 tcp dport 4 reject with icmp prot-unreachable",
    "meta nfproto ipv4 tcp dport 5 reject with icmp port-unreachable",
    "meta nfproto ipv4 tcp dport 6 reject with icmp net-prohibited",
    "meta nfproto ipv4 tcp dport 7 reject with icmp host-prohibited",
    "meta nfproto ipv4 tcp dport 8 reject with icmp admin-prohibited",
    "tcp dport 9 reject with tcp reset",
    "meta nfproto ipv6 tcp dport 2 reject with icmpv6 no-route",
    "meta nfproto ipv6 tcp dport 3 reject with icmpv6 addr-unreachable",
    "meta nfproto ipv6 tcp dport 5 reject with icmpv6 port-unreachable",
    "meta nfproto ipv6 tcp dport 8 reject with icmpv6 admin-prohibited",
    "meta nfproto ipv6 tcp dport 10 reject with icmpv6 policy-fail",
    "meta nfproto ipv6 tcp dport 11 reject with icmpv6 reject-route",
)
"""Rules for nftables; what they do not name is reset where nobody listens."""
