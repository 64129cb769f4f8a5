"""The controls of a run: asked over the same sockets and paths as the targets, all along (law 2).

A `ControlRound` never blocks: `pump` is called some ten times a second by whatever engine is at
work, sends what is due, takes in what came, and gives up what stayed silent. So controls go on
during the TCP sweep, the UDP sweep and the conversations with services alike.
"""

from __future__ import annotations

import errno as codes
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import Control, ControlKind, ControlSample, Timing
from portproof.scan.classify import Verdict, fault_of_errno, tcp_outcome
from portproof.scan.errqueue import enable, may_hold_error, read_error
from portproof.scan.family import family_of
from portproof.scan.lines import set_no_linger
from portproof.scan.routing import is_own, route_to

_BACKLOG: Final = 1024
_MS: Final = 1000
_SHORT_WAIT_S: Final = 0.005
_UNDER_WAY: Final = (codes.EINPROGRESS, codes.EALREADY)


@contextmanager
def own_controls(
    addresses: Sequence[Address],
) -> Iterator[tuple[tuple[Control, ...], tuple[socket.socket, ...]]]:
    """Open our own controls for those of the addresses that are this machine's.

    Gives the controls, and the listening sockets, whose connections somebody has to accept.
    Per family a positive one that listens and a negative one that is bound and never does; both on
    the first own address, speaking for all own addresses of that family and for nothing else.
    """
    with ExitStack() as stack:
        controls, listeners = [], []
        for version in (4, 6):
            ours = [each for each in addresses if each.version == version and is_own(each)]
            if ours:
                positive, negative = (stack.enter_context(_bound(ours[0])) for _ in range(2))
                positive.listen(_BACKLOG)
                listeners.append(positive)
                controls.append(_own(positive, ours, ControlKind.POSITIVE))
                controls.append(_own(negative, ours, ControlKind.NEGATIVE))
        yield tuple(controls), tuple(listeners)


def accept_waiting(listeners: Iterable[socket.socket]) -> None:
    """Accept and close what waits at our own listeners; a full queue would drop the next."""
    for listener in listeners:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                break  # EAGAIN: none is waiting
            visitor.close()


@dataclass(slots=True)
class _Point:
    """One endpoint that is asked again and again."""

    control: Control
    due: float
    adopted: bool = False
    sock: socket.socket | None = None
    attempts: int = 0
    first_sent: float = 0.0
    sent: float = 0.0


@dataclass(slots=True, kw_only=True)
class ControlRound:
    """Asks the controls of a run and tells what each showed, or that it could not be asked."""

    controls: Sequence[Control]
    listeners: Sequence[socket.socket]
    timing: Timing
    clock: Callable[[], float]
    began: float
    """The run's start by `clock`, in seconds."""
    sampled: Callable[[ControlSample], None]
    """Hears what a control showed."""
    not_asked: Callable[[ControlSample], None]
    """Hears of a control whose question never left this machine: it has shown nothing (law 1)."""
    _points: list[_Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take the controls that can be asked: those over TCP."""
        self._points = [
            _Point(control=each, due=self.began)
            for each in self.controls
            if each.endpoint.transport is Transport.TCP
        ]

    def adopt(self, endpoint: Endpoint) -> None:
        """Ask an endpoint that has answered from now on, too, as a witness of its network."""
        control = Control(
            id=str(endpoint), kind=ControlKind.POSITIVE, endpoint=endpoint, networks=()
        )
        self._points.append(_Point(control=control, due=self.clock(), adopted=True))

    def pump(self) -> None:
        """Do what is due, without waiting."""
        accept_waiting(self.listeners)
        self._collect()
        now = self.clock()
        for point in self._points:
            if point.sock is None and now >= point.due:
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
        asked = [each.first_sent for each in self._points if each.sock is not None]
        return min(asked, default=self.clock())

    def close(self) -> None:
        """Close what is under way."""
        for point in self._points:
            if point.sock is not None:
                point.sock.close()
                point.sock = None

    def _wait(self, stop: Callable[[], bool]) -> None:
        while any(each.sock is not None for each in self._points) and not stop():
            time.sleep(_SHORT_WAIT_S)
            accept_waiting(self.listeners)
            self._collect()

    def _ask(self, point: _Point) -> None:
        """Send the first probe of a sample, or one more after silence."""
        point.sent = self.clock()
        if point.attempts == 0:
            point.first_sent = point.sent
        point.attempts += 1
        address = point.control.endpoint.address
        try:
            sock = socket.socket(family_of(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as refused:
            self._sample(point, fault_of_errno(refused.errno or 0))
            return
        point.sock = sock
        enable(sock)
        error = sock.connect_ex((str(address), point.control.endpoint.port))
        if error not in _UNDER_WAY:
            self._answer(point, sock, error)

    def _collect(self) -> None:
        asked = {each.sock.fileno(): each for each in self._points if each.sock is not None}
        if not asked:
            return
        poller = select.poll()
        for descriptor in asked:
            poller.register(descriptor, select.POLLOUT)
        for descriptor, _ in poller.poll(0):
            point = asked[descriptor]
            if point.sock is not None:
                self._answer(
                    point, point.sock, point.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                )
        now = self.clock()
        for point in self._points:
            if point.sock is not None and now >= point.sent + self.timing.timeout_ms / _MS:
                self._silent(point, point.sock)

    def _answer(self, point: _Point, sock: socket.socket, error: int) -> None:
        icmp = read_error(sock) if may_hold_error(sock) else None
        endpoint = point.control.endpoint
        ourselves = error == 0 and sock.getsockname()[:2] == (str(endpoint.address), endpoint.port)
        set_no_linger(sock)
        sock.close()
        point.sock = None
        if ourselves:
            # The kernel chose the target's port for our end: nobody listens there.
            self._sample(point, tcp_outcome(codes.ECONNREFUSED, None))
        else:
            self._sample(point, tcp_outcome(error, icmp))

    def _silent(self, point: _Point, sock: socket.socket) -> None:
        sock.close()
        point.sock = None
        if point.attempts <= self.timing.max_retries:
            self._ask(point)
        else:
            self._sample(point, tcp_outcome(codes.ETIMEDOUT, None))

    def _sample(self, point: _Point, verdict: Verdict) -> None:
        asked = _left_this_machine(point.control.endpoint.address, verdict)
        expected = asked and _as_expected(point, verdict)
        # A control that answered is a witness from when it was asked; one that did not, from the first.
        at = point.sent if expected else point.first_sent
        point.attempts = 0
        tell = self.sampled if asked else self.not_asked
        tell(
            ControlSample(
                control_id=point.control.id,
                at_ms=max(0, int((at - self.began) * _MS)),
                as_expected=expected,
                seen=_seen(verdict, asked=asked),
            )
        )


def _left_this_machine(address: Address, verdict: Verdict) -> bool:
    """Whether a control was asked at all.

    A neighbour without an answer to ARP or ND was: that is how one asks on a link, and whoever
    answers for every address answers there. Behind a router that does not answer nobody was asked.
    """
    if verdict is LocalFault.NO_NEIGHBOUR:
        route = route_to(address)
        return route is not None and route.next_hop == address
    return not isinstance(verdict, LocalFault)


def _seen(verdict: Verdict, *, asked: bool) -> str:
    if isinstance(verdict, LocalFault):
        return verdict.value if asked else f"nothing: not asked ({verdict.value})"
    state, reason = verdict
    return f"{state.value} ({reason.value})"


def _as_expected(point: _Point, verdict: Verdict) -> bool:
    state = None if isinstance(verdict, LocalFault) else verdict[0]
    if point.adopted:
        return state in (PortState.OPEN, PortState.CLOSED)
    match point.control.kind:
        case ControlKind.POSITIVE:
            return state is PortState.OPEN
        case ControlKind.NEGATIVE:
            return state is not PortState.OPEN


def _own(sock: socket.socket, addresses: Sequence[Address], kind: ControlKind) -> Control:
    address = addresses[0]
    sign = "+" if kind is ControlKind.POSITIVE else "-"
    return Control(
        id=f"self-test-v{address.version}{sign}",
        kind=kind,
        endpoint=Endpoint(address, Transport.TCP, sock.getsockname()[1]),
        networks=tuple(ip_network(each) for each in addresses),
        own=True,
    )


@contextmanager
def _bound(address: Address) -> Iterator[socket.socket]:
    """Give a socket bound to a free port of the address; closing it leaves nothing behind."""
    with socket.socket(family_of(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        sock.bind((str(address), 0))
        yield sock
