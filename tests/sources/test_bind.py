"""Zone transfers from a real BIND: large, by key, refused, and broken off on the way."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from portproof.errors import SourceError
from portproof.model.endpoint import Endpoint
from portproof.model.source import SourcedTarget, TransferOptions
from servers.bind import KEY, KEY_NAME, KEYED_ZONE, OPEN_ZONE, bind
from servers.scripted import serving
from sources.world import TOKEN, World

NAMES = 5_000


@pytest.fixture(scope="module")
def named() -> Iterator[Endpoint]:
    with bind(names=NAMES) as server:
        yield server


def transferred(
    world: World, server: Endpoint, zone: str, *, secret: str = "", key_name: str = ""
) -> tuple[SourcedTarget, ...]:
    asked = TransferOptions(
        zone=zone,
        server=server.address,
        port=server.port,
        key_name=key_name,
        key=TOKEN if secret else None,
    )
    source = world.source("dns_transfer", asked)
    ground = replace(source.ground, secrets=lambda _: secret)
    return replace(source, ground=ground).fetch().items


def test_a_zone_of_thousands_of_names_is_transferred_whole(world: World, named: Endpoint) -> None:
    items = transferred(world, named, OPEN_ZONE)
    assert len(items) == NAMES + 1
    first, last = items[0], items[-2]
    assert (first.id, str(first.addresses[0])) == (f"host-00000.{OPEN_ZONE}", "10.20.0.0")
    assert first.names == (f"host-00000.{OPEN_ZONE}", f"www.{OPEN_ZONE}")
    assert (last.id, str(last.addresses[0])) == (f"host-04999.{OPEN_ZONE}", "10.20.19.135")


def test_a_zone_for_the_holder_of_a_key_is_transferred_with_it(
    world: World, named: Endpoint
) -> None:
    items = transferred(world, named, KEYED_ZONE, secret=KEY, key_name=KEY_NAME)
    assert [each.id for each in items] == [f"ns.{KEYED_ZONE}", f"www.{KEYED_ZONE}"]


@pytest.mark.parametrize(
    ("secret", "key_name", "says"),
    [
        ("", "", "the server refuses: Zone transfer error: REFUSED"),
        ("d3Jvbmc=", KEY_NAME, "The peer didn't like the signature"),
        (KEY, "another-key", "The peer didn't know the key"),
    ],
    ids=["no key", "a wrong secret", "a key it does not know"],
)
def test_a_zone_is_not_transferred_without_its_key(
    world: World, named: Endpoint, secret: str, key_name: str, says: str
) -> None:
    with pytest.raises(SourceError, match=says) as refused:
        transferred(world, named, KEYED_ZONE, secret=secret, key_name=key_name)
    assert KEYED_ZONE in str(refused.value)
    assert "d3Jvbmc=" not in str(refused.value)


def test_a_zone_that_the_server_does_not_have_is_refused(world: World, named: Endpoint) -> None:
    with pytest.raises(SourceError, match=r"the server refuses: Zone transfer error: NOTAUTH"):
        transferred(world, named, "other.example.com")


@pytest.mark.parametrize("after", [0, 1, 20_000], ids=["at once", "in a length", "in the middle"])
def test_a_transfer_that_breaks_off_lists_nothing(
    world: World, named: Endpoint, after: int
) -> None:
    def relay(client: socket.socket) -> None:
        """Carry one question to the server, and so many octets of its answer back."""
        with socket.create_connection((str(named.address), named.port)) as server:
            server.sendall(client.recv(4_096))
            left = after
            while left:
                some = server.recv(left)
                client.sendall(some)
                left -= len(some)

    with serving(relay) as peer, pytest.raises(SourceError, match="the transfer failed"):
        transferred(world, peer.endpoint, OPEN_ZONE)
