"""The controls of a run through a proxy: asked through the same proxy, all along (law 2).

A positive control shows that the way is alive, proxy and all; a negative one, that the proxy does
not say `succeeded` to everything. What the proxy answers in other words is no observation of the
control either: a positive control has then failed, and a negative one has shown what it must, for
nothing was opened.

It stands where `controls.ControlRound` stands in a run over our own network.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault
from portproof.model.scan import Control, ControlKind, ControlSample, Timing
from portproof.scan.relay import patience_s
from portproof.scan.relay_dial import Dial, Ended
from portproof.scan.relay_tunnel import Tunnel

_MS: Final = 1_000
_SHORT_WAIT_S: Final = 0.005
_OPEN: Final = "open (the proxy has a connection)"


@dataclass(slots=True)
class _Point:
    """One control that is asked again and again."""

    control: Control
    due: float
    dial: Dial | None = None
    attempts: int = 0
    first_sent: float = 0.0
    sent: float = 0.0


@dataclass(slots=True, kw_only=True)
class RelayControls:
    """Asks the controls of a run through a tunnel, and tells what each showed."""

    controls: Sequence[Control]
    tunnel: Tunnel
    timing: Timing
    clock: Callable[[], float]
    began: float
    """The run's start by `clock`, in seconds."""
    sampled: Callable[[ControlSample], None]
    """Hears what a control showed."""
    _points: list[_Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take the controls that can be asked: those over TCP."""
        self._points = [
            _Point(control=each, due=self.began)
            for each in self.controls
            if each.endpoint.transport is Transport.TCP
        ]

    def adopt(self, endpoint: Endpoint) -> None:
        """Ask an endpoint as a witness of silence: there is none to witness behind a proxy."""

    def pump(self) -> None:
        """Do what is due, without waiting."""
        self._collect()
        now = self.clock()
        for point in self._points:
            if point.dial is None and now >= point.due:
                point.due = now + self.timing.control_interval_ms / _MS
                self._ask(point)

    def complete(self, stop: Callable[[], bool]) -> None:
        """Ask every control once more, now, and wait for the answers or for `stop`."""
        self._wait(stop)
        now = self.clock()
        for point in self._points:
            point.due = min(point.due, now)
        self.pump()
        self._wait(stop)

    def horizon(self) -> float:
        """Give the instant up to which nothing is open any more: the first question not yet settled."""
        asked = [each.first_sent for each in self._points if each.dial is not None]
        return min(asked, default=self.clock())

    def close(self) -> None:
        """Close what is under way."""
        for point in self._points:
            if point.dial is not None:
                point.dial.close()
                point.dial = None

    def _wait(self, stop: Callable[[], bool]) -> None:
        while any(each.dial is not None for each in self._points) and not stop():
            time.sleep(_SHORT_WAIT_S)
            self._collect()

    def _ask(self, point: _Point) -> None:
        point.sent = self.clock()
        if point.attempts == 0:
            point.first_sent = point.sent
        point.attempts += 1
        try:
            point.dial = self.tunnel.dial(point.control.endpoint)
        except OSError as fault:
            self._answer(point, Ended(opened=False, said=fault.strerror or str(fault)))

    def _collect(self) -> None:
        poller = select.poll()
        asked = {}
        for point in self._points:
            if point.dial is not None:
                asked[point.dial.sock.fileno()] = point
                poller.register(
                    point.dial.sock, select.POLLOUT if point.dial.sends else select.POLLIN
                )
        for descriptor, _ in poller.poll(0) if asked else ():
            point = asked[descriptor]
            ended = point.dial.go_on() if point.dial is not None else None
            if ended is not None:
                self._answer(point, ended)
        overdue = self.clock() - patience_s(self.timing)
        for point in asked.values():
            if point.dial is not None and point.sent <= overdue:
                self._answer(point, Ended(opened=False, said="no word in time"))

    def _answer(self, point: _Point, ended: Ended) -> None:
        if point.dial is not None:
            point.dial.close()
            point.dial = None
        positive = point.control.kind is ControlKind.POSITIVE
        alive = not self.tunnel.trouble()
        if positive and alive and not ended.opened and point.attempts <= self.timing.max_retries:
            self._ask(point)
            return
        expected = ended.opened is positive
        # A control that answered is a witness from when it was asked; one that did not, from the first.
        at = point.sent if expected else point.first_sent
        point.attempts = 0
        said = f"{LocalFault.PROXY_CANNOT_TELL} ({self.tunnel.trouble() or ended.said})"
        self.sampled(
            ControlSample(
                control_id=point.control.id,
                at_ms=max(0, int((at - self.began) * _MS)),
                as_expected=expected,
                seen=_OPEN if ended.opened else said,
            )
        )
