"""Which probes leave next: limits kept, nothing lost, nothing twice."""

from __future__ import annotations

from collections import Counter
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.endpoint import Transport
from portproof.model.scan import Rates
from portproof.plan.order import ProbeOrder
from portproof.scan.source import ProbeSource
from vantage import planned_hosts

UNBOUND = Rates(global_pps=10**6, per_host_pps=10**6)


def source(hosts: int, ports: str, rates: Rates) -> ProbeSource:
    planned = planned_hosts([f"10.0.0.{index}" for index in range(hosts)], ports)
    return ProbeSource(ProbeOrder(planned, Transport.TCP, 1), hosts, rates)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 5),
    st.builds(
        Rates,
        global_pps=st.integers(50, 5_000),
        per_host_pps=st.integers(20, 5_000),
        max_connections=st.integers(1, 500),
        per_host_connections=st.integers(1, 100),
    ),
)
def test_every_endpoint_leaves_once_within_all_limits(hosts: int, rates: Rates) -> None:
    pending = source(hosts, "1-60", rates)
    left: list[tuple[float, int]] = []
    for hundredth in count():
        if not pending:
            break
        now = hundredth / 100  # not summed up: dust would move instants over a second's end
        taken = pending.take(now, 64)
        under_way = Counter(probe >> 16 for probe, _ in taken)
        if pending.counts_hosts:
            assert max(under_way.values(), default=0) <= rates.per_host_connections
        left += [(now, probe) for probe, _ in taken]
        for probe, _ in taken:
            pending.finished(probe >> 16)
    assert len({probe for _, probe in left}) == len(left) == hosts * 60
    for host in range(hosts):
        at = [when for when, probe in left if probe >> 16 == host]
        assert max(Counter(int(when) for when in at).values()) <= rates.per_host_pps
    assert max(Counter(int(when) for when, _ in left).values()) <= rates.global_pps


def test_a_host_at_its_limit_does_not_hold_the_others_up() -> None:
    pending = source(
        2, "1-100", Rates(global_pps=10**6, per_host_connections=10, max_connections=100)
    )
    first = pending.take(0.0, 64)
    assert Counter(probe >> 16 for probe, _ in first) == {0: 10, 1: 10}
    for probe, _ in first:
        if probe >> 16 == 1:
            pending.finished(1)
    assert {probe >> 16 for probe, _ in pending.take(0.0, 64)} == {1}


def test_what_has_to_be_sent_again_comes_before_what_is_new() -> None:
    pending = source(1, "1-100", UNBOUND)
    probe, sent = pending.take(0.0, 1)[0]
    pending.again(probe, sent + 1)
    assert pending.take(0.0, 1) == [(probe, 1)]


def test_what_could_not_be_sent_is_not_lost_and_not_charged() -> None:
    pending = source(1, "1-10", Rates(global_pps=1, per_host_pps=1))
    taken = pending.take(0.0, 5)
    assert len(taken) == 1
    pending.put_back(taken)
    assert pending.take(0.0, 5) == taken


def test_memory_does_not_grow_with_what_is_set_aside() -> None:
    pending = source(250, "1-1000", Rates(global_pps=10**6, per_host_connections=1))
    for _ in range(200):
        pending.take(0.0, 4_096)
    assert len(pending._aside) < 40_000
