"""Outcomes are released once, and only when it is known whether they count."""

from __future__ import annotations

from dataclasses import replace

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import (
    Control,
    ControlKind,
    ControlSample,
    Coverage,
    RunStatus,
    Timing,
)
from portproof.scan.classify import Verdict
from portproof.scan.judgement import Judgement, status_of
from portproof.scan.routing import Route
from portproof.scan.rows import CODES, VERDICTS, batch_of, codes_of
from portproof.scan.witness import WitnessBook
from vantage import control, planned_hosts

SILENT = (PortState.FILTERED, Reason.NO_RESPONSE)
OPEN = (PortState.OPEN, Reason.HANDSHAKE)
RESET = (PortState.CLOSED, Reason.RESET)
CANARY = control("canary", ControlKind.POSITIVE, "192.0.2.7:443", ["10.0.0.0/8"])
DECOY = control("decoy", ControlKind.NEGATIVE, "192.0.2.8:9", ["10.0.0.0/8"])
TIMING = Timing(timeout_ms=100, max_retries=0, max_witness_gap_ms=1_000)


class Case:
    """One host, its controls, and what was released."""

    def __init__(self, *controls: Control, timing: Timing = TIMING) -> None:
        hosts = planned_hosts(["10.0.0.5"], "1-100")
        self.book = WitnessBook(hosts, controls, on_link, timing)
        self.released: list[tuple[int, Verdict]] = []
        self.judgement = Judgement(hosts, self.book, timing, self._take)

    def take(self, port: int, verdict: Verdict, at_ms: int, attempts: int = 1) -> None:
        row = (port, CODES[verdict], NO_RTT, attempts, at_ms / 1000)
        self.judgement.take(batch_of([row], Transport.TCP, began=0.0))

    def sample(self, at_ms: int, *, good: bool = True, name: str = "canary") -> None:
        self.book.sampled(ControlSample(control_id=name, at_ms=at_ms, as_expected=good, seen=""))

    def not_asked(self, at_ms: int, name: str) -> None:
        self.book.not_asked(ControlSample(control_id=name, at_ms=at_ms, as_expected=False, seen=""))

    def _take(self, batch: OutcomeBatch) -> None:
        codes = codes_of(batch).tolist()
        self.released += [
            (port, VERDICTS[code]) for port, code in zip(batch.port.tolist(), codes, strict=True)
        ]


def on_link(address: Address) -> Route:
    return Route(local=False, next_hop=address, interface=2)


def test_an_answer_is_released_at_once() -> None:
    case = Case(CANARY)
    case.take(22, OPEN, 5)
    case.take(23, RESET, 5)
    assert case.released == [(22, OPEN), (23, RESET)]


def test_silence_waits_for_the_witness_after_it() -> None:
    case = Case(CANARY)
    case.sample(0)
    case.take(80, SILENT, 50)
    case.judgement.settle(200, 200)
    assert case.released == []
    case.sample(250)
    case.judgement.settle(300, 300)
    assert case.released == [(80, SILENT)]


def test_silence_is_not_judged_while_a_control_may_still_fail() -> None:
    case = Case(CANARY)
    case.sample(0)
    case.take(80, SILENT, 50)
    case.sample(250)
    case.judgement.settle(300, 60)  # something asked at 60 ms has not been answered yet
    assert case.released == []
    case.sample(60, good=False)
    case.judgement.close(400, interrupted=False)
    assert case.released == [(80, LocalFault.CONTROL_FAILED)]
    assert status_of(case.book, (), stopped="")[0] is RunStatus.INCONCLUSIVE


def test_silence_too_old_to_be_witnessed_is_unmeasured() -> None:
    case = Case(CANARY)
    case.sample(0)
    case.take(80, SILENT, 50)
    case.judgement.settle(60_000, 60_000)
    assert case.released == [(80, LocalFault.CONTROL_FAILED)]
    status, why = status_of(case.book, (), stopped="")
    assert status is RunStatus.INCONCLUSIVE
    assert "1 in 10.0.0.0/24" in why


def test_silence_at_the_end_of_a_stopped_run_is_interrupted_and_accuses_nobody() -> None:
    case = Case(CANARY)
    case.sample(0)
    case.take(80, SILENT, 50)
    case.judgement.close(100, interrupted=True)
    assert case.released == [(80, LocalFault.INTERRUPTED)]
    assert status_of(case.book, (), stopped="") == (RunStatus.COMPLETE, "")


def test_open_ports_under_a_negative_control_wait_until_it_was_asked_again() -> None:
    case = Case(DECOY)
    case.sample(0, name="decoy")
    case.take(22, OPEN, 50)
    case.judgement.settle(80, 80)
    assert case.released == []
    case.sample(100, name="decoy")
    case.judgement.settle(120, 120)
    assert case.released == [(22, OPEN)]


def test_open_ports_are_worthless_once_the_negative_control_is_open() -> None:
    case = Case(DECOY)
    case.take(22, OPEN, 50)
    case.sample(100, good=False, name="decoy")
    case.judgement.close(120, interrupted=False)
    assert case.released == [(22, LocalFault.CONTROL_FAILED)]
    assert "decoy failed 1 time" in status_of(case.book, (), stopped="")[1]


def test_a_negative_control_that_could_not_be_asked_accuses_nobody_and_concludes_nothing() -> None:
    case = Case(DECOY)
    case.sample(0, name="decoy")
    case.take(22, OPEN, 50)
    case.not_asked(100, "decoy")
    case.judgement.settle(120, 120)
    assert case.released == [], "it was not asked after the probe"
    case.judgement.close(200, interrupted=False)
    assert case.released == [(22, OPEN)]
    status, why = status_of(case.book, (), stopped="")
    assert status is RunStatus.INCONCLUSIVE
    assert "negative control decoy could not be asked 1 time" in why
    assert "Silence" not in why
    assert "failed" not in why


def test_open_ports_do_not_wait_for_ever_for_a_control_that_cannot_be_asked() -> None:
    case = Case(DECOY)
    case.take(22, OPEN, 50)
    case.not_asked(100, "decoy")
    case.judgement.settle(60_000, 60_000)
    assert case.released == [(22, OPEN)]


def test_silence_does_not_count_while_the_canary_could_not_be_asked() -> None:
    case = Case(CANARY)
    case.sample(0)
    case.take(80, SILENT, 50)
    case.not_asked(60, "canary")
    case.sample(100)
    case.judgement.close(200, interrupted=False)
    assert case.released == [(80, LocalFault.CONTROL_FAILED)]
    why = status_of(case.book, (), stopped="")[1]
    assert "positive control canary could not be asked 1 time" in why
    assert "failed" not in why


def test_the_status_names_a_few_networks_and_counts_the_rest() -> None:
    hosts = planned_hosts([f"10.0.{number}.1" for number in range(5)], "1-100")
    book = WitnessBook(hosts, (), on_link, TIMING)
    judgement = Judgement(hosts, book, TIMING, lambda _batch: None)
    rows = [(host << 16 | 80, CODES[SILENT], NO_RTT, 1, 0.0) for host in range(5)]
    judgement.take(batch_of(rows, Transport.TCP, began=0.0))
    judgement.close(100, interrupted=False)
    assert status_of(book, (), stopped="")[1].endswith(
        "1 in 10.0.0.0/24, 1 in 10.0.1.0/24, 1 in 10.0.2.0/24 and in 2 more networks"
    )


# ---------------------------------------------------------------- a path that loses packets


def lossy(**changes: int) -> Case:
    """A path on which every second asking is lost, and silence after three of them."""
    case = Case(CANARY, timing=replace(TIMING, **changes))
    for port in range(1, 61):
        case.take(port, RESET, 10, attempts=1 if port % 2 else 3)
    case.released.clear()
    case.sample(0)
    case.take(80, SILENT, 50, attempts=3)
    case.take(81, SILENT, 50, attempts=31)
    case.sample(100)
    return case


def test_silence_after_too_few_askings_is_put_aside_and_asked_again() -> None:
    case = lossy()
    case.judgement.settle(200, 200)
    assert case.released == [(81, SILENT)]
    assert {host: list(ports) for host, ports in case.judgement.take_short().items()} == {0: [80]}
    assert 20 < case.judgement.attempts_wanted([0]) <= 31
    case.take(80, SILENT, 250, attempts=31)
    case.sample(300)
    case.judgement.close(400, interrupted=False)
    assert case.released == [(81, SILENT), (80, SILENT)]
    (account,) = case.book.witnesses(0, 400)
    assert account.silent == 2


def test_what_is_still_in_doubt_after_that_is_unmeasured_and_the_run_stands() -> None:
    case = lossy()
    case.judgement.settle(200, 200)
    case.judgement.take_short()
    case.take(80, SILENT, 250, attempts=3)
    case.sample(300)
    case.judgement.close(400, interrupted=False)
    assert case.released == [(81, SILENT), (80, LocalFault.LOSSY_PATH)]
    coverage = (covered(100, {LocalFault.LOSSY_PATH: 1}),)
    assert status_of(case.book, coverage, stopped="") == (RunStatus.COMPLETE, "")


def test_where_a_person_allows_no_more_askings_it_is_unmeasured_at_once() -> None:
    case = lossy(max_retries=2, most_retries=2)
    case.judgement.settle(200, 200)
    assert (80, LocalFault.LOSSY_PATH) in case.released
    assert case.judgement.take_short() == {}


def test_the_loss_of_single_packets_is_told_and_none_where_nothing_answered() -> None:
    assert Case().judgement.loss_ppm() is None
    case = Case()
    case.take(22, OPEN, 5)
    assert case.judgement.loss_ppm() == 0
    # Half of all askings: 1 - sqrt(1 - 1/2) of the packets each way.
    assert 250_000 < (lossy().judgement.loss_ppm() or 0) < 340_000


def covered(
    planned: int, unmeasured: dict[LocalFault, int], transport: Transport = Transport.TCP
) -> Coverage:
    return Coverage(
        transport=transport,
        planned=planned,
        measured=planned - sum(unmeasured.values()),
        unmeasured=unmeasured,
        missing=0,
    )


def test_a_run_that_measured_nothing_concludes_nothing_and_says_why() -> None:
    coverage = (
        covered(100, {LocalFault.NO_ROUTE: 90, LocalFault.UNRESOLVED: 10}),
        covered(1_910, {LocalFault.NO_ROUTE: 1_910}, Transport.UDP),
    )
    assert status_of(Case().book, coverage, stopped="") == (
        RunStatus.INCONCLUSIVE,
        "Nothing was measured of 2,010 endpoints: 2,000 no-route, 10 unresolved",
    )


def test_a_run_that_measured_something_may_conclude_for_that() -> None:
    coverage = (
        covered(100, {LocalFault.NO_ROUTE: 100}),
        covered(2, {LocalFault.NOT_PROBED: 1}, Transport.UDP),
    )
    assert status_of(Case().book, coverage, stopped="") == (RunStatus.COMPLETE, "")


def test_why_a_run_may_not_conclude_is_said_without_a_final_period() -> None:
    case = Case(DECOY)
    case.sample(100, good=False, name="decoy")
    for coverage in ((), (covered(1, {LocalFault.NO_ROUTE: 1}),)):
        status, why = status_of(case.book, coverage, stopped="")
        assert status is RunStatus.INCONCLUSIVE
        assert why
        assert not why.endswith(".")


def test_a_run_that_was_stopped_says_so_whatever_it_measured() -> None:
    assert status_of(Case().book, (covered(1, {}),), stopped="the window ended") == (
        RunStatus.INTERRUPTED,
        "The run is incomplete: the window ended",
    )
