"""Of a host on which everything is open, a sample is asked what it is, and the rest only if that told."""

from __future__ import annotations

from portproof.probes import tcp_ports
from portproof.scan.crowded import CROWDED, Crowded

EVERYTHING = [(0, port) for port in range(1, 65_536)]


def sample(crowded: Crowded, host: int = 0) -> list[int]:
    return [port for port in range(1, 65_536) if crowded.at_once(host, port)]


def test_a_usual_host_is_asked_at_once() -> None:
    crowded = Crowded((0, port) for port in range(1, CROWDED + 1))
    assert all(crowded.at_once(0, port) for port in range(1, CROWDED + 1))


def test_of_a_crowded_host_a_few_hundred_ports_are_asked() -> None:
    asked = sample(Crowded(EVERYTHING))
    assert 250 <= len(asked) <= 400
    assert all(port in asked for port in tcp_ports())


def test_the_others_are_spread_over_all_ports() -> None:
    asked = sample(Crowded(EVERYTHING))
    assert all(
        any(begin <= port < begin + 1_024 for port in asked) for begin in range(1, 64_512, 1_024)
    )


def test_where_nothing_told_the_rest_is_left() -> None:
    crowded = Crowded(EVERYTHING)
    for port in sample(crowded):
        crowded.answered(0, told=port == 22)
    assert not crowded.worth_asking(0)


def test_where_many_told_the_rest_is_asked() -> None:
    crowded = Crowded(EVERYTHING)
    for port in sample(crowded):
        crowded.answered(0, told=port % 2 == 0)
    assert crowded.worth_asking(0)


def test_each_host_counts_for_itself() -> None:
    crowded = Crowded([*EVERYTHING, (1, 22)])
    assert crowded.at_once(1, 22)
    crowded.answered(1, told=True)
    crowded.answered(0, told=False)
    assert crowded.worth_asking(1)
    assert not crowded.worth_asking(0)
