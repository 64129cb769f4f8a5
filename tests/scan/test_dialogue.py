from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from conversing import collect, converse
from playbook import context
from portproof.model.endpoint import Endpoint
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, StartTls, Turn
from portproof.probes.redis import Redis
from portproof.scan.conversations import Conversations, mirror_fault
from portproof.scan.dialogue import MAX_BYTES, MOST_TURNS_TIME, Conversation
from portproof.scan.steps import Listen, NextDialogue
from servers.process import endpoint, free_port
from servers.scripted import Peer, says, serving

TIMEOUT_S = 0.4


def replies_of(peer: Peer, *steps: Any, timeout_s: float = TIMEOUT_S) -> Any:
    return converse(peer.endpoint, collect(*steps), timeout_s=timeout_s).service


def test_a_reply_torn_across_segments_is_still_one_reply() -> None:
    with says(b"+PO", b"NG\r", b"\n") as peer:
        held = converse(peer.endpoint, Redis().dialogue(context()), timeout_s=1.0)
    assert held.service == Service("redis", attributes={"auth": "none"})


def test_a_reply_ends_at_its_mark_and_the_rest_waits_for_the_next_turn() -> None:
    with says(b"one\r\ntwo\r\nthree") as peer:
        line = Turn(until=b"\r\n")
        assert replies_of(peer, line, line, Turn()) == [b"one\r\n", b"two\r\n", b"three"]


def test_a_reply_ends_at_its_size() -> None:
    with says(b"abcdef") as peer:
        assert replies_of(peer, Turn(size=4), Turn(size=2)) == [b"abcd", b"ef"]


def test_a_reply_ends_at_its_limit_even_without_its_mark() -> None:
    with says(b"abcdefghij") as peer:
        assert replies_of(peer, Turn(until=b"\n", limit=4)) == [b"abcd"]


def test_a_reply_ends_when_the_peer_closes() -> None:
    with says(b"half a li", then_reads=False) as peer:
        assert replies_of(peer, Turn(until=b"\n"), Turn()) == [b"half a li", b""]


def test_a_reply_without_a_mark_ends_when_the_peer_pauses() -> None:
    with says(b"first", b"second", pause_s=0.35) as peer:
        assert replies_of(peer, Turn(), Turn(), timeout_s=2.0) == [b"first", b"second"]


def test_a_turn_that_gets_nothing_is_resumed_with_nothing_at_its_time_out() -> None:
    with says() as peer:
        assert replies_of(peer, Turn(b"hello?\r\n")) == [b""]


def test_what_came_by_the_time_out_is_not_lost() -> None:
    with says(b"no newline") as peer:
        assert replies_of(peer, Turn(until=b"\n")) == [b"no newline"]


def test_a_peer_that_sends_without_end_is_cut_at_the_cap() -> None:
    def endless(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65_536)

    with serving(endless) as peer:
        turns = [Turn(until=b"\n", limit=1_000_000)] * 3
        held = converse(peer.endpoint, collect(*turns), timeout_s=TIMEOUT_S)
    assert len(held.transcript.received) == MAX_BYTES
    replies: Any = held.service
    assert [len(reply) for reply in replies] == [MAX_BYTES, 0, 0]


def test_a_megabyte_without_newline_fills_one_limit_and_no_more() -> None:
    with serving(lambda connection: connection.sendall(b"x" * 1_000_000)) as peer:
        (reply,) = replies_of(peer, Turn(until=b"\n", limit=255))
    assert reply == b"x" * 255


def test_a_peer_of_one_byte_at_a_time_ends_with_the_conversation() -> None:
    def slow(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    begun = time.monotonic()
    with serving(slow) as peer:
        found = replies_of(peer, *[Turn(until=b"\n")] * 200)
    assert len(found) == 200
    assert time.monotonic() - begun < 3 * MOST_TURNS_TIME * TIMEOUT_S


def test_a_peer_that_closes_at_once_ends_every_turn_at_once() -> None:
    patient_s = 10 * TIMEOUT_S
    with serving(lambda _: None) as peer:
        begun = time.monotonic()
        found = replies_of(peer, Turn(b"a"), Turn(b"b"), StartTls(), timeout_s=patient_s)
        assert found == [b"", b"", None]
    assert time.monotonic() - begun < patient_s


def test_a_peer_that_resets_is_a_peer_that_closed() -> None:
    def reset(connection: socket.socket) -> None:
        # Not before it was asked: a reset may overtake the connect that it answers.
        connection.recv(1)
        linger_0 = b"\1\0\0\0\0\0\0\0"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)

    with serving(reset) as peer:
        assert replies_of(peer, Turn(b"a"), Turn(b"b")) == [b"", b""]


def test_a_peer_that_never_reads_does_not_hold_us() -> None:
    with serving(lambda _: time.sleep(2 * TIMEOUT_S)) as peer:
        assert replies_of(peer, Turn(b"x" * 20_000_000)) == [b""]


def test_a_refused_connection_is_a_failure_and_nothing_is_said() -> None:
    ended: list[Conversation] = []
    conversations = Conversations(time.monotonic)
    with closing(conversations), pytest.raises(ConnectionRefusedError):  # noqa: PT012
        # Loopback may refuse inside connect() already, or a moment later.
        conversations.open(endpoint(free_port()), lambda _: collect(), ended.append, timeout_s=9)
        while not ended:
            conversations.attend(0.02)
        raise ended[0].failure or AssertionError("nobody listens there")


def test_a_connect_that_nobody_answers_ends_with_its_time_out() -> None:
    with deaf_listener() as full:
        held = converse(full, collect(Turn()), timeout_s=TIMEOUT_S)
    assert isinstance(held.failure, TimeoutError)
    assert not held.connected


def test_a_greeting_can_be_read_again_until_something_was_sent() -> None:
    three = Turn(size=3)
    steps = (Listen(1.0), three, NextDialogue(), three, Turn(b"x", size=2), NextDialogue())
    with says(b"220 hello\r\n") as peer:
        found = replies_of(peer, *steps)
    assert found == [True, b"220", True, b"220", b" h", False]


def test_listening_ends_when_its_time_is_over_and_the_next_turn_has_its_own() -> None:
    with says() as peer:
        begun = time.monotonic()
        assert replies_of(peer, Listen(0.1), Turn(b"x")) == [False, b""]
    assert time.monotonic() - begun > 0.1 + TIMEOUT_S


def test_the_transcript_holds_both_directions_and_when_they_went() -> None:
    with says(b"hi\r\n") as peer:
        script = collect(Turn(b"hello\r\n", until=b"\n"))
        transcript = converse(peer.endpoint, script, timeout_s=TIMEOUT_S).transcript
    assert (bytes(transcript.sent), bytes(transcript.received)) == (b"hello\r\n", b"hi\r\n")
    assert [mark.split()[1] for mark in transcript.marks[:2]] == [">7", "<4"]


def test_a_dialogue_that_asks_nothing_ends_at_once() -> None:
    def mute() -> Dialogue:
        return Service("nothing")
        yield Turn()

    with says() as peer:
        assert converse(peer.endpoint, mute(), timeout_s=TIMEOUT_S).service == Service("nothing")


def test_a_socket_that_the_kernel_connected_to_itself_is_no_server() -> None:
    here = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    here.bind(("127.0.0.1", 0))
    here.settimeout(0)
    here.connect_ex(here.getsockname())
    with here:
        assert isinstance(mirror_fault(here), ConnectionRefusedError)


@contextmanager
def deaf_listener() -> Iterator[Endpoint]:
    """A listener whose backlog is full: Linux drops what else is sent to it."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.settimeout(0)
            caller.connect_ex(listener.getsockname())
        yield endpoint(listener.getsockname()[1])
