"""Outcomes fold into disjoint port sets that tie out with what was planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from factories import scan_plan
from portproof.model.batch import NO_RTT
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason, Service
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost, coverage_of
from portproof.scan.classify import Verdict
from portproof.scan.fold import OutcomeFold, Wanted
from portproof.scan.rows import CODES, VERDICTS, batch_of
from vantage import planned_hosts

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPEN = (PortState.OPEN, Reason.HANDSHAKE)
CLOSED = (PortState.CLOSED, Reason.RESET)
HOSTS = planned_hosts(["10.0.0.1", "10.0.0.2"], "1-100", "53")
PLAN = scan_plan(hosts=HOSTS)


def nothing(_host: PlannedHost, _transport: Transport) -> PortSet:
    return PortSet.empty()


def fold(
    given_rows: list[tuple[int, int, Verdict]],
    wanted: Wanted = nothing,
    transport: Transport = Transport.TCP,
) -> OutcomeFold:
    folded = OutcomeFold(HOSTS, wanted, NOON)
    rows = [(host << 16 | port, CODES[verdict], 40, 2, 1.5) for host, port, verdict in given_rows]
    for part in (rows[::2], rows[1::2]):
        if part:
            folded.add(batch_of(part, transport, began=0.0))
    return folded


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 1), st.integers(1, 100)), st.sampled_from(VERDICTS), max_size=60
    )
)
def test_every_endpoint_is_in_one_set_and_the_sums_tie_out(
    verdicts: dict[tuple[int, int], Verdict],
) -> None:
    folded = fold([(host, port, verdict) for (host, port), verdict in verdicts.items()])
    outcomes = [each for each in folded.outcomes(None) if each.transport is Transport.TCP]
    for index, outcome in enumerate(outcomes):
        for port in range(1, 101):
            verdict = verdicts.get((index, port))
            expected = verdict[0] if isinstance(verdict, tuple) else verdict
            assert outcome.state_of(port) == expected
    (tcp, udp) = coverage_of(PLAN, folded.outcomes(None))
    unmeasured = sum(isinstance(verdict, LocalFault) for verdict in verdicts.values())
    assert tcp.planned == 200
    assert tcp.measured == len(verdicts) - unmeasured
    assert sum(tcp.unmeasured.values()) == unmeasured == folded.unmeasured
    assert tcp.missing == 200 - len(verdicts)
    assert (udp.planned, udp.missing) == (2, 2)


def test_what_a_stopped_run_did_not_reach_is_interrupted_and_not_missing() -> None:
    folded = fold([(0, 22, OPEN)])
    outcomes = folded.outcomes(LocalFault.INTERRUPTED)
    assert str(outcomes[0].unmeasured[LocalFault.INTERRUPTED]) == "1-21,23-100"
    assert sum(each.missing for each in coverage_of(PLAN, outcomes)) == 0


def test_only_open_ports_and_those_asked_about_become_observations() -> None:
    def wanted(host: PlannedHost, transport: Transport) -> PortSet:
        return PortSet.of(80) if str(host.address) == "10.0.0.1" else PortSet.empty()

    rows = [(host, port, CLOSED) for host in (0, 1) for port in (79, 80)] + [(1, 22, OPEN)]
    one, _, two, _ = fold(rows, wanted).outcomes(None)
    assert [each.endpoint.port for each in one.observations] == [80]
    (seen,) = two.observations
    assert (seen.endpoint.port, seen.state, seen.rtt_us, seen.attempts) == (
        22,
        PortState.OPEN,
        40,
        2,
    )
    assert seen.at == NOON + timedelta(milliseconds=1500)


def test_what_was_unmeasured_is_no_observation_even_when_asked_about() -> None:
    def wanted(_host: PlannedHost, _transport: Transport) -> PortSet:
        return PortSet.all_ports()

    folded = fold([(0, 80, LocalFault.NO_ROUTE)], wanted)
    assert folded.outcomes(None)[0].observations == ()


def test_a_withdrawn_host_has_no_open_port_left() -> None:
    folded = fold([(0, 22, OPEN), (0, 23, CLOSED), (1, 22, OPEN)])
    folded.withdraw_open(0)
    one, _, two, _ = folded.outcomes(None)
    assert one.observations == ()
    assert PortState.OPEN not in one.states
    assert one.state_of(22) is LocalFault.CONTROL_FAILED
    assert one.state_of(23) is PortState.CLOSED
    assert two.state_of(22) is PortState.OPEN
    assert (folded.open, folded.unmeasured) == (1, 1)


def test_a_service_noted_beforehand_is_in_the_observation() -> None:
    folded = OutcomeFold(HOSTS, nothing, NOON)
    seen = (PortState.OPEN, Reason.UDP_RESPONSE)
    endpoint_row = [(53, CODES[seen], NO_RTT, 1, 0.0)]
    (_, planned_udp, *_) = folded.outcomes(None)
    assert planned_udp.transport is Transport.UDP
    endpoint = fold([(0, 53, seen)], transport=Transport.UDP).outcomes(None)[1].observations[0]
    folded.describe(0, endpoint.endpoint, Service("dns"))
    folded.add(batch_of(endpoint_row, Transport.UDP, began=0.0))
    (observation,) = folded.outcomes(None)[1].observations
    assert observation.service == Service("dns")
    assert observation.rtt_us is None


def test_a_handshake_asks_nothing_but_a_datagram_does() -> None:
    (tcp,) = fold([(0, 22, OPEN)]).outcomes(None)[0].observations
    answer = (PortState.OPEN, Reason.UDP_RESPONSE)
    (udp,) = fold([(0, 53, answer)], transport=Transport.UDP).outcomes(None)[1].observations
    assert (tcp.asked, udp.asked) == (False, True)
