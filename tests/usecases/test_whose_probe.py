"""Was it us? The runs of the store that had probes under way at the time, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

import factories as make
from portproof.model.endpoint import Address
from portproof.model.observation import PortState
from portproof.store import open_store
from portproof.usecases.whose_probe import Question, Trace, whose_probe

SECOND = timedelta(seconds=1)
SEEN = make.host_outcome(make.planned_host(tcp="20-30"), states={PortState.OPEN: "22"})
RUN = make.run(
    replace(SEEN, observations=tuple(replace(each, evidence=None) for each in SEEN.observations))
)
OURS = ip_address("192.0.2.99")


def is_ours(address: Address) -> bool:
    return address == OURS


def asked(
    folder: Path, address: str, after: timedelta = -SECOND, *, port: int | None = None
) -> Sequence[Trace]:
    """Ask about a time so long after the run's end (before it, by default)."""
    question = Question(
        address=ip_address(address),
        at=RUN.finished + after,
        tolerance=5 * SECOND,
        port=port,
    )
    with open_store(str(folder / "portproof.sqlite")) as store:
        return whose_probe(store, question, is_ours)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whose")
    with open_store(str(folder / "portproof.sqlite"), create=True) as store, store.run_lock():
        store.begin_run(RUN.plan, RUN.started)
        store.finish_run(RUN)
    return folder


def test_a_target_of_a_run_under_way_was_asked_by_it(folder: Path) -> None:
    (trace,) = asked(folder, make.HOST)
    assert (trace.run_id, trace.role) == (RUN.plan.run_id, "target")
    (tcp,) = trace.asked
    assert str(tcp.ports) == "20-30"
    assert {text: str(ports) for text, ports in tcp.seen} == {"open": "22", "closed": "20-21,23-30"}
    assert tcp.nearest is not None
    assert tcp.nearest.endpoint.port == 22


@pytest.mark.parametrize(("port", "ours"), [(22, [22]), (25, [25]), (443, [])])
def test_a_port_that_was_not_asked_was_not_us(folder: Path, port: int, ours: list[int]) -> None:
    found = asked(folder, make.HOST, port=port)
    assert [number for trace in found for each in trace.asked for number in each.ports] == ours


def test_the_clocks_may_differ_by_the_tolerance_and_no_more(folder: Path) -> None:
    assert asked(folder, make.HOST, 5 * SECOND)
    assert not asked(folder, make.HOST, 6 * SECOND)
    span = RUN.finished - RUN.started
    assert asked(folder, make.HOST, -span - 5 * SECOND)
    assert not asked(folder, make.HOST, -span - 6 * SECOND)


def test_an_address_of_ours_was_the_source(folder: Path) -> None:
    assert [each.role for each in asked(folder, str(OURS))] == ["source"]
    assert not asked(folder, str(OURS), port=443)


def test_a_stranger_was_not_us(folder: Path) -> None:
    assert not asked(folder, "203.0.113.77")


def test_a_control_of_the_run_was_asked_too(folder: Path) -> None:
    control = RUN.plan.controls[0].endpoint
    assert [each.role for each in asked(folder, str(control.address), port=control.port)] == [
        "control"
    ]
