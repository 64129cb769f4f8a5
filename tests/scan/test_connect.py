"""The connect engine on this machine's own addresses: real sockets, every state they can show."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from listeners import wildcard_listeners
from netns import Lab
from portproof.model.batch import FAULTS, NO_RTT, NONE, REASONS, STATES, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import PortState
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.connect import Conditions, ConnectSweep
from portproof.scan.limits import ephemeral_ports
from portproof.scan.rows import joined
from vantage import planned_hosts

UNBOUND = Rates(global_pps=10**6, per_host_pps=10**6)
LARGE_PLAN = Path(__file__).parents[1] / "bench" / "large_plan.py"
HURRIED = Timing(timeout_ms=100, min_timeout_ms=100, max_retries=1)


class Sweep:
    """One sweep and what it emitted."""

    def __init__(
        self,
        addresses: Sequence[str],
        ports: str,
        *,
        seed: int = 1,
        rates: Rates = UNBOUND,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.batches: list[OutcomeBatch] = []
        hosts = planned_hosts(list(addresses), ports)
        began = time.monotonic()
        conditions = Conditions(
            timing=HURRIED, rates=rates, clock=time.monotonic, began=began, stop=stop
        )
        order = ProbeOrder(hosts, Transport.TCP, seed)
        self.engine = ConnectSweep(
            [host.address for host in hosts], order, self.batches.append, conditions
        )
        self.finished = self.engine.run()
        self.seconds = time.monotonic() - began

    def words(self) -> dict[tuple[int, int], str]:
        """Host index and port, and what was said of it."""
        batch = joined(self.batches)
        rows = zip(*(column.tolist() for column in columns(batch)), strict=True)
        return {
            (host, port): f"{STATES[state]} {REASONS[reason]}" if fault == NONE else FAULTS[fault]
            for host, port, state, reason, fault in rows
        }

    def open(self) -> list[tuple[int, int]]:
        return sorted(endpoint for endpoint, word in self.words().items() if word == "open syn-ack")


def columns(batch: OutcomeBatch) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    return (batch.host, batch.port, batch.state, batch.reason, batch.fault)


@contextmanager
def listening(host: str, *, count: int = 1, backlog: int = 64) -> Iterator[list[int]]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server((host, 0), family=family, backlog=backlog))
            for _ in range(count)
        ]
        yield [server.getsockname()[1] for server in servers]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_open_is_a_handshake_and_closed_a_reset(host: str) -> None:
    with (
        listening(host) as (port,),
        socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as bound,
    ):
        bound.bind((host, 0))
        closed = bound.getsockname()[1]
        words = Sweep([host], f"{port},{closed}").words()
    assert words == {(0, port): "open syn-ack", (0, closed): "closed reset"}


def test_times_are_in_microseconds_and_attempts_are_counted() -> None:
    with listening("127.0.0.1") as (port,):
        batch = joined(Sweep(["127.0.0.1"], str(port)).batches)
    assert 0 < batch.rtt_us[0] < 1_000_000
    assert batch.attempts.tolist() == [1]


def test_a_listener_that_takes_nobody_in_is_silent_and_asked_again() -> None:
    # A full accept queue: the kernel drops further SYNs, like a filter does.
    with listening("127.0.0.1", backlog=0) as (port,), ExitStack() as stack:
        for _ in range(4):
            visitor = stack.enter_context(socket.socket())
            visitor.settimeout(0)
            visitor.connect_ex(("127.0.0.1", port))
        sweep = Sweep(["127.0.0.1"], str(port))
        batch = joined(sweep.batches)
    assert sweep.words() == {(0, port): "filtered no-response"}
    assert batch.attempts.tolist() == [2]
    assert batch.rtt_us.tolist() == [NO_RTT]
    assert sweep.engine.retransmitted == 1


def test_each_endpoint_comes_once_whatever_the_limits() -> None:
    narrow = Rates(
        global_pps=50_000, per_host_pps=20_000, max_connections=3, per_host_connections=1
    )
    sweep = Sweep(["127.0.0.1", "127.0.0.2", "::1"], "20000-20299", rates=narrow)
    batch = joined(sweep.batches)
    assert len(batch) == len(sweep.words()) == 900 == sweep.engine.done


def test_the_rate_holds_on_the_wire() -> None:
    sweep = Sweep(["127.0.0.1"], "20000-20149", rates=Rates(global_pps=100, per_host_pps=100))
    sent_ms = joined(sweep.batches).sent_ms.astype(int)
    # A millisecond less than the second: instants are rounded down to whole ones.
    assert max(((sent_ms >= at) & (sent_ms < at + 999)).sum() for at in sent_ms.tolist()) <= 100


def test_a_stop_ends_the_sweep_and_keeps_what_was_measured() -> None:
    asked = iter([False, True])
    sweep = Sweep(
        ["127.0.0.1"],
        "1000-60000",
        rates=Rates(global_pps=500, per_host_pps=500),
        stop=lambda: next(asked),
    )
    assert not sweep.finished
    assert 0 < len(sweep.words()) < 1_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_the_ephemeral_range_nothing_is_open_but_what_listens(seed: int) -> None:
    # An address that nobody else on this machine listens at: its whole range is known.
    host, span = "127.77.0.1", ephemeral_ports()
    with listening(host, count=5) as ports:
        found = Sweep([host], f"{span[0]}-{span[-1]}", seed=seed).open()
    assert [port for _, port in found] == sorted(
        {*ports, *(port for port in wildcard_listeners() if port in span)}
    )


# ---------------------------------------------------------------- our own limits

SWEEP_WITHOUT_DESCRIPTORS = """
import json, resource, socket, sys, time
import portproof.scan.connect as connect
from portproof.model.batch import FAULTS, NONE
from portproof.model.endpoint import Transport
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.rows import joined
from vantage import planned_hosts

# All descriptors but two are taken, and given back (or not) after a while.
port, give_back = int(sys.argv[1]), sys.argv[2] == "give-back"
hosts = planned_hosts(["127.77.5.1"], f"{port},20000-20199")
batches, began = [], time.monotonic()
def stop():
    if give_back and time.monotonic() > began + 0.2:
        while hoard:
            hoard.pop().close()
    return False
rates = Rates(global_pps=10**6, per_host_pps=10**6)
sweep = connect.ConnectSweep(
    [hosts[0].address], ProbeOrder(hosts, Transport.TCP, 1), batches.append,
    connect.Conditions(timing=Timing(), rates=rates, clock=time.monotonic, began=began, stop=stop,
                       starved_s=0.4))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
hoard = []
try:
    while True:
        hoard.append(socket.socket())
except OSError:
    pass
sweep.run()
batch = joined(batches)
open_ports = batch.port[batch.state == 0].tolist()
faults = sorted({FAULTS[each].value for each in batch.fault.tolist() if each != NONE})
print(json.dumps([len(batch), open_ports, faults]))
"""


def without_descriptors(port: int, mode: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", SWEEP_WITHOUT_DESCRIPTORS, str(port), mode],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin"},
    )
    answer: list[object] = json.loads(done.stdout)
    return answer


def test_descriptors_that_run_out_are_waited_for() -> None:
    with listening("127.77.5.1") as (port,):
        assert without_descriptors(port, "give-back") == [201, [port], []]


def test_descriptors_that_never_come_back_leave_unmeasured_and_no_state() -> None:
    with listening("127.77.5.1") as (port,):
        assert without_descriptors(port, "keep") == [201, [], ["no-sockets"]]


# ---------------------------------------------------------------- memory

SWEEP_OF_A_MILLION = """
import resource, time
from portproof.model.endpoint import Transport
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.connect import Conditions, ConnectSweep
from vantage import planned_hosts

hosts = planned_hosts([f"127.77.1.{index}" for index in range(1, 17)], "-")
rows = 0
def emit(batch):
    global rows
    rows += len(batch)
began = time.monotonic()
rates = Rates(global_pps=10**7, per_host_pps=10**7)
sweep = ConnectSweep([host.address for host in hosts], ProbeOrder(hosts, Transport.TCP, 1), emit,
    Conditions(timing=Timing(), rates=rates, clock=time.monotonic, began=began, stop=lambda: False))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sweep.run()
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_number_of_probes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWEEP_OF_A_MILLION],
        capture_output=True,
        text=True,
        check=True,
        timeout=170,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin"},
    )
    rows, grown_kib = (int(word) for word in done.stdout.split())
    assert rows == 16 * 65_535
    assert grown_kib < 32 * 1024


def test_memory_does_not_grow_with_the_number_of_hosts() -> None:
    # Sixteen million addresses that exist only as numbers, a hundred ports each.
    with Lab() as lab:
        lab.run(lab.client, ["ip", "link", "delete", "cable"])  # its network is part of the /8
        lab.run(lab.client, ["ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo"])
        told = lab.run(lab.client, [sys.executable, str(LARGE_PLAN), "2", "2"]).stdout
    grown = json.loads(told)
    assert grown["rows"] > 1_000
    assert grown["wrong"] == 0
    assert len(grown["grown_mib"]) == 3
    assert max(grown["grown_mib"]) < 32


def test_a_state_is_never_made_of_two_things() -> None:
    batch = joined(Sweep(["127.0.0.1"], "20000-20050").batches)
    assert {STATES[state] for state in batch.state.tolist()} <= set(PortState)
    assert set(batch.fault.tolist()) == {NONE}
