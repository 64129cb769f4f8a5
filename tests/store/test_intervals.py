"""Intervals grow with change, rest on measurements alone, and claim nothing between two of them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.evidence import IntervalInfo
from portproof.model.observation import LocalFault, PortState
from portproof.model.ports import PortSet
from portproof.model.scan import RunStatus
from portproof.model.vantage import Vantage
from portproof.store import SqlStore, open_store
from portproof.store.codec import instant_text
from store.examples import BEGAN, HOUR, batch, endpoint, observation, plan, record, run


def history(store: SqlStore, port: int = 22, vantage: str = "local") -> list[tuple[str, int]]:
    return [(each.state, each.runs) for each in store.intervals([endpoint(port)], vantage=vantage)]


def test_an_open_port_has_an_interval_from_its_first_measurement(store: SqlStore) -> None:
    run(store, "run-1", [22])
    assert store.intervals([endpoint(22)], vantage="local") == [
        IntervalInfo(
            endpoint="10.0.0.5:22/tcp",
            state="open",
            first_seen="2026-11-21T08:00:00.000000Z",
            last_seen="2026-11-21T08:00:00.000000Z",
            runs=1,
        )
    ]


def test_the_same_state_again_stretches_the_interval(store: SqlStore) -> None:
    run(store, "run-1", [22])
    run(store, "run-2", [22], at=BEGAN + HOUR)
    (interval,) = store.intervals([endpoint(22)], vantage="local")
    assert (interval.runs, interval.first_seen, interval.last_seen) == (
        2,
        instant_text(BEGAN),
        instant_text(BEGAN + HOUR),
    )


def test_a_port_that_closes_begins_a_closed_interval_at_the_instant_it_was_asked(
    store: SqlStore,
) -> None:
    run(store, "run-1", [22])
    run(store, "run-2", at=BEGAN + HOUR)
    opened, closed = store.intervals([endpoint(22)], vantage="local")
    assert (opened.state, opened.last_seen) == ("open", instant_text(BEGAN))
    half_a_second_in = instant_text(BEGAN + HOUR + timedelta(milliseconds=500))
    assert (closed.state, closed.first_seen) == ("closed", half_a_second_in)


def test_closed_ports_that_nobody_asked_about_have_no_interval(store: SqlStore) -> None:
    run(store, "run-1", [22])
    run(store, "run-2", [22], at=BEGAN + HOUR)
    with store.database.reading() as session:
        sql = "SELECT count(*) FROM state_interval"
        assert session.connection().exec_driver_sql(sql).scalar_one() == 1


def test_a_required_port_that_is_closed_has_an_interval(store: SqlStore) -> None:
    run(store, "run-1", observed=[observation(80, PortState.CLOSED)])
    assert history(store, 80) == [("closed", 1)]


def test_a_port_that_was_not_measured_keeps_its_interval_as_it_is(store: SqlStore) -> None:
    run(store, "run-1", [22])
    before = store.intervals([endpoint(22)], vantage="local")
    run(
        store,
        "run-2",
        at=BEGAN + HOUR,
        status=RunStatus.INCONCLUSIVE,
        unmeasured={LocalFault.CONTROL_FAILED: PortSet.of(22)},
    )
    assert store.intervals([endpoint(22)], vantage="local") == before


def test_what_an_inconclusive_run_did_measure_counts(store: SqlStore) -> None:
    run(store, "run-1", [22], status=RunStatus.INCONCLUSIVE)
    assert history(store) == [("open", 1)]


def test_a_run_whose_process_died_stretches_nothing(store: SqlStore) -> None:
    run(store, "run-1", [22])
    with store.run_lock():
        listener = store.begin_run(plan("run-2"), BEGAN + HOUR)
        listener.batch(batch(range(1, 101)))
    with store.run_lock():
        pass
    assert history(store) == [("open", 1)]


def test_a_state_without_an_instant_has_no_place_in_a_timeline(store: SqlStore) -> None:
    run(store, "run-1", [22])
    with store.run_lock():
        store.begin_run(plan("run-2"), BEGAN + HOUR)
        store.finish_run(record(plan("run-2"), started=BEGAN + HOUR))
    assert history(store) == [("open", 1)]


def test_each_vantage_has_its_own_intervals(store: SqlStore) -> None:
    run(store, "run-1", [22])
    outside = plan("run-2", vantage=Vantage(id="vps", zone="internet"))
    with store.run_lock():
        store.begin_run(outside, BEGAN).batch(batch([22]))
        store.finish_run(record(outside))
    assert history(store, vantage="local") == [("open", 1)]
    assert history(store, vantage="vps") == []


def test_portproofs_own_listeners_have_no_intervals(store: SqlStore) -> None:
    run(store, "run-1", [22, 40], own_listeners=(endpoint(40),))
    assert history(store, 40) == []
    assert history(store, 22) == [("open", 1)]


def test_a_clock_that_was_set_back_does_not_shorten_an_interval(store: SqlStore) -> None:
    run(store, "run-1", [22], at=BEGAN + HOUR)
    run(store, "run-2", [22], at=BEGAN)
    (interval,) = store.intervals([endpoint(22)], vantage="local")
    assert interval.last_seen == instant_text(BEGAN + HOUR)


def test_intervals_of_several_endpoints_come_oldest_first(store: SqlStore) -> None:
    run(store, "run-1", [80])
    run(store, "run-2", [22, 80], at=BEGAN + HOUR)
    asked = [endpoint(22), endpoint(80), endpoint(443)]
    found = store.intervals(asked, vantage="local")
    assert [(each.endpoint, each.runs) for each in found] == [
        ("10.0.0.5:80/tcp", 2),
        ("10.0.0.5:22/tcp", 1),
    ]
    assert store.intervals([], vantage="local") == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["open", "closed", "unmeasured"]), max_size=6))
def test_the_intervals_are_the_measurements_run_length_encoded(
    tmp_path_factory: object, states: list[str]
) -> None:
    expected: list[tuple[str, int]] = []
    with open_store(tmp_path_factory.mktemp("store") / "a.db", create=True) as store:  # type: ignore[attr-defined]
        for number, state in enumerate(states):
            faults = {LocalFault.NO_SOCKETS: PortSet.of(22)} if state == "unmeasured" else {}
            is_open = [22] if state == "open" else []
            run(store, f"run-{number}", is_open, at=BEGAN + number * HOUR, unmeasured=faults)
            if state == "unmeasured" or (state == "closed" and not expected):
                continue
            if expected and expected[-1][0] == state:
                expected[-1] = (state, expected[-1][1] + 1)
            else:
                expected.append((state, 1))
        assert history(store) == expected
