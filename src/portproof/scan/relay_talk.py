"""Conversations through a tunnel: the same talk, once the proxy has the connection.

The socket to the proxy becomes the connection itself. Until then it is dialled here; only then does
the conversation begin, so that none is told of a connection that nobody had.
"""

from __future__ import annotations

import errno as codes
import select
from collections.abc import Callable
from typing import Final

from portproof.model.endpoint import Endpoint
from portproof.scan.conversations import Conversations
from portproof.scan.dialogue import Conversation, Talk
from portproof.scan.relay_dial import Dial
from portproof.scan.relay_tunnel import Tunnel

_WATCHED: Final = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


class RelayedConversations(Conversations):
    """Conversations whose connections a proxy opens."""

    def __init__(self, clock: Callable[[], float], tunnel: Tunnel) -> None:
        """`clock` gives monotonic seconds.

        Raises:
            OSError: no descriptor is left for epoll.
        """
        super().__init__(clock)
        self._tunnel = tunnel
        self._dials: dict[Conversation, Dial] = {}

    def open(
        self,
        endpoint: Endpoint,
        talk: Talk,
        on_end: Callable[[Conversation], None],
        *,
        timeout_s: float,
    ) -> Conversation:
        """Begin to dial; as `Conversations.open`.

        Raises:
            OSError: no socket is to be had, or the proxy is gone.
        """
        dial = self._tunnel.dial(endpoint)
        try:
            self._epoll.register(dial.sock.fileno(), _WATCHED)
        except BaseException:
            dial.close()
            raise
        conversation = Conversation(dial.sock, talk, on_end, timeout_s=timeout_s)
        self._dials[conversation] = dial
        self._admit(conversation, timeout_s)
        return conversation

    def abandon(self, conversation: Conversation) -> None:
        """Hang up; `on_end` is not called any more."""
        self._dials.pop(conversation, None)
        super().abandon(conversation)

    def _tell(self, conversation: Conversation, mask: int) -> None:
        dial = self._dials.get(conversation)
        if dial is None:
            super()._tell(conversation, mask)
            return
        ended = dial.go_on()
        if ended is None:
            return
        del self._dials[conversation]
        now = self._clock()
        if ended.opened:
            conversation.begin(now)
            if not conversation.over:
                # The edge of what came with the reply is gone: look whether there was more.
                conversation.readable(now, hung_up=False)
        else:
            conversation.fail(ConnectionRefusedError(codes.ECONNREFUSED, ended.said))
        self._settle(conversation)
