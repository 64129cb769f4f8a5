"""Which approvals are used, which end soon, and of which nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import factories as make
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.approval_usage import ApprovalUsage, Matched, approval_usage

WEB = make.entry(port_text="443", approval=make.approval(review_by=date(2026, 12, 31)))


def run_of(*hosts: HostOutcome, days: int = 0) -> RunRecord:
    run = make.run(*hosts)
    return replace(run, finished=run.finished + timedelta(days=days))


def usage(*runs: RunRecord, at: datetime = make.NOON) -> ApprovalUsage:
    (used,) = approval_usage(make.baseline(WEB), runs, at)
    return used


def test_an_approval_is_matched_by_the_newest_run_that_saw_it_open() -> None:
    seen, silent = make.open_host(p443=None), make.open_host()
    used = usage(run_of(silent, days=2), run_of(seen, days=1), run_of(seen, days=0))
    assert (used.matched, used.last_matched) == (Matched.SEEN, make.NOON + timedelta(days=1))


def test_an_approval_of_a_port_that_was_measured_and_never_open_is_never_matched() -> None:
    used = usage(run_of(make.open_host()))
    assert (used.matched, used.notice) == (Matched.NEVER, "nothing of it was open")


def test_what_no_run_measured_is_not_called_unused() -> None:
    unmeasured = make.host_outcome(unmeasured={LocalFault.CONTROL_FAILED: "443"})
    elsewhere = replace(
        make.run(), plan=replace(make.run().plan, vantage=make.VANTAGES.vantages[1])
    )
    for runs in ((), (run_of(unmeasured),), (run_of(make.open_host("10.9.9.9")),), (elsewhere,)):
        used = usage(*runs)
        assert (used.matched, used.wants_attention) == (Matched.UNMEASURED, False)


def test_silence_over_udp_says_nothing_of_use() -> None:
    host = make.planned_host(tcp="", udp="53")
    silent = make.host_outcome(host, transport=Transport.UDP, fill=PortState.OPEN_FILTERED)
    dns = replace(WEB, transport=Transport.UDP, ports=make.ports("53"))
    (used,) = approval_usage(make.baseline(dns), [run_of(silent)], make.NOON)
    assert used.matched is Matched.UNMEASURED


def test_an_approval_holds_to_the_end_of_its_last_day() -> None:
    seen = run_of(make.open_host(p443=None))
    end = datetime(2027, 1, 1, tzinfo=UTC)
    instant = timedelta(microseconds=1)
    assert usage(seen).end == end
    assert not usage(seen, at=end - instant).expired
    assert usage(seen, at=end).expired


def test_notices_come_thirty_and_seven_days_before_the_end() -> None:
    seen = run_of(make.open_host(p443=None))
    end = datetime(2027, 1, 1, tzinfo=UTC)
    told = {
        days: usage(seen, at=end - timedelta(days=days, seconds=seconds)).notice_days
        for days, seconds in ((30, 1), (30, 0), (8, 0), (7, 0), (0, 0))
    }
    assert usage(seen, at=end - timedelta(days=30, seconds=1)).notice_days is None
    assert told == {30: 30, 8: 30, 7: 7, 0: None}


def test_no_more_runs_are_read_than_are_needed() -> None:
    read: list[int] = []

    def runs() -> Iterator[RunRecord]:
        for number in range(5):
            read.append(number)
            yield run_of(make.open_host(p443=None))

    approval_usage(make.baseline(WEB), runs(), make.NOON)
    assert read == [0]
