"""One run on this machine, from authorisation to record."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from portproof.contracts import Clock
from portproof.errors import AuthorisationError
from portproof.evidence.canonical import digest
from portproof.model.authorisation import Authorisation, Exclusion
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.ports import PortSet
from portproof.model.scan import ControlKind, PlannedHost, Rates, RunRecord, RunStatus, Timing
from portproof.scan.clock import SystemClock
from portproof.scan.executor import Executor
from vantage import Heard, authorisation, control, plan_for, planned_hosts

QUICK = Timing(timeout_ms=100, min_timeout_ms=50, max_retries=1, control_interval_ms=50)
HELD = authorisation(["127.0.0.0/8", "::1/128"])


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

SWEPT = "127.77.2.1"
"""Where whole port ranges are swept: no test that counts its visitors serves there."""
COUNTED = "127.0.0.77"
"""Where visitors are counted: no test sweeps it."""


def never() -> bool:
    return False


def carried_out(  # noqa: PLR0913 - keyword-only, and each has a default
    hosts: tuple[PlannedHost, ...],
    *,
    held: Authorisation = HELD,
    heard: Heard | None = None,
    stop: Callable[[], bool] = never,
    wanted: Callable[[PlannedHost, Transport], PortSet] = lambda _host, _transport: PortSet.empty(),
    silent_ports: PortSet = PortSet.all_ports(),  # noqa: B008 - a constant of the model
    clock: Clock = SystemClock(),  # noqa: B008 - it holds nothing
) -> RunRecord:
    executor = Executor(held, clock=clock, wanted=wanted)
    with executor.own_controls([host.address for host in hosts]) as own:
        plan = plan_for(
            held,
            hosts,
            controls=(*own, *held.controls),
            timing=QUICK,
            silent_ports=silent_ports,
        )
        return executor.run(plan, heard or Heard(), stop)


def test_a_run_finds_what_listens_and_attributes_what_is_its_own() -> None:
    heard = Heard()
    with socket.create_server((SWEPT, 0)) as server:
        port = server.getsockname()[1]
        record = carried_out(planned_hosts([SWEPT], "-"), heard=heard)
    (own,) = record.own_listeners
    (outcome,) = record.hosts
    assert {port, own.port} <= set(outcome.states[PortState.OPEN])
    assert (record.status, record.status_reason) == (RunStatus.COMPLETE, "")
    (coverage,) = record.coverage
    assert (coverage.planned, coverage.measured, coverage.missing) == (65_535, 65_535, 0)
    assert heard.rows == 65_535
    assert len(heard.samples) == len(record.samples) >= 4
    assert "tcp" in heard.phases


def test_both_families_are_scanned_in_one_run() -> None:
    record = carried_out(planned_hosts(["127.0.0.1", "::1"], "1-50"))
    assert [str(each.host.address) for each in record.hosts] == ["127.0.0.1", "::1"]
    assert {str(each.network) for each in record.witnesses} == {"127.0.0.1/32", "::1/128"}


def test_what_the_listener_heard_is_what_the_record_says() -> None:
    heard = Heard()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        record = carried_out(planned_hosts(["127.0.0.1"], str(port)), heard=heard)
    ((observation, raw),) = heard.observations
    assert record.hosts[0].observations == (observation,)
    assert raw is not None
    assert observation.evidence == digest(raw)
    assert raw["state"] == "open"


def test_the_raw_record_of_a_reset_holds_its_errno_and_no_icmp() -> None:
    heard = Heard()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        carried_out(
            planned_hosts(["127.0.0.1"], f"{port},9"),
            heard=heard,
            wanted=lambda _host, _transport: PortSet.of(port),
        )
    ((_, raw),) = heard.observations
    assert raw is not None
    assert raw["errno"] == "ECONNREFUSED"
    assert not [word for word in raw if word.startswith("icmp")]


def test_a_refused_datagram_leaves_the_icmp_error_in_the_raw_record_where_asked_about() -> None:
    heard = Heard()
    carried_out(
        planned_hosts([COUNTED], "", "123,53"),
        heard=heard,
        wanted=lambda _host, _transport: PortSet.of(123),
        silent_ports=PortSet.empty(),
    )
    ((_, raw),) = heard.observations
    assert raw is not None
    assert {
        word: raw[word] for word in ("icmp_version", "icmp_type", "icmp_code", "icmp_from")
    } == {
        "icmp_version": 4,
        "icmp_type": 3,
        "icmp_code": 3,
        "icmp_from": COUNTED,
    }


def test_each_instant_of_a_raw_record_is_in_microseconds_and_ends_in_z() -> None:
    heard = Heard()
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hosts = planned_hosts(["127.0.0.1"], str(server.server_port), "123")
        carried_out(
            hosts,
            heard=heard,
            wanted=lambda _host, _transport: PortSet.all_ports(),
            silent_ports=PortSet.empty(),
        )
        server.shutdown()
        thread.join()
    instants = [raw[word] for _, raw in heard.observations if raw for word in ("sent_at", "at")]
    assert len(instants) == 4
    assert [each for each in instants if not INSTANT.fullmatch(str(each))] == []


def test_open_ports_stand_where_a_negative_control_could_not_be_asked_but_conclude_nothing() -> (
    None
):
    # connect(2) to a broadcast address says ENETUNREACH itself.
    decoy = control("decoy", ControlKind.NEGATIVE, "127.255.255.255:9", ["127.0.0.0/8"])
    held = authorisation(["127.0.0.0/8"], controls=(decoy,))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        record = carried_out(planned_hosts(["127.0.0.1"], str(port)), held=held)
    assert record.hosts[0].state_of(port) is PortState.OPEN
    assert record.status is RunStatus.INCONCLUSIVE
    assert "negative control decoy could not be asked" in record.status_reason
    assert "failed" not in record.status_reason


def test_a_required_port_keeps_its_observation_though_closed() -> None:
    with socket.socket() as bound:
        bound.bind((SWEPT, 0))
        port = bound.getsockname()[1]
        record = carried_out(
            planned_hosts([SWEPT], "1-65535"), wanted=lambda _host, _: PortSet.of(port)
        )
    observation = record.hosts[0].observation(port)
    assert observation is not None
    assert observation.state is PortState.CLOSED
    assert record.hosts[0].observation(port + 1) is None or port + 1 in record.hosts[0].states.get(
        PortState.OPEN, PortSet.empty()
    )


def test_an_open_port_is_asked_what_it_is() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hosts = planned_hosts(["127.0.0.1"], str(server.server_port))
        record = carried_out(hosts, silent_ports=PortSet.empty())
        server.shutdown()
        thread.join()
    (observation,) = record.hosts[0].observations
    assert observation.service is not None
    assert observation.service.name == "http"
    assert observation.asked


@pytest.mark.parametrize("fragile", [True, False])
def test_a_fragile_port_is_only_asked_whether_it_is_open(fragile: bool) -> None:  # noqa: FBT001
    with socket.create_server((COUNTED, 0)) as server:
        port = server.getsockname()[1]
        silent = PortSet.of(port) if fragile else PortSet.empty()
        record = carried_out(planned_hosts([COUNTED], str(port)), silent_ports=silent)
        accepted, _, _ = select.select([server], [], [], 0)
    assert port in record.hosts[0].states[PortState.OPEN]
    # The others are asked what they are, by connections that carry words.
    assert bool(accepted) is not fragile


def test_a_fragile_port_and_a_run_cut_short_leave_it_unasked_what_a_port_is() -> None:
    heard = Heard()

    def before_the_services() -> bool:
        return heard.rows > 0

    with socket.create_server((SWEPT, 0)) as server:
        hosts = planned_hosts([SWEPT], str(server.getsockname()[1]))
        fragile = carried_out(hosts)
        stopped = carried_out(
            hosts, heard=heard, stop=before_the_services, silent_ports=PortSet.empty()
        )
    asked = [
        [(each.state, each.service, each.asked) for each in run.hosts[0].observations]
        for run in (fragile, stopped)
    ]
    assert stopped.status is RunStatus.INTERRUPTED
    assert asked == [[(PortState.OPEN, None, False)]] * 2


def test_udp_ports_without_a_probe_are_not_probed() -> None:
    record = carried_out(planned_hosts(["127.0.0.1"], "", "9"))
    (outcome,) = record.hosts
    assert outcome.state_of(9) is LocalFault.NOT_PROBED


def test_a_stopped_run_says_so_and_keeps_what_was_measured() -> None:
    slow = authorisation(["127.0.0.0/8"], rates=Rates(global_pps=200, per_host_pps=200))
    asked = iter([False] * 12)
    record = carried_out(planned_hosts([SWEPT], "-"), held=slow, stop=lambda: next(asked, True))
    assert record.status is RunStatus.INTERRUPTED
    (coverage,) = record.coverage
    assert coverage.measured > 0
    assert coverage.measured + coverage.unmeasured[LocalFault.INTERRUPTED] == 65_535
    assert coverage.missing == 0


def test_a_run_ends_with_its_authorisation() -> None:
    class LateOnceProbing(SystemClock):
        """A day later as soon as the first outcomes are known."""

        def now(self) -> datetime:
            return super().now() + timedelta(days=1 if heard.rows else 0)

    heard = Heard()
    held = authorisation(
        ["127.0.0.0/8"],
        valid_until=datetime.now(UTC) + timedelta(hours=12),
        rates=Rates(global_pps=200, per_host_pps=200),
    )
    record = carried_out(
        planned_hosts([SWEPT], "-"), held=held, heard=heard, clock=LateOnceProbing()
    )
    assert record.status is RunStatus.INTERRUPTED
    assert 0 < heard.rows < 65_535
    assert "authorisation test ended" in record.status_reason


def test_a_failed_control_makes_the_run_inconclusive() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{bound.getsockname()[1]}"
        dead = control("dead", ControlKind.POSITIVE, where, ["127.0.0.0/8"])
        held = authorisation(["127.0.0.0/8"], controls=(dead,))
        record = carried_out(planned_hosts(["127.0.0.1"], "1-5"), held=held)
    assert record.status is RunStatus.INCONCLUSIVE
    assert "control dead failed" in record.status_reason


# ---------------------------------------------------------------- refusals


def refused(held: Authorisation | None, hosts: tuple[PlannedHost, ...] | None = None) -> str:
    """Try a run planned under HELD at a vantage that holds `held`; nothing may be heard."""
    heard = Heard()
    plan = plan_for(HELD, hosts or planned_hosts(["127.0.0.1"], "1-5"))
    with pytest.raises(AuthorisationError) as refusal:
        Executor(held, clock=SystemClock()).run(plan, heard, never)
    assert (heard.rows, heard.samples) == (0, [])
    return refusal.value.code


def test_nothing_is_sent_without_an_authorisation_in_force() -> None:
    past, future = (datetime.now(UTC) + timedelta(hours=each) for each in (-1, 1))
    assert refused(None) == "missing"
    assert refused(replace(HELD, valid_until=past)) == "expired"
    assert refused(replace(HELD, valid_from=future)) == "not-yet-valid"


def test_nothing_is_sent_under_another_authorisation_than_the_plans() -> None:
    assert refused(replace(HELD, digest="e" * 64)) == "missing"


def test_nothing_is_sent_when_one_host_lies_outside() -> None:
    assert refused(HELD, planned_hosts(["127.0.0.1", "192.0.2.1"], "1-5")) == "outside"
    (network,) = (each for each in HELD.networks if each.version == 4)
    excluded = replace(HELD, exclusions=(Exclusion(network=network, reason="closed"),))
    assert refused(excluded) == "outside"


def test_nothing_is_sent_beyond_the_budget() -> None:
    assert refused(replace(HELD, max_probes=4)) == "budget"


def test_nothing_is_sent_to_a_control_that_nobody_authorised() -> None:
    stranger = control("stranger", ControlKind.POSITIVE, "192.0.2.9:80", ["127.0.0.0/8"])
    for each in (stranger, replace(stranger, own=True)):
        plan = plan_for(HELD, planned_hosts(["127.0.0.1"], "1"), controls=(each,))
        with pytest.raises(AuthorisationError, match="stranger"):
            Executor(HELD, clock=SystemClock()).run(plan, Heard(), never)


def test_the_stricter_rate_holds() -> None:
    one = Rates(global_pps=10, per_host_pps=99, max_connections=5, per_host_connections=9)
    other = Rates(global_pps=20, per_host_pps=7, max_connections=6, per_host_connections=8)
    assert one.stricter(other) == Rates(
        global_pps=10, per_host_pps=7, max_connections=5, per_host_connections=8
    )


def test_the_same_endpoint_is_never_handed_over_twice() -> None:
    heard = Heard()
    carried_out(planned_hosts(["127.0.0.1", "127.0.0.2"], "1-3000", "9,53"), heard=heard)
    keys = np.concatenate(
        [
            (b.host.astype(np.int64) << 20) | (b.transport.astype(np.int64) << 16) | b.port
            for b in heard.batches
        ]
    )
    assert len(np.unique(keys)) == len(keys) == 6_004
