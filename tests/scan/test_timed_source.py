"""--host-timeout: what is left of a host is not measured, and the other hosts go on."""

from __future__ import annotations

import time
from collections import Counter
from ipaddress import ip_address

import numpy as np
import pytest

from portproof.model.batch import OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost, Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.probes.dns import Dns
from portproof.scan.conditions import Conditions
from portproof.scan.connect import ConnectSweep
from portproof.scan.host_time import HostTime
from portproof.scan.rows import VERDICTS, codes_of, joined
from portproof.scan.source import ProbeSource
from portproof.scan.syn import SynSweep
from portproof.scan.timed_source import TimedSource, source_of
from udp_asking import Listed
from udp_asking import asked as asked_over_udp

TIMEOUT_S = 10.0


def order(*ports: int) -> ProbeOrder:
    """Hosts of which each is asked as many ports as given."""
    hosts = tuple(
        PlannedHost(
            address=ip_address(f"127.0.0.{number}"),
            target="",
            tcp=PortSet.from_ranges([(1, count)]),
            udp=PortSet.empty(),
        )
        for number, count in enumerate(ports, 1)
    )
    return ProbeOrder(hosts, Transport.TCP, 1)


class Ended:
    def __init__(self) -> None:
        self.faults: Counter[int] = Counter()

    def __call__(self, probe: int, code: int, attempts: int, sent: float) -> None:
        assert VERDICTS[code] is LocalFault.HOST_TIMEOUT
        self.faults[probe >> 16] += 1


def test_without_a_time_out_nothing_keeps_time() -> None:
    conditions = Conditions(
        timing=Timing(), rates=Rates(), clock=time.monotonic, began=0.0, stop=lambda: False
    )
    assert type(source_of(order(5), 1, conditions, None, Ended())) is ProbeSource


def test_the_time_of_a_host_begins_with_its_first_probe() -> None:
    ended = Ended()
    source = TimedSource(order(300), 1, Rates(), None, HostTime(int(TIMEOUT_S * 1000)), ended)
    assert len(source.take(1_000.0, 100)) == 100
    assert len(source.take(1_000.0 + TIMEOUT_S - 0.001, 100)) == 100
    assert source.take(1_000.0 + TIMEOUT_S, 100) == []
    assert ended.faults == {0: 100}
    assert not source


def test_what_is_given_up_costs_none_of_the_rate() -> None:
    ended = Ended()
    slow = Rates(global_pps=50, per_host_pps=50)
    source = TimedSource(order(5_000), 1, slow, None, HostTime(int(TIMEOUT_S * 1000)), ended)
    source.take(0.0, 1)
    now, looks = TIMEOUT_S, 0
    while source:
        assert source.take(now, 256) == []
        looks += 1
        now += 0.1
    assert ended.faults == {0: 4_999}
    # At 50 a second, without sending them, it would have been a thousand looks.
    assert looks < 200


def test_a_silent_port_whose_repetition_comes_too_late_is_not_measured() -> None:
    ended = Ended()
    source = TimedSource(order(1), 1, Rates(), None, HostTime(int(TIMEOUT_S * 1000)), ended)
    ((probe, attempts),) = source.take(0.0, 1)
    source.again(probe, attempts + 1)
    assert source.take(TIMEOUT_S, 1) == []
    assert ended.faults == {0: 1}


@pytest.mark.parametrize("engine", [ConnectSweep, SynSweep])
def test_a_sweep_ends_with_all_endpoints_accounted_for(
    engine: type[ConnectSweep | SynSweep],
) -> None:
    batches: list[OutcomeBatch] = []
    asked = order(2_000, 2_000)
    conditions = Conditions(
        timing=Timing(host_timeout_ms=300),
        rates=Rates(global_pps=1_000, per_host_pps=1_000),
        clock=time.monotonic,
        began=time.monotonic(),
        stop=lambda: False,
    )
    addresses = [ip_address("127.0.0.1"), ip_address("127.0.0.2")]
    assert engine(addresses, asked, batches.append, conditions).run()
    verdicts = Counter(VERDICTS[code] for code in codes_of(joined(batches)).tolist())
    assert sum(verdicts.values()) == 4_000
    assert 0 < verdicts[LocalFault.HOST_TIMEOUT] < 4_000
    assert {str(each) for each in verdicts if isinstance(each, LocalFault)} == {"host-timeout"}


def test_datagrams_keep_the_time_too_and_silence_that_was_cut_short_is_no_state() -> None:
    ports = np.arange(2_000, 2_600, dtype=np.uint16)
    swept = asked_over_udp(
        [ip_address("127.0.0.1")],
        Listed(np.zeros(len(ports), dtype=np.uint32), ports),
        probes_for=lambda _port: (Dns(),),
        timing=Timing(host_timeout_ms=300, udp_timeout_ms=200),
        rates=Rates(global_pps=1_000, per_host_pps=1_000),
    )
    verdicts = Counter(each.verdict for each in swept.found().values())
    assert sum(verdicts.values()) == len(ports)
    assert 0 < verdicts[LocalFault.HOST_TIMEOUT] < len(ports)
    assert {str(each) for each in verdicts if isinstance(each, LocalFault)} == {"host-timeout"}
