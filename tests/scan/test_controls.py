"""Controls are asked all along and show what they must, or say that they did not."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

import pytest

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.scan import Control, ControlKind, ControlSample, Timing
from portproof.scan.controls import ControlRound, own_controls
from vantage import control

TIMING = Timing(timeout_ms=60, max_retries=1, control_interval_ms=20)
V4, V6, ELSEWHERE = (ip_address(each) for each in ("127.0.0.1", "::1", "192.0.2.200"))


@contextmanager
def asking(
    controls: Sequence[Control],
    listeners: Sequence[socket.socket] = (),
    unasked: list[ControlSample] | None = None,
) -> Iterator[tuple[ControlRound, list[ControlSample]]]:
    samples: list[ControlSample] = []
    asked = ControlRound(
        controls=controls,
        listeners=listeners,
        timing=TIMING,
        clock=time.monotonic,
        began=time.monotonic(),
        sampled=samples.append,
        not_asked=([] if unasked is None else unasked).append,
    )
    try:
        yield asked, samples
    finally:
        asked.close()


def never() -> bool:
    return False


def test_our_own_controls_are_one_of_each_kind_per_family_of_ours() -> None:
    with own_controls([V4, ip_address("127.0.0.2"), ELSEWHERE, V6]) as (controls, listeners):
        assert [each.id for each in controls] == [
            "self-test-v4+",
            "self-test-v4-",
            "self-test-v6+",
            "self-test-v6-",
        ]
        assert all(each.own for each in controls)
        assert controls[0].networks == (ip_network("127.0.0.1/32"), ip_network("127.0.0.2/32"))
        assert len(listeners) == 2


def test_without_an_address_of_ours_nothing_is_opened() -> None:
    with own_controls([ELSEWHERE]) as (controls, listeners):
        assert (controls, listeners) == ((), ())


def test_our_own_controls_show_what_they_must() -> None:
    with (
        own_controls([V4, V6]) as (controls, listeners),
        asking(controls, listeners) as (
            asked,
            samples,
        ),
    ):
        asked.complete(never)
    assert [(each.control_id, each.as_expected, each.seen) for each in samples] == [
        ("self-test-v4+", True, "open (syn-ack)"),
        ("self-test-v4-", True, "closed (reset)"),
        ("self-test-v6+", True, "open (syn-ack)"),
        ("self-test-v6-", True, "closed (reset)"),
    ]


def test_they_are_gone_afterwards() -> None:
    with own_controls([V4]) as (controls, _):
        where = controls[0].endpoint
    with socket.socket() as sock:
        assert sock.connect_ex((str(where.address), where.port)) != 0


def test_a_listener_of_ours_takes_more_visitors_than_its_queue_holds() -> None:
    with own_controls([V4]) as (controls, listeners), asking(controls, listeners) as (asked, _):
        where = (str(controls[0].endpoint.address), controls[0].endpoint.port)
        for _ in range(3_000):
            with socket.create_connection(where, timeout=5):
                asked.pump()


@pytest.mark.parametrize(
    ("kind", "as_expected"), [(ControlKind.POSITIVE, False), (ControlKind.NEGATIVE, True)]
)
def test_a_closed_control_is_right_for_a_negative_and_wrong_for_a_positive_one(
    kind: ControlKind, *, as_expected: bool
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed = control("c", kind, f"127.0.0.1:{bound.getsockname()[1]}", ["127.0.0.0/8"])
        with asking([closed]) as (asked, samples):
            asked.complete(never)
    assert [(each.as_expected, each.seen) for each in samples] == [(as_expected, "closed (reset)")]


# A broadcast address: connect(2) itself says ENETUNREACH, and nothing leaves this machine.
NOWHERE = "127.255.255.255:9"


@pytest.mark.parametrize("kind", ControlKind)
def test_a_control_that_we_could_not_send_to_has_shown_nothing_good_or_bad(
    kind: ControlKind,
) -> None:
    unasked: list[ControlSample] = []
    with asking([control("c", kind, NOWHERE, ["127.0.0.0/8"])], unasked=unasked) as (
        asked,
        samples,
    ):
        asked.complete(never)
    assert samples == []
    assert [(each.as_expected, each.seen) for each in unasked] == [
        (False, "nothing: not asked (no-route)")
    ]


def test_a_control_without_a_socket_was_not_asked() -> None:
    unasked: list[ControlSample] = []
    decoy = control("c", ControlKind.NEGATIVE, "127.0.0.1:9", ["127.0.0.0/8"])
    with (
        asking([decoy], unasked=unasked) as (asked, samples),
        descriptors_exhausted(),
    ):
        asked.pump()
    assert samples == []
    assert [each.seen for each in unasked] == ["nothing: not asked (no-sockets)"]


def test_a_silent_control_fails_after_its_retries_and_from_its_first_asking_on() -> None:
    with (
        full_listener() as port,
        asking([control("c", ControlKind.POSITIVE, f"127.0.0.1:{port}", ["127.0.0.0/8"])]) as (
            asked,
            samples,
        ),
    ):
        began = time.monotonic()
        asked.pump()
        first_asked_ms = (time.monotonic() - asked.began) * 1000
        assert asked.horizon() < time.monotonic()
        assert samples == []
        asked._wait(never)
        assert time.monotonic() - began >= 0.12
    assert [(each.as_expected, each.seen) for each in samples] == [
        (False, "filtered (no-response)")
    ]
    assert samples[0].at_ms <= first_asked_ms


def test_each_is_asked_again_and_again() -> None:
    with (
        own_controls([V4]) as (controls, listeners),
        asking(controls, listeners) as (
            asked,
            samples,
        ),
    ):
        deadline = time.monotonic() + 5
        while len(samples) < 10 and time.monotonic() < deadline:
            asked.pump()
            time.sleep(0.005)
    assert len(samples) >= 10
    assert {each.as_expected for each in samples} == {True}


def test_an_adopted_endpoint_need_only_answer() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with asking([]) as (asked, samples):
            asked.adopt(Endpoint(V4, Transport.TCP, bound.getsockname()[1]))
            asked.complete(never)
    assert [each.as_expected for each in samples] == [True]


def test_waiting_ends_when_the_run_is_stopped() -> None:
    with (
        full_listener() as port,
        asking([control("c", ControlKind.POSITIVE, f"127.0.0.1:{port}", ["127.0.0.0/8"])]) as (
            asked,
            samples,
        ),
    ):
        asked.complete(lambda: True)
    assert samples == []


@contextmanager
def descriptors_exhausted() -> Iterator[None]:
    """Let the next socket fail with EMFILE; what is open stays open."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextmanager
def full_listener() -> Iterator[int]:
    """A listener whose queue is full: further connects stay silent."""
    visitors = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        for _ in range(4):
            visitor = socket.socket()
            visitor.settimeout(0)
            visitor.connect_ex(server.getsockname())
            visitors.append(visitor)
        yield server.getsockname()[1]
        for visitor in visitors:
            visitor.close()


# ---------------------------------------------------------------- paths that lose packets


def test_hardly_anything_has_answered_so_a_positive_control_is_asked_ten_times() -> None:
    with full_listener() as port:
        where = f"127.0.0.1:{port}"
        with asking([control("c", ControlKind.POSITIVE, where, ["127.0.0.0/8"])]) as (
            asked,
            samples,
        ):
            began = time.monotonic()
            asked.complete(never)
            assert time.monotonic() - began >= 10 * 0.06
    assert [each.as_expected for each in samples] == [False]


@pytest.mark.parametrize("kind", ControlKind)
def test_a_positive_control_on_a_path_that_loses_half_is_asked_until_it_must_have_answered(
    kind: ControlKind,
) -> None:
    with full_listener() as port:
        lossy = control("c", kind, f"127.0.0.1:{port}", ["127.0.0.0/8"])
        with asking([lossy]) as (asked, _):
            for attempts in (1, 2, 1, 3, 1, 2, 1, 3) * 30:
                asked.loss.control_answered("some path", attempts)
            (point,) = asked.points
            usual = 1 + TIMING.max_retries
            most = asked._most_askings(point)
    assert most == usual if kind is ControlKind.NEGATIVE else 20 < most <= 31


def test_a_control_that_answers_late_is_a_witness_and_tells_of_the_loss() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        visitors = [socket.socket() for _ in range(4)]
        for visitor in visitors:
            visitor.settimeout(0)
            visitor.connect_ex(server.getsockname())
        where = f"127.0.0.1:{server.getsockname()[1]}"
        with asking([control("c", ControlKind.POSITIVE, where, ["127.0.0.0/8"])]) as (
            asked,
            samples,
        ):
            asked.pump()
            time.sleep(0.1)
            asked.pump()
            for visitor in visitors:
                visitor.close()
            server.accept()[0].close()
            asked.complete(never)
        assert [each.as_expected for each in samples[:1]] == [True]
        assert samples[0].at_ms >= 60, "it witnesses from the asking that was answered"
        assert asked.loss.lossy
