"""The phases of a run through a proxy: its TCP sweep, the UDP that it cannot ask, its conversations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from portproof.model.batch import NO_RTT
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault
from portproof.plan.order import Order
from portproof.scan.addresses import Addresses
from portproof.scan.conditions import Conditions
from portproof.scan.conversations import Conversations
from portproof.scan.desk import Desk
from portproof.scan.relay import RelaySweep
from portproof.scan.relay_talk import RelayedConversations
from portproof.scan.relay_tunnel import Tunnel
from portproof.scan.rows import CODES, batch_of

_AT_ONCE: Final = 4_096
_CANNOT_TELL: Final = CODES[LocalFault.PROXY_CANNOT_TELL]


def relay_tcp(desk: Desk, order: Order, tunnel: Tunnel) -> None:
    """Ask every TCP endpoint of the order through the tunnel."""
    plan = desk.plan

    def opened(probe: int, said: str) -> None:
        """Keep whose word it is that the port is open."""
        endpoint = Endpoint(plan.hosts[probe >> 16].address, Transport.TCP, probe & 0xFFFF)
        desk.raw[endpoint] = {"through": str(tunnel.way), "proxy_said": said}

    sweep = RelaySweep(
        Addresses(plan.hosts), order, desk.took, _conditions(desk), tunnel=tunnel, opened=opened
    )
    desk.enter("tcp", len(order), lambda: sweep.done)
    if len(order):
        sweep.run()


def leave_out_udp(desk: Desk, order: Order) -> None:
    """Say of every UDP endpoint of the order that a proxy cannot ask it."""
    done = 0
    desk.enter("udp", len(order), lambda: done)
    while done < len(order) and not desk.stop():
        now = desk.place.monotonic()
        hosts, ports = order.block(done, _AT_ONCE)
        pairs = zip(hosts.tolist(), ports.tolist(), strict=True)
        rows = [(host << 16 | port, _CANNOT_TELL, NO_RTT, 0, now) for host, port in pairs]
        desk.took(batch_of(rows, Transport.UDP, began=desk.began))
        done += len(rows)


def relayed(tunnel: Tunnel) -> Callable[[Callable[[], float]], Conversations]:
    """Give what makes the conversations of a run through the tunnel, from a clock."""
    return partial(RelayedConversations, tunnel=tunnel)


def _conditions(desk: Desk) -> Conditions:
    return Conditions(
        timing=desk.plan.timing,
        rates=desk.place.rates,
        clock=desk.place.monotonic,
        began=desk.began,
        stop=desk.stop,
        tick=desk.tick,
    )
