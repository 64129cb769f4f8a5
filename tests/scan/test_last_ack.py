"""A handshake's last acknowledgement goes with the first word, or never: seen by real servers."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

import pytest

from portproof.model.batch import STATES, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import PortState
from portproof.model.probe import Turn
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.connect import Conditions, ConnectSweep
from portproof.scan.conversations import Conversations
from portproof.scan.steps import Script
from servers.process import endpoint
from vantage import planned_hosts

KERNEL_WAITS_S = 0.2
"""TCP_DELACK_MAX: after so long the kernel acknowledges without data."""


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A listener with nobody behind it that accepts; the backlog shows whom it would find."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        yield listener


def has_a_connection(listener: socket.socket, *, within_s: float = 0.0) -> bool:
    return bool(select.select([listener], [], [], within_s)[0])


def says_hello() -> Script:
    yield Turn(b"hello")


def waits_for_a_greeting() -> Script:
    yield Turn(b"")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_server_that_is_only_asked_whether_it_is_open_has_nothing_to_accept(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    seen: list[OutcomeBatch] = []
    with socket.create_server((host, 0), family=family) as listener:
        hosts = planned_hosts([host], str(listener.getsockname()[1]))
        conditions = Conditions(
            timing=Timing(),
            rates=Rates(global_pps=1_000, per_host_pps=1_000),
            clock=time.monotonic,
            began=time.monotonic(),
            stop=lambda: False,
        )
        order = ProbeOrder(hosts, Transport.TCP, 1)
        ConnectSweep([each.address for each in hosts], order, seen.append, conditions).run()
        assert not has_a_connection(listener, within_s=2 * KERNEL_WAITS_S)
    assert [STATES[state] for batch in seen for state in batch.state] == [PortState.OPEN]


def test_a_server_that_is_asked_first_is_woken_with_the_question(server: socket.socket) -> None:
    conversations = Conversations(time.monotonic)
    try:
        conversations.open(
            endpoint(server.getsockname()[1]), lambda _: says_hello(), lambda _: None, timeout_s=5.0
        )
        assert not has_a_connection(server)
        conversations.attend(1.0)
        assert has_a_connection(server, within_s=5.0)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(16, socket.MSG_DONTWAIT) == b"hello"
    finally:
        conversations.close()


def test_a_server_that_greets_first_is_not_kept_waiting(server: socket.socket) -> None:
    conversations = Conversations(time.monotonic)
    try:
        conversations.open(
            endpoint(server.getsockname()[1]),
            lambda _: waits_for_a_greeting(),
            lambda _: None,
            timeout_s=5.0,
        )
        conversations.attend(1.0)
        assert has_a_connection(server, within_s=KERNEL_WAITS_S / 2)
    finally:
        conversations.close()
