"""What people do to findings, and what the runs after it make of that."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

import pytest

import factories as make
from policy.histories import NET_TEAM, History
from portproof.model.finding import PERSONAL, ClosedBy, FindingEvent, FindingStatus, Severity
from portproof.model.finding import FindingEventKind as Kind
from portproof.model.observation import LocalFault, Service
from portproof.model.scan import HostOutcome
from portproof.policy.lifecycle_projection import after, refusal

EXPOSED = make.open_host(p8080=None)
CLOSED = make.open_host()
APPROVED = (make.entry(port_text="8080"),)


def known() -> History:
    """A history in which one run has seen one finding."""
    history = History()
    history.run(EXPOSED)
    return history


def test_an_acknowledged_finding_stays_so_while_it_is_seen_and_is_open_when_it_comes_back() -> None:
    history = known()
    history.act(Kind.ACKNOWLEDGED)
    assert history.run(EXPOSED) == ["seen"]
    assert history.only.status is FindingStatus.ACKNOWLEDGED
    history.run(CLOSED)
    assert history.run(EXPOSED) == ["reopened"]
    assert (history.only.status, history.only.first_seen) == (FindingStatus.OPEN, make.NOON)


def test_a_person_measures_nothing() -> None:
    history = known()
    before = history.only
    for kind in (Kind.ACKNOWLEDGED, Kind.ASSIGNED, Kind.TICKETED, Kind.COMMENTED, Kind.FIX_CLAIMED):
        history.act(kind, value="x")
        now = history.only
        assert (now.judgement, now.last_seen, now.times_seen, now.run_id, now.resolved_at) == (
            before.judgement,
            before.last_seen,
            before.times_seen,
            before.run_id,
            None,
        )


def test_a_claimed_fix_that_a_later_run_still_sees_is_open_again() -> None:
    history = known()
    history.act(Kind.FIX_CLAIMED)
    assert history.run(EXPOSED) == ["seen", "fix-refuted"]
    assert (history.only.status, history.only.claimed_at) == (FindingStatus.OPEN, None)
    assert "A fix was claimed at 2026-11-21T13:00:00Z, and a later run saw it" in history.because[1]


def test_a_run_that_was_under_way_when_a_fix_was_claimed_does_not_refute_it() -> None:
    history = known()
    next_finish = make.NOON + timedelta(days=1)
    history.act(Kind.FIX_CLAIMED, at=next_finish - timedelta(minutes=1))
    assert history.run(EXPOSED) == ["seen"]
    assert history.only.status is FindingStatus.FIX_CLAIMED


def test_a_claimed_fix_closes_only_by_a_run_that_sees_it_no_more() -> None:
    history = known()
    history.act(Kind.FIX_CLAIMED)
    assert history.run(make.host_outcome(unmeasured={LocalFault.CONTROL_FAILED: "8080"})) == []
    assert history.only.status is FindingStatus.FIX_CLAIMED
    assert history.run(CLOSED) == ["resolved"]
    assert (history.only.status, history.only.closed_by) == (FindingStatus.CLOSED, ClosedBy.RESCAN)


def test_a_finding_says_what_closed_it() -> None:
    approved, reviewed = known(), History()
    assert approved.run(EXPOSED, entries=APPROVED) == ["resolved"]
    assert approved.only.closed_by is ClosedBy.APPROVAL
    reviewed.run(CLOSED, entries=(make.entry(owner=""),))
    reviewed.run(CLOSED, entries=(make.entry(),))
    assert reviewed.only.closed_by is ClosedBy.DOCUMENT


def test_a_closed_port_that_is_approved_by_now_was_closed_by_the_rescan() -> None:
    history = known()
    history.run(CLOSED, entries=APPROVED)
    assert history.only.closed_by is ClosedBy.RESCAN


def test_a_finding_of_a_retired_target_is_closed_as_such_when_it_was_measured_gone() -> None:
    history = known()
    retired = frozenset({ip_address("10.0.0.5")})
    unasked = make.host_outcome(make.planned_host(tcp="1-1024"))
    assert history.run(unasked, retired=retired) == []
    assert history.run(CLOSED, retired=retired) == ["resolved"]
    assert history.only.closed_by is ClosedBy.RETIRED
    assert history.because[0].startswith("the target is retired: 10.0.0.5:8080/tcp was closed")


def test_a_finding_that_also_stands_on_another_address_is_not_closed_by_a_retired_target() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    history = History()
    history.run(EXPOSED, make.open_host("10.0.0.6", p8080=None), baseline=shop)
    retired = frozenset({ip_address("10.0.0.5")})
    history.run(CLOSED, make.open_host("10.0.0.6"), baseline=shop, retired=retired)
    assert history.only.closed_by is ClosedBy.RESCAN


def test_a_waiver_ends_an_acknowledgement_and_its_end_reopens_with_the_original_first_seen() -> (
    None
):
    history = known()
    history.act(Kind.ACKNOWLEDGED)
    waived = make.waivers(make.waiver("unapproved-exposure"))
    assert history.run(EXPOSED, waivers=waived) == ["seen", "waived"]
    assert history.run(EXPOSED) == ["seen", "waiver-ended"]
    assert (history.only.status, history.only.first_seen) == (FindingStatus.OPEN, make.NOON)


# ---------------------------------------------------------------- false positives


def called_false(host: HostOutcome = EXPOSED) -> History:
    history = History()
    history.run(host)
    history.act(Kind.FALSE_POSITIVE, value="OPS-7")
    return history


def test_a_false_positive_stays_closed_while_the_same_is_seen_and_is_counted() -> None:
    history = called_false()
    assert history.run(EXPOSED) == ["seen"]
    assert (history.only.status, history.only.closed_by, history.only.times_seen) == (
        FindingStatus.CLOSED,
        ClosedBy.FALSE_POSITIVE,
        2,
    )


def test_a_false_positive_does_not_cover_another_service_at_the_endpoint() -> None:
    history = called_false(make.open_host(p8080=Service("http")))
    assert history.run(make.open_host(p8080=Service("redis"))) == ["reopened"]
    assert history.only.status is FindingStatus.OPEN
    assert "which does not cover it: what answers is redis, and was http" in history.because[0]
    assert (history.only.closed_by, history.only.first_seen) == (None, make.NOON)


def test_a_service_that_stops_naming_itself_is_not_taken_for_the_one_that_was_called_false() -> (
    None
):
    history = called_false(make.open_host(p8080=Service("http")))
    assert history.run(EXPOSED) == ["reopened"]


def test_a_false_positive_covers_fewer_addresses_and_no_other_ones() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    both = (EXPOSED, make.open_host("10.0.0.6", p8080=None))
    fewer, more = History(), History()
    fewer.run(*both, baseline=shop)
    more.run(EXPOSED, baseline=shop)
    for history in (fewer, more):
        history.act(Kind.FALSE_POSITIVE, value="OPS-7")
    assert fewer.run(EXPOSED, baseline=shop) == ["seen"]
    assert more.run(*both, baseline=shop) == ["reopened"]
    assert "it is also at 10.0.0.6:8080/tcp" in more.because[0]


def test_what_a_false_positive_is_held_against_does_not_creep() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    both = (EXPOSED, make.open_host("10.0.0.6", p8080=None))
    history = History()
    history.run(*both, baseline=shop)
    history.act(Kind.FALSE_POSITIVE, value="OPS-7")
    history.run(EXPOSED, baseline=shop)
    assert history.run(*both, baseline=shop) == ["seen"]


def test_a_run_measured_before_a_false_positive_was_called_one_still_counts() -> None:
    history = called_false(make.open_host(p8080=Service("http")))
    assert history.only.resolved_at is None
    assert history.only.measured_at == make.NOON


def test_a_waiver_does_not_reopen_a_false_positive() -> None:
    history = called_false()
    waived = make.waivers(make.waiver("unapproved-exposure"))
    assert history.run(EXPOSED, waivers=waived) == ["seen"]
    assert history.only.status is FindingStatus.CLOSED


# ---------------------------------------------------------------- what is allowed when


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (FindingStatus.OPEN, PERSONAL),
        (FindingStatus.ACKNOWLEDGED, PERSONAL - {Kind.ACKNOWLEDGED}),
        (FindingStatus.WAIVED, PERSONAL - {Kind.ACKNOWLEDGED, Kind.FIX_CLAIMED}),
        (FindingStatus.FIX_CLAIMED, PERSONAL - {Kind.ACKNOWLEDGED, Kind.FIX_CLAIMED}),
        (FindingStatus.CLOSED, frozenset({Kind.TICKETED, Kind.COMMENTED})),
    ],
)
def test_what_a_person_may_do_hangs_on_the_state(
    status: FindingStatus, allowed: frozenset[Kind]
) -> None:
    finding = make.finding(status=status)
    assert {kind for kind in PERSONAL if not refusal(finding, kind)} == allowed


@pytest.mark.parametrize("status", FindingStatus)
@pytest.mark.parametrize("kind", Kind)
def test_every_event_gives_a_finding_or_is_refused(kind: Kind, status: FindingStatus) -> None:
    finding = make.finding(status=status)
    event = FindingEvent(
        finding=finding.fingerprint,
        kind=kind,
        at=make.NOON,
        run_id=finding.run_id,
        severity=Severity.LOW,
        because="",
        actor=NET_TEAM if kind in PERSONAL else None,
        value="x",
    )
    if kind in PERSONAL and refusal(finding, kind):
        with pytest.raises(ValueError, match=f"cannot be {kind}"):
            after(finding, event, None)
    else:
        moved = after(finding, event, None)
        assert moved.first_seen == finding.first_seen
        noted = kind in (Kind.SEEN, Kind.COMMENTED)
        assert moved.changed_at == (finding.changed_at if noted else make.NOON)
