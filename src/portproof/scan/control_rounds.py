"""Controls asked again and again, whatever asks them: when each is due, and until when all is settled.

`controls` asks over our own network, `relay_controls` through a proxy. What they share is here, what
a question and an answer are is theirs.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from portproof.model.scan import Control, ControlSample, Timing

_MS: Final = 1_000
_SHORT_WAIT_S: Final = 0.005


class Call(Protocol):
    """A question under way."""

    def close(self) -> None:
        """Give it up."""
        ...


CallT = TypeVar("CallT", bound=Call)


@dataclass(slots=True, kw_only=True)
class Point(Generic[CallT]):
    """One endpoint that is asked again and again."""

    control: Control
    due: float
    call: CallT | None = None
    """None while nothing is under way."""
    attempts: int = 0
    first_sent: float = 0.0
    sent: float = 0.0

    def settle(self) -> None:
        """Close what is under way."""
        if self.call is not None:
            self.call.close()
            self.call = None


PointT = TypeVar("PointT", bound=Point[Any])


@dataclass(slots=True, kw_only=True)
class ControlRounds(ABC, Generic[PointT]):
    """Asks its points, each when it is due; never waits but in `complete`."""

    timing: Timing
    clock: Callable[[], float]
    began: float
    """The run's start by `clock`, in seconds."""
    points: list[PointT] = field(default_factory=list)

    def pump(self) -> None:
        """Do what is due, without waiting."""
        self._collect()
        now = self.clock()
        for point in self.points:
            if point.call is None and now >= point.due:
                point.due = now + self.timing.control_interval_ms / _MS
                self._ask(point)

    def complete(self, stop: Callable[[], bool]) -> None:
        """Ask every control once more, now, and wait for the answers or for `stop`."""
        self._wait(stop)
        now = self.clock()
        for point in self.points:
            point.due = min(point.due, now)
        self.pump()
        self._wait(stop)

    def horizon(self) -> float:
        """Give the instant up to which nothing is open any more: the first question not yet settled."""
        asked = [each.first_sent for each in self.points if each.call is not None]
        return min(asked, default=self.clock())

    def close(self) -> None:
        """Close what is under way."""
        for point in self.points:
            point.settle()

    def _wait(self, stop: Callable[[], bool]) -> None:
        while any(each.call is not None for each in self.points) and not stop():
            time.sleep(_SHORT_WAIT_S)
            self._collect()

    def _ask(self, point: PointT) -> None:
        """Send the first probe of a sample, or one more after silence."""
        point.sent = self.clock()
        if point.attempts == 0:
            point.first_sent = point.sent
        point.attempts += 1
        self._send(point)

    def _shown(self, point: PointT, seen: str, *, expected: bool) -> ControlSample:
        """Give what a point has shown, and begin anew with it."""
        # A control that answered is a witness from when it was asked; one that did not, from the first.
        at = point.sent if expected else point.first_sent
        point.attempts = 0
        return ControlSample(
            control_id=point.control.id,
            at_ms=max(0, int((at - self.began) * _MS)),
            as_expected=expected,
            seen=seen,
        )

    @abstractmethod
    def _send(self, point: PointT) -> None:
        """Ask a point."""

    @abstractmethod
    def _collect(self) -> None:
        """Take in what came, and give up what stayed silent."""
