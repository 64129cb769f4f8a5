from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from playbook import context
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, StartTls, Turn
from portproof.probes.redis import Redis
from portproof.scan.dialogue import MAX_BYTES, MOST_TURNS_TIME, Connection, converse
from servers.process import endpoint, free_port
from servers.scripted import Peer, says, serving

TIMEOUT_S = 0.4


@asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[Connection]:
    async with await Connection.open(peer.endpoint, timeout_s=1.0) as connection:
        yield connection


def collect(*turns: Turn | StartTls) -> Generator[Any, Any, Any]:
    """A dialogue that only collects what each turn gives."""
    replies = []
    for turn in turns:
        replies += [(yield turn)]
    return replies


async def replies_of(peer: Peer, *turns: Turn | StartTls) -> Any:
    async with connected(peer) as connection:
        return await converse(collect(*turns), connection, turn_timeout_s=TIMEOUT_S)


async def test_a_reply_torn_across_segments_is_still_one_reply() -> None:
    with says(b"+PO", b"NG\r", b"\n") as peer:
        async with connected(peer) as connection:
            found = await converse(Redis().dialogue(context()), connection, turn_timeout_s=1.0)
    assert found == Service("redis", attributes={"auth": "none"})


async def test_a_reply_ends_at_its_mark_and_the_rest_waits_for_the_next_turn() -> None:
    with says(b"one\r\ntwo\r\nthree") as peer:
        line = Turn(until=b"\r\n")
        assert await replies_of(peer, line, line, Turn()) == [b"one\r\n", b"two\r\n", b"three"]


async def test_a_reply_ends_at_its_size() -> None:
    with says(b"abcdef") as peer:
        assert await replies_of(peer, Turn(size=4), Turn(size=2)) == [b"abcd", b"ef"]


async def test_a_reply_ends_at_its_limit_even_without_its_mark() -> None:
    with says(b"abcdefghij") as peer:
        assert await replies_of(peer, Turn(until=b"\n", limit=4)) == [b"abcd"]


async def test_a_reply_ends_when_the_peer_closes() -> None:
    with says(b"half a li", then_reads=False) as peer:
        assert await replies_of(peer, Turn(until=b"\n"), Turn()) == [b"half a li", b""]


async def test_a_reply_without_a_mark_ends_when_the_peer_pauses() -> None:
    with says(b"first", b"second", pause_s=0.35) as peer:
        async with connected(peer) as connection:
            found = await converse(collect(Turn(), Turn()), connection, turn_timeout_s=2.0)
    assert found == [b"first", b"second"]


async def test_a_turn_that_gets_nothing_is_resumed_with_nothing_at_its_time_out() -> None:
    with says() as peer:
        assert await replies_of(peer, Turn(b"hello?\r\n")) == [b""]


async def test_what_came_by_the_time_out_is_not_lost() -> None:
    with says(b"no newline") as peer:
        assert await replies_of(peer, Turn(until=b"\n")) == [b"no newline"]


async def test_a_peer_that_sends_without_end_is_cut_at_the_cap() -> None:
    def endless(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65_536)

    with serving(endless) as peer:
        async with connected(peer) as connection:
            turns = [Turn(until=b"\n", limit=1_000_000)] * 3
            found: Any = await converse(collect(*turns), connection, turn_timeout_s=TIMEOUT_S)
            assert len(connection.transcript.received) == MAX_BYTES
    assert [len(reply) for reply in found] == [MAX_BYTES, 0, 0]


async def test_a_megabyte_without_newline_fills_one_limit_and_no_more() -> None:
    with serving(lambda connection: connection.sendall(b"x" * 1_000_000)) as peer:
        (reply,) = await replies_of(peer, Turn(until=b"\n", limit=255))
    assert reply == b"x" * 255


async def test_a_peer_of_one_byte_at_a_time_ends_with_the_conversation() -> None:
    def slow(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    begun = time.monotonic()
    with serving(slow) as peer:
        found = await replies_of(peer, *[Turn(until=b"\n")] * 200)
    assert len(found) == 200
    assert time.monotonic() - begun < 3 * MOST_TURNS_TIME * TIMEOUT_S


async def test_a_peer_that_closes_at_once_ends_every_turn_at_once() -> None:
    patient_s = 10 * TIMEOUT_S
    with serving(lambda _: None) as peer:
        async with connected(peer) as connection:
            turns = collect(Turn(b"a"), Turn(b"b"), StartTls())
            begun = time.monotonic()
            found = await converse(turns, connection, turn_timeout_s=patient_s)
        assert found == [b"", b"", None]
    assert time.monotonic() - begun < patient_s


async def test_a_peer_that_resets_is_a_peer_that_closed() -> None:
    def reset(connection: socket.socket) -> None:
        # Not before it was asked: a reset may overtake the connect that it answers.
        connection.recv(1)
        linger_0 = b"\1\0\0\0\0\0\0\0"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)

    with serving(reset) as peer:
        assert await replies_of(peer, Turn(b"a"), Turn(b"b")) == [b"", b""]


async def test_a_peer_that_never_reads_does_not_hold_us() -> None:
    with serving(lambda _: time.sleep(2 * TIMEOUT_S)) as peer:
        assert await replies_of(peer, Turn(b"x" * 20_000_000)) == [b""]


async def test_a_refused_connection_is_an_error_of_the_operating_system() -> None:
    with pytest.raises(ConnectionRefusedError):
        await Connection.open(endpoint(free_port()), timeout_s=1.0)


async def test_a_greeting_can_be_read_again_until_something_was_sent() -> None:
    with says(b"220 hello\r\n") as peer:
        async with connected(peer) as connection:
            deadline = asyncio.get_running_loop().time() + 1.0
            assert await connection.listen(deadline)
            assert await connection.turn(Turn(size=3), deadline) == b"220"
            assert connection.rewind()
            assert await connection.turn(Turn(size=3), deadline) == b"220"
            await connection.turn(Turn(b"x", size=2), deadline)
            assert not connection.rewind()


async def test_the_transcript_holds_both_directions_and_when_they_went() -> None:
    with says(b"hi\r\n") as peer:
        async with connected(peer) as connection:
            await converse(
                collect(Turn(b"hello\r\n", until=b"\n")), connection, turn_timeout_s=TIMEOUT_S
            )
    transcript = connection.transcript
    assert (transcript.sent, transcript.received) == (b"hello\r\n", b"hi\r\n")
    assert [mark.split()[1] for mark in transcript.marks[:2]] == [">7", "<4"]


async def test_a_dialogue_that_asks_nothing_ends_at_once() -> None:
    def mute() -> Dialogue:
        return Service("nothing")
        yield Turn()

    with says() as peer:
        async with connected(peer) as connection:
            found = await converse(mute(), connection, turn_timeout_s=TIMEOUT_S)
    assert found == Service("nothing")
