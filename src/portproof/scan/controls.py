"""The controls of a run: asked over the same sockets and paths as the targets, all along (law 2).

A `ControlRound` never blocks: `pump` is called some ten times a second by whatever engine is at
work, sends what is due, takes in what came, and gives up what stayed silent. So controls go on
during the TCP sweep, the UDP sweep and the conversations with services alike.

A control that must answer is asked until it does, as often as the loss of its path demands
(`scan.loss`), so that a path that loses packets is not taken for a dead one; once its round-trip
time is known, it is not waited for longer than that takes. While hardly anything has answered, the
loss is not known, and it is asked ten times: at 30 % loss each way, a live one stays silent so long
once in 840 times. A control that must *not* answer gets the plan's attempts: it is asked again all
along, and one answer is enough.
"""

from __future__ import annotations

import errno as codes
import select
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import Control, ControlKind, ControlSample
from portproof.scan.backoff import PathPace
from portproof.scan.classify import Verdict, fault_of_errno, tcp_outcome
from portproof.scan.control_rounds import ControlRounds, Point
from portproof.scan.errqueue import enable, may_hold_error, read_error
from portproof.scan.family import family_of
from portproof.scan.lines import set_no_linger
from portproof.scan.loss import CONTROL_ASKINGS, ENOUGH_ANSWERS, LossBook, askings_for
from portproof.scan.patience import RoundTrip
from portproof.scan.routing import is_own, route_to
from portproof.scan.witness import Path, path_to

_BACKLOG: Final = 1024
_MS: Final = 1000
_US: Final = 1_000_000
_UNKNOWN_LOSS_ASKINGS: Final = 10
_TOLD: Final = (Reason.HANDSHAKE, Reason.RESET, Reason.CONN_REFUSED)
"""Answers that come from the endpoint itself."""
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


@dataclass(slots=True, kw_only=True)
class _Point(Point[socket.socket]):
    """One endpoint that is asked from here, with what is known of the way to it."""

    path: Path
    adopted: bool = False
    round_trip: RoundTrip | None = None
    """None until it has answered."""


@dataclass(slots=True, kw_only=True)
class ControlRound(ControlRounds[_Point]):
    """Asks the controls of a run and tells what each showed, or that it could not be asked."""

    controls: Sequence[Control]
    listeners: Sequence[socket.socket]
    sampled: Callable[[ControlSample], None]
    """Hears what a control showed."""
    not_asked: Callable[[ControlSample], None]
    """Hears of a control whose question never left this machine: it has shown nothing (law 1)."""
    loss: LossBook = field(default_factory=LossBook)
    """What is known of the loss on each path; learns from the controls, too."""
    pace: PathPace = field(default_factory=PathPace)
    """Hears which controls answered at once, and which had to be asked again."""

    def __post_init__(self) -> None:
        """Take the controls that can be asked: those over TCP."""
        self.points = [
            _Point(control=each, due=self.began, path=_path_of(each.endpoint.address))
            for each in self.controls
            if each.endpoint.transport is Transport.TCP
        ]

    def adopt(self, endpoint: Endpoint) -> None:
        """Ask an endpoint that has answered from now on, too, as a witness of its network."""
        control = Control(
            id=str(endpoint), kind=ControlKind.POSITIVE, endpoint=endpoint, networks=()
        )
        path = _path_of(endpoint.address)
        self.points.append(_Point(control=control, due=self.clock(), path=path, adopted=True))

    def _send(self, point: _Point) -> None:
        address = point.control.endpoint.address
        try:
            sock = socket.socket(family_of(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as refused:
            self._sample(point, fault_of_errno(refused.errno or 0))
            return
        point.call = sock
        enable(sock)
        error = sock.connect_ex((str(address), point.control.endpoint.port))
        if error not in _UNDER_WAY:
            self._answer(point, sock, error)

    def _collect(self) -> None:
        accept_waiting(self.listeners)
        asked = {each.call.fileno(): each for each in self.points if each.call is not None}
        if not asked:
            return
        poller = select.poll()
        for descriptor in asked:
            poller.register(descriptor, select.POLLOUT)
        for descriptor, _ in poller.poll(0):
            point = asked[descriptor]
            if point.call is not None:
                self._answer(
                    point, point.call, point.call.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                )
        now = self.clock()
        for point in self.points:
            if point.call is not None and now >= point.sent + self._timeout_s(point):
                self._silent(point, point.call)

    def _answer(self, point: _Point, sock: socket.socket, error: int) -> None:
        icmp = read_error(sock) if may_hold_error(sock) else None
        endpoint = point.control.endpoint
        ourselves = error == 0 and sock.getsockname()[:2] == (str(endpoint.address), endpoint.port)
        set_no_linger(sock)
        sock.close()
        point.call = None
        if ourselves:
            # The kernel chose the target's port for our end: nobody listens there.
            self._sample(point, tcp_outcome(codes.ECONNREFUSED, None))
        else:
            self._sample(point, tcp_outcome(error, icmp))

    def _silent(self, point: _Point, sock: socket.socket) -> None:
        sock.close()
        point.call = None
        if point.control.kind is ControlKind.POSITIVE:
            self.pace.lost(self.clock())
        if point.attempts < self._most_askings(point):
            self._ask(point)
        else:
            self._sample(point, tcp_outcome(codes.ETIMEDOUT, None))

    def _timeout_s(self, point: _Point) -> float:
        if point.round_trip is None:
            return self.timing.timeout_ms / _MS
        return point.round_trip.timeout_s(self.timing)

    def _most_askings(self, point: _Point) -> int:
        usual = 1 + self.timing.max_retries
        if point.control.kind is ControlKind.NEGATIVE:
            return usual
        if self.loss.answers < ENOUGH_ANSWERS and not point.adopted:
            usual = max(usual, _UNKNOWN_LOSS_ASKINGS)
        needed = askings_for(self.loss.of(point.path).cautious)
        return min(max(usual, needed), CONTROL_ASKINGS)

    def _learn(self, point: _Point, verdict: Verdict) -> None:
        """Learn from an answer how long they take on its path, and how many askings."""
        if isinstance(verdict, LocalFault) or verdict[1] not in _TOLD:
            return
        rtt_us = (self.clock() - point.sent) * _US
        if point.round_trip is None:
            point.round_trip = RoundTrip(rtt_us, rtt_us / 2)
        else:
            point.round_trip.smooth(1, rtt_us, 0.0)
        # Our own listeners are no part of any path to the targets.
        if not point.control.own:
            self.loss.control_answered(point.path, point.attempts)
            if point.attempts == 1:
                self.pace.kept()

    def _sample(self, point: _Point, verdict: Verdict) -> None:
        self._learn(point, verdict)
        asked = _left_this_machine(point.control.endpoint.address, verdict)
        expected = asked and _as_expected(point, verdict)
        tell = self.sampled if asked else self.not_asked
        tell(self._shown(point, _seen(verdict, asked=asked), expected=expected))


def _path_of(address: Address) -> Path:
    return path_to(address, route_to(address))


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
