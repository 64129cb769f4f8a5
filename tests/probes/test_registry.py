from __future__ import annotations

import re
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook import FACTS, context, play
from portproof import probes
from portproof.model.endpoint import Transport
from portproof.model.observation import TlsFacts
from portproof.model.ports import PortSet
from portproof.model.probe import Probe

EACH = pytest.mark.parametrize("probe", probes.PROBES, ids=lambda probe: probe.name)

# What peers of all protocols begin with, so that the property gets past the first turn.
BEGINNINGS = st.sampled_from(
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"220 mail ESMTP\r\n",
        b"220-a\r\n220 FTP\r\n",
        b"250-STARTTLS\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
        b"+PONG\r\n",
        b"$99999999\r\n",
        b"S",
        b"E\0\0\0\x08SM\0\0",
        b"\x4a\0\0\0\x0a5.5.5-",
        b"\x09\0\0\0\xff\x6a\x04",
        b"\0\0\0\x20\x04\x14",
    ]
)
REPLIES = st.lists(
    st.one_of(
        st.builds(bytes.__add__, BEGINNINGS, st.binary(max_size=200)), st.just(FACTS), st.none()
    ),
    max_size=12,
)


def test_there_are_sixteen_probes_and_their_names_are_unique_per_transport() -> None:
    names = [(probe.name, probe.transport) for probe in probes.PROBES]
    assert len(set(names)) == len(names) == 16


def test_a_port_is_led_to_the_probes_that_claim_it() -> None:
    assert [probe.name for probe in probes.for_port(22, Transport.TCP)] == ["ssh"]
    assert [probe.name for probe in probes.for_port(53, Transport.UDP)] == ["dns"]
    assert probes.for_port(53, Transport.TCP) == ()


def test_the_udp_ports_are_those_that_can_answer() -> None:
    assert probes.udp_ports() == PortSet.of(53, 69, 111, 123, 161, 323, 4433, 5684, 11211)


def test_the_tcp_ports_are_the_union_of_what_probes_claim() -> None:
    assert PortSet.of(21, 22, 25, 80, 443, 3306, 5432, 6379) <= probes.tcp_ports()


@EACH
def test_every_probe_names_its_source_and_what_the_peer_will_notice(probe: Probe) -> None:
    essay = import_module(type(probe).__module__).__doc__ or ""
    assert re.search(
        r"^Source: .*\b(RFC \d+|documentation|Internals|specification)", essay, re.MULTILINE
    )
    assert re.search(r"^Safety: \w+", essay, re.MULTILINE)


@EACH
@given(replies=REPLIES, port=st.sampled_from([4711, 443, 465, 636, 6379]))
def test_no_bytes_make_a_dialogue_raise_or_go_on_for_ever(
    probe: Probe, replies: list[bytes | TlsFacts | None], port: int
) -> None:
    play(probe, *replies, where=context(port=port))


@EACH
def test_a_silent_peer_is_nothing(probe: Probe) -> None:
    assert play(probe).service is None


@EACH
@pytest.mark.parametrize(
    "echo",
    [b"\x16\x03\x01\x02\x00", b"* OK IMAP4rev1 ready\r\n", b"\xff\xfd\x18login: ", b"\0" * 64],
)
def test_a_peer_of_another_protocol_is_nothing(probe: Probe, echo: bytes) -> None:
    assert play(probe, echo, echo, echo).service is None


@EACH
def test_nothing_that_a_probe_sends_is_mistaken_for_an_answer(probe: Probe) -> None:
    """A peer that sends back whatever it gets (RFC 862) speaks none of the protocols."""
    sent = play(probe).sent
    assert play(probe, *sent, *sent).service is None
