"""Which service answers at each open TCP port: many inquiries at once, within the limits.

What one port is asked, and when, is `scan.inquiry`; this file lets the questions in (so many
connections at once, so many to one host, hosts in turn), tries again when the system had no socket,
and hands over what came of them.

What is not recognised stays without a service; a port number is no evidence of one. Its bytes are
kept in the raw record all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from portproof.evidence.masking import mask_service
from portproof.model.endpoint import Endpoint
from portproof.model.observation import Service
from portproof.model.scan import Timing
from portproof.scan.classify import TRANSIENT_ERRNOS
from portproof.scan.conversations import Conversations
from portproof.scan.deadlines import Deadlines
from portproof.scan.dialogue import Conversation
from portproof.scan.inquiry import MOST_VISITS, IdentifyRequest, Inquiry, Question
from portproof.scan.limits import fit_connections
from portproof.scan.raw import RawRecord
from portproof.scan.turnstile import Turnstile

__all__ = [
    "MOST_VISITS",
    "Identified",
    "IdentifyRequest",
    "Setting",
    "identify",
    "identify_in",
]

_MOST_TRIES: Final = 5
_TRY_AGAIN_S: Final = 0.2
_LOOK_S: Final = 0.1
_LONGEST_POLL_S: Final = 0.02
_AT_ONCE: Final = 64
"""Connections begun between two looks at the answers."""

_Caller: TypeAlias = "IdentifyRequest | Inquiry"
"""Who wants a connection: a port not begun with, or one that has a further question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What was found out about one port."""

    endpoint: Endpoint
    service: Service | None
    """None when nothing was asked or nothing was recognised."""
    raw: RawRecord | None
    """The conversation that told (or the first in which bytes came), masked; None when none did."""
    masked: int
    """How many secrets were masked in it and in the service."""
    connected: bool
    """Whether any connection came about."""
    starved: bool = False
    """Whether a connection could not be tried for want of sockets of ours."""

    @property
    def asked(self) -> bool:
        """Whether a missing service says anything: nothing of ours kept us from asking."""
        return self.service is not None or (self.connected and not self.starved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Under which limits ports are asked, and who opens the connections."""

    timing: Timing
    max_connections: int
    per_host: int
    switchboard: Callable[[Callable[[], float]], Conversations] = Conversations
    """Makes what holds the conversations, from a clock in monotonic seconds."""


def identify(
    requests: Sequence[IdentifyRequest],
    *,
    timing: Timing,
    max_connections: int,
    per_host: int,
    stop: Callable[[], bool],
    on_result: Callable[[Identified], None],
) -> None:
    """Find the service behind each open port; results come in any order, as they are known.

    `stop` is asked ten times a second. Returns soon after it says so: ports not finished by then
    get no result; none gets one when there is no descriptor left to wait with. What `on_result`
    raises ends the whole and is passed on.
    """
    setting = Setting(timing=timing, max_connections=max_connections, per_host=per_host)
    identify_in(setting, requests, stop=stop, on_result=on_result)


def identify_in(
    setting: Setting,
    requests: Sequence[IdentifyRequest],
    *,
    stop: Callable[[], bool],
    on_result: Callable[[Identified], None],
) -> None:
    """Do what `identify` does, over the connections of the setting."""
    capacity = fit_connections(setting.max_connections)
    try:
        conversations = setting.switchboard(time.monotonic)
    except OSError as fault:
        if fault.errno in TRANSIENT_ERRNOS:
            return
        raise
    try:
        timeout_s = setting.timing.dialogue_timeout_ms / 1_000
        turnstile: Turnstile[_Caller] = Turnstile(at_once=capacity, per_group=setting.per_host)
        _Identification(conversations, turnstile, timeout_s, on_result).carry_out(requests, stop)
    finally:
        conversations.close()


class _Identification:
    """One call of `identify`."""

    def __init__(
        self,
        conversations: Conversations,
        turnstile: Turnstile[_Caller],
        timeout_s: float,
        on_result: Callable[[Identified], None],
    ) -> None:
        self._conversations = conversations
        self._turnstile = turnstile
        self._timeout_s = timeout_s
        self._on_result = on_result
        self._under_way: dict[Inquiry, set[Conversation]] = {}
        self._queued: set[Inquiry] = set()
        self._reminders: Deadlines[Inquiry] = Deadlines(time.monotonic())
        self._unsent: dict[Inquiry, tuple[Question, int]] = {}
        """What the system had no socket for, and how often it was tried."""

    def carry_out(self, requests: Sequence[IdentifyRequest], stop: Callable[[], bool]) -> None:
        for request in requests:
            self._turnstile.queue(request.endpoint.address.packed, request)
        next_look = 0.0
        while self._turnstile or self._under_way:
            now = time.monotonic()
            if now >= next_look:
                if stop():
                    return
                next_look = now + _LOOK_S
            full = self._launch()
            self._conversations.attend(_LONGEST_POLL_S if full else 0.0)
            for inquiry in self._reminders.due(time.monotonic()):
                if inquiry in self._unsent or inquiry.wants_more():
                    self._queue(inquiry)

    # ------------------------------------------------------------ letting in

    def _launch(self) -> bool:
        """Begin some connections; True when there is nothing to do but wait."""
        for _ in range(_AT_ONCE):
            caller = self._turnstile.admit()
            if caller is None:
                return True
            inquiry = self._begin(caller) if isinstance(caller, IdentifyRequest) else caller
            self._queued.discard(inquiry)
            question = self._question_of(inquiry)
            if question is None or not self._open(inquiry, question):
                self._turnstile.leave(inquiry.host)
                self._conclude_if_done(inquiry)
        return False

    def _begin(self, request: IdentifyRequest) -> Inquiry:
        inquiry = Inquiry(request, self._timeout_s, self._remind)
        self._under_way[inquiry] = set()
        if request.silent:
            inquiry.done()
        return inquiry

    def _question_of(self, inquiry: Inquiry) -> Question | None:
        unsent = self._unsent.get(inquiry)
        return unsent[0] if unsent else inquiry.next_question()

    def _open(self, inquiry: Inquiry, question: Question) -> bool:
        """Begin one connection; False when it could not even be tried, or was refused at once."""
        on_end = partial(self._ended, inquiry, question)
        try:
            conversation = self._conversations.open(
                inquiry.endpoint, question.talk, on_end, timeout_s=self._timeout_s
            )
        except OSError as fault:
            self._not_opened(inquiry, question, fault)
            return False
        self._unsent.pop(inquiry, None)
        self._under_way[inquiry].add(conversation)
        return True

    def _not_opened(self, inquiry: Inquiry, question: Question, fault: OSError) -> None:
        """Try again soon where the system had no socket just now; else the question has failed."""
        _, tries = self._unsent.pop(inquiry, (question, 0))
        if fault.errno in TRANSIENT_ERRNOS and tries + 1 < _MOST_TRIES:
            self._unsent[inquiry] = question, tries + 1
            self._remind(inquiry, _TRY_AGAIN_S)
        else:
            inquiry.failed(question, fault)
            self._queue(inquiry)

    def _queue(self, inquiry: Inquiry) -> None:
        """Have a port that was begun with wait for its next connection, ahead of new ones."""
        if inquiry in self._under_way and inquiry not in self._queued:
            self._queued.add(inquiry)
            self._turnstile.queue(inquiry.host, inquiry, first=True)

    def _remind(self, inquiry: Inquiry, wait_s: float) -> None:
        self._reminders.put(inquiry, time.monotonic() + wait_s)

    # ------------------------------------------------------------ what came of it

    def _ended(self, inquiry: Inquiry, question: Question, conversation: Conversation) -> None:
        self._turnstile.leave(inquiry.host)
        self._under_way[inquiry].discard(conversation)
        if conversation.failure is not None:
            self._not_opened(inquiry, question, conversation.failure)
            return
        inquiry.took(question, conversation)
        if inquiry.settled:
            self._conclude(inquiry)
        else:
            self._queue(inquiry)

    def _conclude_if_done(self, inquiry: Inquiry) -> None:
        if inquiry not in self._under_way:
            return  # it was settled while this connection was waited for
        waits = self._under_way[inquiry] or inquiry in self._unsent or inquiry in self._queued
        if inquiry.settled or not waits:
            self._conclude(inquiry)

    def _conclude(self, inquiry: Inquiry) -> None:
        """Hand over what is known of a port, and drop what is still under way there."""
        self._reminders.drop(inquiry)
        self._unsent.pop(inquiry, None)
        for conversation in self._under_way.pop(inquiry):
            self._conversations.abandon(conversation)
            self._turnstile.leave(inquiry.host)
        service, masked = inquiry.service, 0
        if service is not None:
            service, masked = mask_service(service)
        if inquiry.raw is not None and inquiry.connected:
            inquiry.raw |= {"visits": inquiry.made, "tried": " ".join(inquiry.tried)}
        self._on_result(
            Identified(
                endpoint=inquiry.endpoint,
                service=service,
                raw=inquiry.raw,
                masked=inquiry.masked + masked,
                connected=inquiry.connected,
                starved=inquiry.starved,
            )
        )
