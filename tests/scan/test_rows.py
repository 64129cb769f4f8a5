"""Rows become columns and keep their meaning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portproof.model.batch import FAULTS, NO_RTT, NONE, REASONS, STATES
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.scan.rows import CODES, VERDICTS, as_fault, batch_of, codes_of, joined

verdicts = st.sampled_from(VERDICTS)
rows = st.lists(
    st.tuples(st.integers(0, 2**24 - 1), st.integers(1, 65_535), verdicts), min_size=1, max_size=20
)


@given(rows)
def test_every_verdict_survives(given_rows: list[tuple[int, int, object]]) -> None:
    batch = batch_of(
        [(host << 16 | port, CODES[verdict], 5, 1, 10.0) for host, port, verdict in given_rows],
        Transport.UDP,
        began=9.5,
    )
    assert codes_of(batch).tolist() == [CODES[verdict] for *_, verdict in given_rows]
    assert batch.host.tolist() == [host for host, *_ in given_rows]
    assert batch.port.tolist() == [port for _, port, _ in given_rows]
    assert set(batch.sent_ms.tolist()) == {500}


def test_a_row_is_an_observation_or_unmeasured_and_never_both() -> None:
    for verdict in VERDICTS:
        batch = batch_of([(1, CODES[verdict], NO_RTT, 1, 0.0)], Transport.TCP, began=0.0)
        state, reason, fault = (int(c[0]) for c in (batch.state, batch.reason, batch.fault))
        if isinstance(verdict, LocalFault):
            assert (state, reason, FAULTS[fault]) == (NONE, NONE, verdict)
        else:
            assert (STATES[state], REASONS[reason], fault) == (*verdict, NONE)


def test_attempts_and_times_saturate_instead_of_wrapping() -> None:
    open_port = CODES[PortState.OPEN, Reason.HANDSHAKE]
    batch = batch_of([(1, open_port, 2**40, 999, 1.0)], Transport.TCP, began=5.0)
    assert (batch.attempts[0], batch.rtt_us[0], batch.sent_ms[0]) == (255, 2**31 - 1, 0)


def test_what_is_withdrawn_says_nothing_of_the_peer_any_more() -> None:
    open_port = CODES[PortState.OPEN, Reason.HANDSHAKE]
    seen = batch_of([(7 << 16 | 22, open_port, 40, 2, 1.0)], Transport.TCP, began=0.0)
    withdrawn = as_fault(joined([seen, seen]), LocalFault.CONTROL_FAILED)
    assert len(withdrawn) == 2
    assert set(withdrawn.state.tolist()) == {NONE}
    assert {FAULTS[fault] for fault in withdrawn.fault.tolist()} == {LocalFault.CONTROL_FAILED}
    assert withdrawn.port.tolist() == [22, 22]
    assert withdrawn.attempts.tolist() == [2, 2]
