"""The connect engine in several processes: as one engine, whatever becomes of a worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listeners import wildcard_listeners
from netns import Lab, filter_rules
from portproof.model.batch import FAULTS, NO_RTT, NONE, REASONS, STATES, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.portspec import parse_ports
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.classify import IcmpError
from portproof.scan.conditions import Conditions
from portproof.scan.limits import ephemeral_ports
from portproof.scan.rows import CODES, batch_of, joined
from portproof.scan.shard_ledger import Unreported
from portproof.scan.shard_wire import Frame, frames_in
from portproof.scan.shard_worker import part_of_rates
from portproof.scan.shards import ShardedConnectSweep, processes_for

UNBOUND = Rates(global_pps=10**6, per_host_pps=10**6)
SLOW = Rates(global_pps=500, per_host_pps=500)
VANTAGE = Path(__file__).parents[1] / "vantage.py"
ALONE = "127.77.4.1"
"""An address that only this file's servers listen at, but for those that listen at every address."""


class Sweep:
    """One sweep in two processes over one address, and what it emitted."""

    def __init__(
        self,
        ports: str,
        *,
        host: str = ALONE,
        seed: int = 1,
        rates: Rates = UNBOUND,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.batches: list[OutcomeBatch] = []
        self.refusals: list[tuple[int, int, IcmpError | None]] = []
        conditions = Conditions(
            timing=Timing(timeout_ms=300, min_timeout_ms=300, max_retries=0),
            rates=rates,
            clock=time.monotonic,
            began=time.monotonic(),
            stop=stop,
            noted=frozenset({20_000}),
            refused=lambda probe, error, icmp: self.refusals.append((probe, error, icmp)),
        )
        self.ports = parse_ports(ports).tcp
        order = ProbeOrder.of_runs([(1, self.ports)], seed)
        self.engine = ShardedConnectSweep(
            [IPv4Address(host)], order, self.batches.append, conditions, processes=2
        )
        self.finished = self.engine.run()

    def ports_by_word(self) -> dict[str, list[int]]:
        batch = joined(self.batches)
        words: dict[str, list[int]] = {}
        rows = (batch.port, batch.state, batch.reason, batch.fault)
        for port, state, reason, fault in zip(*(each.tolist() for each in rows), strict=True):
            word = f"{STATES[state]} {REASONS[reason]}" if fault == NONE else FAULTS[fault].value
            words.setdefault(word, []).append(port)
        return {word: sorted(ports) for word, ports in words.items()}


@contextmanager
def listening(host: str, count: int) -> Iterator[list[int]]:
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server((host, 0))) for _ in range(count)]
        yield sorted(server.getsockname()[1] for server in servers)


def children() -> set[int]:
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(each) for each in text.split()}


# ---------------------------------------------------------------- as one engine


def test_each_endpoint_comes_once_and_nothing_is_left_behind() -> None:
    before = sorted(Path("/proc/self/fd").iterdir()), children()
    with listening(ALONE, 3) as ports:
        sweep = Sweep(f"20000-24999,{','.join(map(str, ports))}")
    assert sweep.finished
    everywhere = wildcard_listeners() & set(sweep.ports)
    assert sweep.ports_by_word() == {
        "open syn-ack": sorted({*ports, *everywhere}),
        "closed reset": sorted(set(sweep.ports) - set(ports) - everywhere),
    }
    assert sweep.engine.done == len(sweep.ports)
    assert (sorted(Path("/proc/self/fd").iterdir()), children()) == before


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_the_ephemeral_range_two_processes_never_meet_each_other(seed: int) -> None:
    host, span = "127.77.2.1", ephemeral_ports()
    with listening(host, 5) as ports:
        words = Sweep(f"{span[0]}-{span[-1]}", host=host, seed=seed).ports_by_word()
    assert words["open syn-ack"] == sorted({*ports, *(wildcard_listeners() & set(span))})
    assert set(words) == {"open syn-ack", "closed reset"}


def test_both_processes_together_stay_within_the_rate() -> None:
    rates = Rates(global_pps=201, per_host_pps=201)
    sent_ms = joined(Sweep("20000-20300", rates=rates).batches).sent_ms.astype(int)
    # A millisecond less than the second: instants are rounded down to whole ones.
    assert max(((sent_ms >= at) & (sent_ms < at + 999)).sum() for at in sent_ms.tolist()) <= 201


def test_what_a_noted_port_met_is_told_by_whichever_worker_asked_it() -> None:
    assert Sweep("20000-20099").refusals == [(20_000, 111, None)]


def test_rejections_are_told_apart_from_resets_in_every_process() -> None:
    rules = filter_rules(
        "tcp dport 7000-7099 reject with icmpx port-unreachable",
        "tcp dport 7100-7199 reject with icmpx admin-prohibited",
    )
    with Lab() as lab:
        lab.nft(lab.server, rules)
        plan = {"hosts": [lab.server.ipv4], "tcp": "5000-24999", "processes": 2, "silent": True}
        told = lab.run(lab.client, [sys.executable, str(VANTAGE), json.dumps(plan)]).stdout
    found = json.loads(told.splitlines()[-1])["hosts"][f"{lab.server.ipv4}/tcp"]
    assert found["port-unreach"] == "7000-7099"
    assert found["admin-prohibited"] == "7100-7199"
    assert found["reset"] == "5000-6999,7200-24999"


@given(
    st.builds(
        Rates,
        global_pps=st.integers(9, 10**6),
        per_host_pps=st.integers(9, 10**6),
        max_connections=st.integers(9, 10**4),
        per_host_connections=st.integers(9, 10**4),
        per_subnet_pps=st.none() | st.integers(9, 10**6),
        max_flows=st.none() | st.integers(9, 10**6),
    ),
    st.integers(1, 9),
)
def test_the_parts_of_the_limits_are_the_limits(rates: Rates, workers: int) -> None:
    parts = [part_of_rates(rates, worker, workers) for worker in range(workers)]
    for name in Rates.__slots__:
        whole, each = getattr(rates, name), [getattr(part, name) for part in parts]
        assert each == [None] * workers if whole is None else sum(each) == whole
        assert whole is None or min(each) >= 1


def test_a_second_process_is_for_what_one_would_take_long_over() -> None:
    assert processes_for(1_000, UNBOUND) == 1
    assert processes_for(10**6, SLOW) == 1
    assert processes_for(10**6, UNBOUND) == min(2, len(os.sched_getaffinity(0)))


def test_limits_too_small_to_divide_leave_one_process() -> None:
    sweep = Sweep("20000-20004", rates=replace(UNBOUND, per_host_connections=1))
    assert sweep.ports_by_word() == {"closed reset": [20000, 20001, 20002, 20003, 20004]}


# ---------------------------------------------------------------- stops and deaths


def test_a_stop_ends_all_processes_and_keeps_what_was_measured() -> None:
    began: list[float] = []
    before = children()

    def stop() -> bool:
        began.append(time.monotonic())
        return len(began) > 5

    sweep = Sweep("1000-60000", rates=SLOW, stop=stop)
    # Within a second, and some more for a machine that has other tests to run.
    assert time.monotonic() - began[-1] < 5
    assert not sweep.finished
    assert 0 < sweep.engine.done < 1_000
    assert (
        sweep.engine.done
        == len(joined(sweep.batches))
        == len([port for ports in sweep.ports_by_word().values() for port in ports])
    )
    assert children() == before


def test_a_worker_that_dies_leaves_unmeasured_and_the_other_goes_on() -> None:
    looks, before = 0, children()

    def kill_one() -> bool:
        nonlocal looks
        looks += 1
        if looks == 5:
            os.kill(min(children() - before), signal.SIGKILL)
        return False

    sweep = Sweep("20000-20999", rates=SLOW, stop=kill_one)
    words = sweep.ports_by_word()
    assert sweep.finished
    assert set(words) == {"closed reset", "lost-worker"}
    assert 0 < len(words["lost-worker"]) < 500  # it had half of them, and had told of some
    assert sorted(words["closed reset"] + words["lost-worker"]) == sorted(sweep.ports)
    assert sweep.engine.done == 1_000
    assert children() == before


ORPHANED = """
import sys, time
from test_shards import SLOW, Sweep, children
def stop():
    if len(children()) == 2:
        print(*children(), flush=True)
    return False
Sweep("1000-60000", rates=SLOW, stop=stop)
"""


def test_workers_do_not_outlive_their_parent() -> None:
    folders = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANED],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": folders},
    ) as parent:
        assert parent.stdout is not None
        workers = [int(each) for each in parent.stdout.readline().split()]
        parent.kill()
        deadline = time.monotonic() + 20
        while any(is_running(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert len(workers) == 2


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # nobody here is its parent


# ---------------------------------------------------------------- frames and the ledger


icmp_errors = st.builds(
    IcmpError,
    version=st.sampled_from([4, 6]),
    icmp_type=st.integers(0, 255),
    code=st.integers(0, 255),
    offender=st.none() | st.ip_addresses(),
    local=st.booleans(),
    errno=st.integers(0, 133),
)
refusals = st.lists(
    st.tuples(st.integers(0, 2**48), st.integers(0, 133), st.none() | icmp_errors), max_size=5
)
rows = st.lists(
    st.tuples(
        st.integers(0, 2**40 - 1),
        st.sampled_from([CODES[PortState.OPEN, Reason.HANDSHAKE], CODES[LocalFault.NO_ROUTE]]),
        st.just(NO_RTT) | st.integers(0, 2**31 - 1),
        st.integers(0, 255),
        st.floats(0, 4_000),
    ),
    max_size=20,
)


@given(st.lists(st.tuples(rows, refusals, st.booleans()), max_size=4), st.integers(1, 99))
def test_frames_survive_the_pipe_in_whatever_pieces(
    told: list[tuple[list[tuple[int, int, int, int, float]], list[object], bool]], size: int
) -> None:
    sent = [
        Frame(
            batch=batch_of(rows, Transport.TCP, began=0.0),
            refusals=tuple(refused),  # type: ignore[arg-type]
            retransmitted=7,
            last=last,
        )
        for rows, refused, last in told
    ]
    stream, received, heard = b"".join(each.packed() for each in sent), bytearray(), []
    for begin in range(0, len(stream), size):
        received += stream[begin : begin + size]
        heard += list(frames_in(received))
    assert not received
    assert [each.packed() for each in heard] == [each.packed() for each in sent]
    assert [each.refusals for each in heard] == [each.refusals for each in sent]


@given(st.integers(1, 300), st.integers(0, 2**32), st.data())
def test_the_ledger_owes_exactly_what_was_not_reported(
    size: int, seed: int, data: st.DataObject
) -> None:
    order = ProbeOrder.of_runs([(2, parse_ports(f"1-{size}").tcp)], seed)
    hosts, ports = order.block(0, len(order))
    reported = np.array(data.draw(st.lists(st.booleans(), min_size=2 * size, max_size=2 * size)))
    codes = [CODES[PortState.CLOSED, Reason.RESET]] * len(order)
    keys = (hosts.astype(np.int64) << 16 | ports).tolist()
    batch = batch_of(
        [(key, code, 1, 1, 0.0) for key, code in zip(keys, codes, strict=True)],
        Transport.TCP,
        began=0.0,
    )
    ledger = Unreported(order)
    ledger.took(batch.where(reported))
    owed = Counter(key for block in ledger.rest() for key in block.tolist())
    assert owed == Counter(
        key for key, told in zip(keys, reported.tolist(), strict=True) if not told
    )


def test_the_ledger_keeps_what_is_under_way_and_no_more() -> None:
    order = ProbeOrder.of_runs([(256, parse_ports("1-4096").tcp)], 1)
    ledger = Unreported(order)
    code = CODES[PortState.CLOSED, Reason.RESET]
    for begin in range(0, len(order), 16_384):
        hosts, ports = order.block(begin, 16_384)
        probes = (hosts.astype(np.int64) << 16 | ports).tolist()
        # One of each block is late, for ever.
        told = [(probe, code, 1, 1, 0.0) for probe in probes[1:]]
        ledger.took(batch_of(told, Transport.TCP, began=0.0))
    kept = len(ledger._missing) + sum(len(each) for each in ledger._early)
    assert kept < 80_000
    assert sum(len(block) for block in ledger.rest()) == len(order) // 16_384
