"""The controls of a run through a proxy: asked through the same proxy, all along (law 2).

A positive control shows that the way is alive, proxy and all; a negative one, that the proxy does
not say `succeeded` to everything. What the proxy answers in other words is no observation of the
control either: a positive control has then failed, and a negative one has shown what it must, for
nothing was opened.

It stands where `controls.ControlRound` stands in a run over our own network.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault
from portproof.model.scan import Control, ControlKind, ControlSample
from portproof.scan.control_rounds import ControlRounds, Point
from portproof.scan.relay import patience_s
from portproof.scan.relay_dial import Dial, Ended
from portproof.scan.relay_tunnel import Tunnel

_OPEN: Final = "open (the proxy has a connection)"


@dataclass(slots=True, kw_only=True)
class RelayControls(ControlRounds[Point[Dial]]):
    """Asks the controls of a run through a tunnel, and tells what each showed."""

    controls: Sequence[Control]
    tunnel: Tunnel
    sampled: Callable[[ControlSample], None]
    """Hears what a control showed."""

    def __post_init__(self) -> None:
        """Take the controls that can be asked: those over TCP."""
        self.points = [
            Point(control=each, due=self.began)
            for each in self.controls
            if each.endpoint.transport is Transport.TCP
        ]

    def adopt(self, endpoint: Endpoint) -> None:
        """Ask an endpoint as a witness of silence: there is none to witness behind a proxy."""

    def _send(self, point: Point[Dial]) -> None:
        try:
            point.call = self.tunnel.dial(point.control.endpoint)
        except OSError as fault:
            self._answer(point, Ended(opened=False, said=fault.strerror or str(fault)))

    def _collect(self) -> None:
        poller = select.poll()
        asked = {}
        for point in self.points:
            if point.call is not None:
                asked[point.call.sock.fileno()] = point
                poller.register(
                    point.call.sock, select.POLLOUT if point.call.sends else select.POLLIN
                )
        for descriptor, _ in poller.poll(0) if asked else ():
            point = asked[descriptor]
            ended = point.call.go_on() if point.call is not None else None
            if ended is not None:
                self._answer(point, ended)
        overdue = self.clock() - patience_s(self.timing)
        for point in asked.values():
            if point.call is not None and point.sent <= overdue:
                self._answer(point, Ended(opened=False, said="no word in time"))

    def _answer(self, point: Point[Dial], ended: Ended) -> None:
        point.settle()
        positive = point.control.kind is ControlKind.POSITIVE
        alive = not self.tunnel.trouble()
        if positive and alive and not ended.opened and point.attempts <= self.timing.max_retries:
            self._ask(point)
            return
        expected = ended.opened is positive
        told = self.tunnel.trouble() or ended.said
        seen = _OPEN if ended.opened else f"{LocalFault.PROXY_CANNOT_TELL} ({told})"
        self.sampled(self._shown(point, seen, expected=expected))
