"""Many conversations at once: one epoll, no task per port.

    open() ──► connect() ──► epoll ──► Conversation.begin / ready / expire ──► on_end
                               ▲                    │
                               └──── deadlines ◄────┘

Each socket is registered once, edge-triggered; its conversation remembers what it has not read yet.
Nothing here knows how many conversations are good for a host: that is the caller's to say. New ones
are opened between two looks at the events, never inside, so that an event always belongs to the
conversation that has its descriptor.
"""

from __future__ import annotations

import errno as codes
import os
import select
import socket
from collections.abc import Callable
from typing import Final

from portproof.model.endpoint import Endpoint
from portproof.scan.deadlines import Deadlines
from portproof.scan.dialogue import NEVER, Conversation, Talk
from portproof.scan.family import family_of
from portproof.scan.last_ack import hold_back
from portproof.scan.limits import ephemeral_ports

_WATCHED: Final = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_BAD: Final = select.EPOLLERR | select.EPOLLHUP
_GONE: Final = _BAD | select.EPOLLRDHUP
_READABLE: Final = select.EPOLLIN | _GONE
_MOST_EVENTS: Final = 64
"""Taken at a time, a tenth of a second's worth even if each is a TLS handshake: in between, new
conversations begin, deadlines are kept, and the caller may look around."""


class Conversations:
    """All that are under way. Close it: it holds an epoll descriptor and the sockets."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds.

        Raises:
            OSError: no descriptor is left for epoll.
        """
        self._clock = clock
        self._epoll = select.epoll()
        self._by_descriptor: dict[int, Conversation] = {}
        self._descriptor_of: dict[Conversation, int] = {}
        self._deadlines: Deadlines[Conversation] = Deadlines(clock())
        self._ephemeral = ephemeral_ports()
        self._suspect: set[Conversation] = set()
        """Those whose socket the kernel may have connected to itself."""

    def __len__(self) -> int:
        return len(self._by_descriptor)

    def open(
        self,
        endpoint: Endpoint,
        talk: Talk,
        on_end: Callable[[Conversation], None],
        *,
        timeout_s: float,
    ) -> Conversation:
        """Begin to connect; `on_end` is called from `attend` once all is said, or nothing could be.

        `timeout_s` is that of the connect, and of each turn.

        Raises:
            OSError: refused at once, or not to be tried for want of sockets, route or permission.
        """
        family = family_of(endpoint.address)
        # The type below `socket.socket`: the same system calls, without a layer in Python.
        sock = socket.SocketType(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        descriptor = sock.fileno()
        try:
            hold_back(sock)
            address = socket.inet_ntop(family, endpoint.address.packed)
            _begin_to_connect(sock, (address, endpoint.port))
            self._epoll.register(descriptor, _WATCHED)
        except BaseException:
            sock.close()
            raise
        conversation = Conversation(sock, talk, on_end, timeout_s=timeout_s)
        self._admit(conversation, timeout_s)
        if endpoint.port in self._ephemeral:
            self._suspect.add(conversation)
        return conversation

    def _admit(self, conversation: Conversation, timeout_s: float) -> None:
        """Take a conversation in whose socket is watched, with a deadline for its connection."""
        descriptor = conversation.sock.fileno()
        self._by_descriptor[descriptor] = conversation
        self._descriptor_of[conversation] = descriptor
        conversation.deadline = self._clock() + timeout_s
        self._deadlines.put(conversation, conversation.deadline)
        conversation.looked_at = conversation.deadline

    def attend(self, longest_s: float) -> None:
        """Wait for the peers, at most `longest_s`, and let every conversation go on that can."""
        for descriptor, mask in self._epoll.poll(longest_s, _MOST_EVENTS):
            # Another's end may have abandoned this one meanwhile.
            conversation = self._by_descriptor.get(descriptor)
            if conversation is not None:
                self._tell(conversation, mask)
        for conversation in self._deadlines.due(self._clock()):
            if conversation in self._descriptor_of:
                self._look_at(conversation)

    def abandon(self, conversation: Conversation) -> None:
        """Hang up; `on_end` is not called any more."""
        descriptor = self._descriptor_of.pop(conversation, None)
        if descriptor is not None:
            del self._by_descriptor[descriptor]
            self._deadlines.drop(conversation)
            self._suspect.discard(conversation)
            # Closing the only descriptor of a socket takes it out of epoll (epoll(7)).
            conversation.close()

    def close(self) -> None:
        """Hang up everywhere."""
        for conversation in list(self._descriptor_of):
            self.abandon(conversation)
        self._epoll.close()

    def _tell(self, conversation: Conversation, mask: int) -> None:
        now = self._clock()
        if not conversation.connected:
            if not mask & (select.EPOLLOUT | _BAD):
                return
            fault = _connect_fault(conversation.sock) if mask & _BAD else None
            if fault is None and conversation in self._suspect:
                fault = mirror_fault(conversation.sock)
            if fault is None:
                conversation.begin(now)
            else:
                conversation.fail(fault)
        if mask & _READABLE and not conversation.over:
            conversation.readable(now, hung_up=mask & _GONE != 0)
        if mask & select.EPOLLOUT:
            conversation.writable()
        self._settle(conversation)

    def _look_at(self, conversation: Conversation) -> None:
        """Let a conversation know that its time is over, unless it has got more meanwhile."""
        now = self._clock()
        conversation.looked_at = NEVER
        if conversation.deadline <= now:
            conversation.expire(now)
        self._settle(conversation)

    def _settle(self, conversation: Conversation) -> None:
        if conversation.over:
            self.abandon(conversation)
            conversation.on_end(conversation)
        elif conversation.deadline < conversation.looked_at:
            # A deadline that has moved away is put again only when its old moment has come.
            conversation.looked_at = conversation.deadline
            self._deadlines.put(conversation, conversation.deadline)


def _begin_to_connect(sock: socket.SocketType, target: tuple[str, int]) -> None:
    error = sock.connect_ex(target)
    if error not in (0, codes.EINPROGRESS):
        raise OSError(error, os.strerror(error))


def _connect_fault(sock: socket.SocketType) -> OSError | None:
    """Give why the socket that epoll reported is not connected; None when it is."""
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(error, os.strerror(error)) if error else None


def mirror_fault(sock: socket.SocketType) -> OSError | None:
    """Give a fault when the kernel has connected the socket to itself; None when it has not.

    A free port of the ephemeral range answers so: it is "connected" to whoever asks from it.
    """
    try:
        mirror = sock.getsockname() == sock.getpeername()
    except OSError:
        return None  # the peer has reset it meanwhile, which no mirror does
    return ConnectionRefusedError("the socket was connected to itself") if mirror else None
