"""Raw records keep what came, in texts and whole numbers."""

from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation, PortState, Reason
from portproof.scan.classify import IcmpError
from portproof.scan.raw import record_of, refusal, rfc3339

ROUTER = ip_address("192.0.2.1")


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_reads_back_as_it_was(moment: datetime) -> None:
    text = rfc3339(moment)
    assert text.endswith("Z")
    assert len(text) == len("2026-11-21T12:00:00.000000Z")
    assert datetime.fromisoformat(text) == moment


def test_an_instant_of_another_zone_is_written_in_utc() -> None:
    there = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(there) == "2026-11-21T10:00:00.000000Z"


def test_a_rejection_keeps_the_errno_and_the_icmp_error_apart() -> None:
    icmp = IcmpError(4, 3, 13, ROUTER, local=False, errno=errno.EHOSTUNREACH)
    expected = {
        "errno": "EHOSTUNREACH",
        "icmp_version": 4,
        "icmp_type": 3,
        "icmp_code": 13,
        "icmp_from": "192.0.2.1",
    }
    assert refusal(errno.EHOSTUNREACH, icmp) == expected
    # The error overtook the call: the queue knows the errno all the same.
    assert refusal(0, icmp) == expected


def test_what_the_kernel_did_not_say_is_missing() -> None:
    assert refusal(0, None) == {}
    assert refusal(errno.ECONNREFUSED, None) == {"errno": "ECONNREFUSED"}
    assert "icmp_from" not in refusal(0, IcmpError(6, 1, 4, None, local=False))


def test_a_record_says_the_state_and_what_came() -> None:
    seen = Observation(
        endpoint=Endpoint(ROUTER, Transport.TCP, 22),
        state=PortState.CLOSED,
        reason=Reason.RESET,
        at=datetime(2026, 11, 21, 12, tzinfo=UTC),
        rtt_us=40,
    )
    assert record_of(seen, {"errno": "ECONNREFUSED"}) == {
        "endpoint": "192.0.2.1:22/tcp",
        "state": "closed",
        "reason": "reset",
        "attempts": 1,
        "sent_at": "2026-11-21T12:00:00.000000Z",
        "errno": "ECONNREFUSED",
        "connect_rtt_us": 40,
    }
