"""Ask UDP endpoints with the product's engine, and say what came of each, as a test may ask it.

(found,) = ask(endpoint(53, Transport.UDP), probes=[Dns()])
assert found.verdict == (PortState.OPEN, Reason.UDP_RESPONSE)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address, Endpoint
from portproof.model.observation import Service
from portproof.model.probe import Probe
from portproof.model.scan import Rates, Timing
from portproof.scan.classify import Verdict
from portproof.scan.conditions import Conditions
from portproof.scan.raw import RawRecord
from portproof.scan.rows import VERDICTS, codes_of
from portproof.scan.udp import UdpSweep
from portproof.scan.udp_replies import Asking, UdpAnswer

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FREE = Rates(global_pps=10**6, per_host_pps=10**6)


@dataclass(slots=True)
class Listed:
    """An order that is a list: host indices and ports."""

    hosts: NDArray[np.uint32]
    ports: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.ports)

    def block(self, start: int, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        return self.hosts[start : start + count], self.ports[start : start + count]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The outcome of one endpoint."""

    verdict: Verdict
    attempts: int
    rtt_us: int | None
    sent_ms: int
    answer: UdpAnswer | None

    @property
    def service(self) -> Service | None:
        return None if self.answer is None else self.answer.service

    @property
    def raw(self) -> RawRecord:
        return {} if self.answer is None else self.answer.raw


@dataclass(slots=True)
class Asked:
    """One sweep over listed endpoints, and what it gave."""

    complete: bool = True
    batches: list[OutcomeBatch] = field(default_factory=list)
    answers: dict[tuple[int, int], UdpAnswer] = field(default_factory=dict)
    retransmitted: int = 0

    def found(self) -> dict[tuple[int, int], Found]:
        """Each outcome, by host index and port; fails when an endpoint has two."""
        told: dict[tuple[int, int], Found] = {}
        for batch in self.batches:
            codes = codes_of(batch).tolist()
            for row, key in enumerate(zip(batch.host.tolist(), batch.port.tolist(), strict=True)):
                assert key not in told, f"two outcomes of {key}"
                rtt_us = int(batch.rtt_us[row])
                told[key] = Found(
                    verdict=VERDICTS[codes[row]],
                    attempts=int(batch.attempts[row]),
                    rtt_us=None if rtt_us == NO_RTT else rtt_us,
                    sent_ms=int(batch.sent_ms[row]),
                    answer=self.answers.get(key),
                )
        return told


def asked(
    hosts: Sequence[Address],
    order: Listed,
    *,
    probes_for: Callable[[int], Sequence[Probe]],
    timing: Timing,
    **changes: Any,
) -> Asked:
    """Run one sweep; every ICMP error is noted. `changes` are fields of its `Conditions`."""
    result = Asked()
    facts: dict[str, Any] = {
        "rates": FREE,
        "clock": time.monotonic,
        "began": time.monotonic(),
        "stop": lambda: False,
        "noted": frozenset(range(65_536)),
        **changes,
    }
    conditions = Conditions(timing=timing, **facts)
    asking = Asking(
        probes_for=probes_for,
        name_of=lambda _host: None,
        answered=lambda answer: result.answers.update(
            {(answer.host, answer.endpoint.port): answer}
        ),
        started=NOON,
    )
    sweep = UdpSweep(hosts, order, result.batches.append, conditions, asking)
    result.complete = sweep.run()
    result.retransmitted = sweep.retransmitted
    assert sweep.done == sum(map(len, result.batches))
    return result


def ask(
    *endpoints: Endpoint,
    probes: Sequence[Probe],
    timing: Timing,
    rates: Rates = FREE,
    starved_s: float = 5.0,
) -> list[Found]:
    """Ask these endpoints with these probes; outcomes in the order asked."""
    hosts = list(dict.fromkeys(each.address for each in endpoints))
    keys = [(hosts.index(each.address), each.port) for each in endpoints]
    order = Listed(
        np.array([host for host, _ in keys], dtype=np.uint32),
        np.array([port for _, port in keys], dtype=np.uint16),
    )
    found = asked(
        hosts,
        order,
        probes_for=lambda _port: probes,
        timing=timing,
        rates=rates,
        starved_s=starved_s,
    ).found()
    return [found[key] for key in keys]
