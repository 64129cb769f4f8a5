from __future__ import annotations

import pytest

from portproof.errors import SourceError
from portproof.model.baseline import Tier
from portproof.model.portspec import parse_ports
from portproof.model.source import CsvOptions, Defaults, Listing
from sources.answers import REGISTER
from sources.world import World


def read(world: World, content: bytes | str, **options: object) -> Listing:
    path = world.file("assets.csv", content)
    given = {"columns": {}, **options}
    return world.source("csv", CsvOptions(path=path, **given)).fetch()  # type: ignore[arg-type]


def test_every_column_becomes_what_its_header_says_and_the_rest_attributes(world: World) -> None:
    _, web = read(world, REGISTER).items
    assert [str(each) for each in web.addresses] == ["192.0.2.10"]
    assert (web.names, web.owner, web.tags) == (("web.example.com",), "net-team", ("prod", "web"))
    assert (web.tier, web.zone, web.ports) == (Tier.ONE, "internet", parse_ports("443"))
    assert web.attributes == {"rack": "r1"}


def test_headers_are_mapped_when_they_are_other_words(world: World) -> None:
    listing = read(
        world,
        "Asset;IP\r\nweb-1;192.0.2.10\r\n",
        columns={"id": "Asset", "address": "IP"},
        delimiter=";",
    )
    assert [each.id for each in listing.items] == ["web-1"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_register_is_read_in_its_encoding_with_or_without_a_byte_order_mark(
    world: World, encoding: str
) -> None:
    content = "id,address,owner\r\nweb-1,192.0.2.10,Büro\r\n".encode(encoding)
    named = "utf-8" if encoding == "utf-8-sig" else encoding
    assert read(world, content, encoding=named).items[0].owner == "Büro"


def test_a_register_in_another_encoding_is_an_error_with_its_line(world: World) -> None:
    with pytest.raises(SourceError, match="line 2: byte 0xfc is no utf-8 text"):
        read(world, "id,address\r\nBüro,192.0.2.1\r\n".encode("cp1252"))


def test_a_formula_is_text(world: World) -> None:
    content = 'id,address,owner\r\nweb-1,192.0.2.10,"=HYPERLINK(""http://evil.example.net"")"\r\n'
    assert read(world, content).items[0].owner == '=HYPERLINK("http://evil.example.net")'


def test_the_same_key_twice_is_one_asset_and_is_told(world: World) -> None:
    listing = read(world, "id,address\r\nweb-1,192.0.2.10\r\nweb-1,192.0.2.11\r\n")
    (web,) = listing.items
    assert len(web.addresses) == 2
    assert "stands in line 2 already" in listing.not_understood[0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it is empty"),
        ("id,id,address\r\n", "the column 'id' is there twice"),
        ("key,address\r\n", "there is no column 'id' for the id; there are: key, address"),
        ("id,owner\r\n", "there is no column 'address'"),
        ("id,address\r\nweb-1\r\n", "line 2: 1 cells under 2 columns"),
        ('id,address\r\n"web-1,192.0.2.1\r\n', "line 2 or after: unexpected end of data"),
    ],
)
def test_a_malformed_register_fails_as_a_whole(world: World, content: str, problem: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(world, content)
    assert problem in str(refused.value)


def test_what_the_source_does_not_say_comes_from_the_document(world: World) -> None:
    path = world.file("assets.csv", "id,address,tags\r\nweb-1,192.0.2.10,web\r\n")
    defaults = Defaults(owner="net-team", tags=("cmdb",), tier=Tier.TWO, zone="office")
    source = world.source("csv", CsvOptions(path=path, columns={}), defaults=defaults)
    (web,) = source.fetch().items
    assert (web.owner, web.tags, web.tier, web.zone) == (
        "net-team",
        ("cmdb", "web"),
        Tier.TWO,
        "office",
    )


def test_networks_groups_and_nonsense_are_told_and_never_guessed(world: World) -> None:
    rows = ["a,192.0.2.0/24", "b,0.0.0.0", "c,224.0.0.1", "d,fe80::1%eth0", "e,not_a_host", "f,"]
    listing = read(world, "\r\n".join(["id,address", *rows]) + "\r\n")
    assert listing.items == ()
    assert len(listing.not_understood) == 11


def test_ids_too_long_to_print_that_begin_alike_are_two_targets(world: World) -> None:
    long = "x" * 300
    rows = f"id,address\n{long}1,192.0.2.1\n{long}2,192.0.2.2\n"
    options = CsvOptions(path=world.file("assets.csv", rows), columns={})
    first, second = world.source("csv", options).fetch().items
    assert first.id != second.id
    assert len(first.id) == len(second.id) == 256
    assert [each.id for each in world.source("csv", options).fetch().items] == [first.id, second.id]
