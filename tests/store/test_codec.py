"""Values of the model survive being stored, all of them and without loss."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.errors import EvidenceError
from portproof.evidence.canonical import canonical
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.finding import Judgement
from portproof.model.observation import Observation, TlsFacts
from portproof.model.ports import PortSet
from portproof.model.scan import ControlSample, ScanPlan
from portproof.store.codec import decode, encode, instant_from, instant_text, ports_from
from store.shapes import INSTANTS, PORT_SETS, any_of


def stored_and_read(kind: type[Any], value: Any) -> Any:
    return decode(kind, json.loads(canonical(encode(kind, value))))


@pytest.mark.parametrize("kind", [ScanPlan, Observation, Judgement, ControlSample])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_storing_and_reading_are_inverse(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(any_of(kind))
    assert stored_and_read(kind, value) == value


@given(PORT_SETS)
def test_a_port_set_is_read_from_what_it_prints(ports: PortSet) -> None:
    assert ports_from(str(ports)) == ports


@given(INSTANTS)
def test_a_time_is_read_from_what_it_prints(at: datetime) -> None:
    assert instant_from(instant_text(at)) == at


@given(INSTANTS, INSTANTS)
def test_the_order_of_printed_times_is_that_of_the_times(one: datetime, other: datetime) -> None:
    assert (instant_text(one) < instant_text(other)) == (one < other)


def test_a_time_is_printed_in_utc_with_microseconds() -> None:
    berlin = timezone(timedelta(hours=1))
    assert instant_text(datetime(2026, 11, 21, 9, tzinfo=berlin)) == "2026-11-21T08:00:00.000000Z"


def test_a_time_without_zone_is_refused() -> None:
    naive = datetime(2026, 11, 21, 9)  # noqa: DTZ001 - that is the point
    with pytest.raises(EvidenceError, match="has no zone"):
        instant_text(naive)


def test_a_number_that_json_readers_would_round_is_written_as_text() -> None:
    assert encode(int, 2**64 - 1) == "18446744073709551615"
    assert decode(int, "18446744073709551615") == 2**64 - 1
    assert encode(int, 2**53 - 1) == 2**53 - 1


def test_an_endpoint_is_written_by_its_fields() -> None:
    endpoint = Endpoint(IPv6Address("fd00::1"), Transport.UDP, 53)
    assert encode(Endpoint, endpoint) == {"address": "fd00::1", "transport": "udp", "port": 53}


def test_a_field_that_an_earlier_version_did_not_know_takes_its_default() -> None:
    stored = {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "certificate": None}
    assert decode(TlsFacts, stored) == TlsFacts(
        version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", certificate=None, server_name=None
    )


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"address": "10.0.0.5", "transport": "tcp"},
        {"address": "10.0.0.5", "transport": "sctp", "port": 22},
        {"address": "10.0.0", "transport": "tcp", "port": 22},
        {"address": "10.0.0.5", "transport": "tcp", "port": 22, "zone": "office"},
        [],
        None,
        "10.0.0.5:22/tcp",
    ],
)
def test_what_is_not_the_form_of_a_value_is_refused(stored: Any) -> None:
    with pytest.raises(EvidenceError, match="a stored Endpoint cannot be read"):
        decode(Endpoint, stored)


def test_a_type_without_a_rule_is_a_type_error() -> None:
    @dataclass
    class Ratio:
        value: float

    with pytest.raises(TypeError, match="no stored form"):
        encode(Ratio, Ratio(0.5))
