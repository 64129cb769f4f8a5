"""An answer is believed only if it names the sequence number that its probe had."""

from __future__ import annotations

import numpy as np
import pytest

from portproof.model.rawwire import ASK_V4, ASK_V6, Kind, WireError
from portproof.rawhelper.cookies import Cookies
from portproof.rawhelper.table import ProbeTable

KEY = bytes(range(16))
SECOND_BLOCK = 1


def v4(*endpoints: tuple[int, int]) -> np.ndarray:
    records = np.zeros(len(endpoints), dtype=ASK_V4)
    records["address"], records["port"] = zip(*endpoints, strict=True)
    records["until"] = 3
    return records


def test_the_hash_is_siphash_2_4_as_published() -> None:
    # Aumasson and Bernstein 2012, appendix A, and the reference vectors for 8 and 16 bytes.
    cookies = Cookies(KEY)
    eight = np.array([int.from_bytes(bytes(range(8)), "little")], dtype=np.uint64)
    rest = np.array([int.from_bytes(bytes(range(8, 16)), "little")], dtype=np.uint64)
    assert int(cookies.hash([eight])[0]) == 0x93F5F5799A932462
    assert int(cookies.hash([eight, rest])[0]) == 0x3F2ACC7F57C29BDB
    with pytest.raises(ValueError, match="16 bytes"):
        Cookies(b"short")


def test_an_answer_finds_its_row() -> None:
    table = ProbeTable(Cookies(KEY), 0.0)
    slots = table.add(SECOND_BLOCK, Kind.ASK_V4, v4((0xC0000201, 22), (0xC0000202, 80)))
    found, fits = table.find_v4(table.v4[slots], table.port[slots], table.cookie[slots])
    assert fits.all()
    assert found.tolist() == slots.tolist()


def test_forged_answers_find_none() -> None:
    table = ProbeTable(Cookies(KEY), 0.0)
    slots = table.add(0, Kind.ASK_V4, v4((0xC0000201, 22)))
    address, port, sequence = table.v4[slots], table.port[slots], table.cookie[slots]
    for forged in (
        (address + np.uint32(1), port, sequence),
        (address, port + np.uint16(1), sequence),
        (address, port, sequence + np.uint32(1)),
        (address, port, sequence ^ np.uint32(1)),  # another slot, in which nobody waits
        (address, port, np.zeros(1, dtype=np.uint32)),
    ):
        assert not table.find_v4(*forged)[1].any()


def test_a_hundred_thousand_guesses_hit_nothing() -> None:
    table = ProbeTable(Cookies(KEY), 0.0)
    count = 100_000
    table.add(0, Kind.ASK_V4, v4(*((0xC0000201 + row, 22) for row in range(8192))))
    guesses = np.random.default_rng(1).integers(0, 2**32, count, dtype=np.uint64)
    addresses = (np.arange(count) % 8192 + 0xC0000201).astype(np.uint32)
    ports = np.full(count, 22, dtype=np.uint16)
    assert not table.find_v4(addresses, ports, guesses.astype(np.uint32))[1].any()


def test_keys_differ_so_sequence_numbers_do() -> None:
    tables = [ProbeTable(Cookies(bytes([number]) * 16), 0.0) for number in (1, 2)]
    cookies = [table.cookie[table.add(0, Kind.ASK_V4, v4((1, 1)))] for table in tables]
    assert cookies[0] != cookies[1]


def test_an_ipv6_probe_and_an_ipv4_probe_are_not_confused() -> None:
    table = ProbeTable(Cookies(KEY), 0.0)
    records = np.zeros(1, dtype=ASK_V6)
    records["high"], records["low"], records["port"] = 0x20010DB800000000, 0xC0000201, 22
    slots = table.add(0, Kind.ASK_V6, records)
    assert table.find_v6(table.v6[slots], table.port[slots], table.cookie[slots])[1].all()
    four = np.array([0xC0000201], dtype=np.uint32)
    assert not table.find_v4(four, table.port[slots], table.cookie[slots])[1].any()


def test_a_row_that_has_ended_is_found_no_more() -> None:
    table = ProbeTable(Cookies(KEY), 0.0)
    slots = table.add(0, Kind.ASK_V4, v4((1, 1), (2, 2)))
    table.end(slots[:1])
    found = table.find_v4(table.v4[slots], table.port[slots], table.cookie[slots])[1]
    assert found.tolist() == [False, True]


def test_a_block_is_not_given_twice() -> None:
    table = ProbeTable(Cookies(KEY), 0.0)
    table.add(0, Kind.ASK_V4, v4((1, 1)))
    with pytest.raises(WireError, match="block 0 is taken"):
        table.add(0, Kind.ASK_V4, v4((2, 2)))


def test_when_a_probe_was_sent_is_known_for_its_last_two_sendings() -> None:
    began = 1000.0
    table = ProbeTable(Cookies(KEY), began)
    slots = table.add(0, Kind.ASK_V4, v4((1, 1)))
    for turn, at in enumerate((began + 1, began + 2, began + 3.5)):
        table.sent(slots, turn, np.array([at]))
    now = began + 4
    assert table.sent_s(slots, 0, now)[0] == pytest.approx(began + 3.5, abs=1e-5)
    assert table.sent_s(slots, 1, now)[0] == pytest.approx(began + 2, abs=1e-5)
    # After two hours, when 32 bits of microseconds have wrapped.
    table.sent(slots, 4, np.array([began + 7200.25]))
    assert table.sent_s(slots, 0, began + 7201)[0] == pytest.approx(began + 7200.25, abs=1e-5)
