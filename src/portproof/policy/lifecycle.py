"""How findings live: what a run's judgements do to the findings of the runs before it.

::

    not there ─ opened ─► open ─ seen ─► open ─ resolved ─► closed ─ reopened ─► open
                           │ ▲                    ▲
                    waived ▼ │ waiver-ended       │ resolved
                          waived ─────────────────┘

Only a conclusive run moves anything (law 2). A finding is resolved only when the same subject was
measured in this run and conforms; what was not asked, not measured or not judged stays as it is.
Each sighting is one of opened, seen or reopened; a change of waiver follows it. Judging the same
run again says nothing twice: a finding that this run saw last is not seen again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from typing import Final, TypeAlias, assert_never

from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.finding import (
    Evaluation,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.observation import PortState
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.checks import (
    approval_expired,
    insecure_service,
    interference,
    plaintext_administration,
    service_mismatch,
    tls_certificate,
    unapproved_exposure,
)
from portproof.policy.services import identity
from portproof.policy.subjects import endpoints_of

_RESTS_ON_IDENTITY: Final = frozenset(
    {
        insecure_service.RULE,
        plaintext_administration.RULE,
        service_mismatch.RULE,
        tls_certificate.RULE,
    }
)
"""Rules about what a port speaks: an open port that does not say so any more settles nothing."""
_NEEDS_APPROVAL: Final = frozenset({approval_expired.RULE, unapproved_exposure.RULE})
"""Rules that an open port settles only by being approved now."""

Granted: TypeAlias = frozenset[Endpoint]
"""The endpoints that were seen open and that an approval in force grants."""


def finding_events(
    previous: Sequence[Finding], evaluation: Evaluation, run: RunRecord, at: datetime
) -> tuple[FindingEvent, ...]:
    """Give what the run does to the findings so far, each event stamped with `at`.

    `previous` are all findings ever opened, closed ones included. Empty for a run that is not
    conclusive.
    """
    if not run.conclusive:
        return ()
    known = {each.fingerprint: each for each in previous}
    deviating = (*evaluation.deviations, *evaluation.waived)
    seen = (event for judged in deviating for event in _sighted(known, judged, run, at))
    gone = _gone(previous, evaluation, run, at)
    return (*seen, *gone)


def after(finding: Finding | None, event: FindingEvent, judged: Judgement | None) -> Finding:
    """Give the finding as it stands after one of its events.

    `finding` is None before it was opened; `judged` is the judgement of the run that the event
    belongs to, None for `resolved`, which keeps the last one.

    Raises:
        ValueError: the first event of a finding is not `opened` with its judgement.
    """
    if finding is None:
        return _opened(event, judged)
    judged = judged or finding.judgement
    match event.kind:
        case FindingEventKind.OPENED | FindingEventKind.SEEN:
            return _seen(finding, event, judged)
        case FindingEventKind.REOPENED:
            back = _seen(finding, event, judged)
            return replace(
                back,
                status=FindingStatus.OPEN,
                reopened=finding.reopened + 1,
                resolved_at=None,
            )
        case FindingEventKind.WAIVED:
            return replace(finding, judgement=judged, status=FindingStatus.WAIVED)
        case FindingEventKind.WAIVER_ENDED:
            return replace(finding, judgement=judged, status=FindingStatus.OPEN)
        case FindingEventKind.RESOLVED:
            return replace(finding, status=FindingStatus.CLOSED, resolved_at=event.at)
    assert_never(event.kind)


def _opened(event: FindingEvent, judged: Judgement | None) -> Finding:
    if event.kind is not FindingEventKind.OPENED or judged is None:
        raise ValueError(f"finding {event.finding} begins with {event.kind}, not with opened")
    return Finding(
        fingerprint=event.finding,
        judgement=judged,
        status=FindingStatus.OPEN,
        first_seen=event.at,
        last_seen=event.at,
        times_seen=1,
        run_id=event.run_id,
    )


def _seen(finding: Finding, event: FindingEvent, judged: Judgement) -> Finding:
    return replace(
        finding,
        judgement=judged,
        last_seen=event.at,
        times_seen=finding.times_seen + 1,
        run_id=event.run_id,
    )


def _sighted(
    known: dict[str, Finding], judged: Judgement, run: RunRecord, at: datetime
) -> Iterator[FindingEvent]:
    """Give the events of one deviation: that it was seen, and what its waiver did."""
    finding = known.get(judged.fingerprint)
    kind = _sighting(finding, run.plan.run_id)
    if kind is not None:
        yield _event(kind, judged, run, at)
    was_waived = (
        finding is not None
        and finding.status is FindingStatus.WAIVED
        and kind is not FindingEventKind.REOPENED
    )
    is_waived = judged.verdict is Verdict.WAIVED
    if is_waived and not was_waived:
        yield _event(FindingEventKind.WAIVED, judged, run, at)
    if was_waived and not is_waived:
        yield _event(FindingEventKind.WAIVER_ENDED, judged, run, at)


def _sighting(finding: Finding | None, run_id: str) -> FindingEventKind | None:
    """Say how a run meets a finding; None when it met it before."""
    if finding is None:
        return FindingEventKind.OPENED
    if finding.status is FindingStatus.CLOSED:
        return FindingEventKind.REOPENED
    return None if finding.run_id == run_id else FindingEventKind.SEEN


def _gone(
    previous: Sequence[Finding], evaluation: Evaluation, run: RunRecord, at: datetime
) -> Iterator[FindingEvent]:
    """Resolve what this run measured again and found to conform.

    A judgement other than CONFORMS with its fingerprint means that a finding stands, or that nobody
    knows.
    """
    standing = {
        each.fingerprint for each in evaluation.judgements if each.verdict is not Verdict.CONFORMS
    }
    granted = frozenset(
        endpoint
        for each in evaluation.of(Verdict.CONFORMS)
        if each.rule == unapproved_exposure.RULE
        for endpoint in endpoints_of(each)
    )
    looked = _Looked(run, granted)
    for finding in previous:
        if finding.status is FindingStatus.CLOSED or finding.fingerprint in standing:
            continue
        because = _conforms_now(finding.judgement, evaluation, looked)
        if because is not None:
            event = _event(FindingEventKind.RESOLVED, finding.judgement, run, at)
            yield replace(event, because=because)


class _Looked:
    """Where a run looked, found by address and by name."""

    def __init__(self, run: RunRecord, granted: Granted) -> None:
        self.zone = run.plan.vantage.zone
        self.granted = granted
        self._hosts: dict[tuple[Address | str, Transport], list[HostOutcome]] = {}
        for outcome in run.hosts:
            for known_as in (outcome.host.address, outcome.host.name):
                if known_as:
                    self._hosts.setdefault((known_as, outcome.transport), []).append(outcome)

    def at(self, endpoint: Endpoint, asset: str) -> tuple[HostOutcome, ...]:
        """Give the outcomes of an endpoint's host, empty when the run did not look there.

        A host listed by its name may have other addresses now: then all of those count.
        """
        transport = endpoint.transport
        same = self._hosts.get((endpoint.address, transport), [])
        return tuple(same or self._hosts.get((asset, transport), []))


def _conforms_now(judged: Judgement, evaluation: Evaluation, looked: _Looked) -> str | None:
    """Say why this run resolves a finding that no judgement of it holds up; None: it does not."""
    if not judged.subject.zone:
        scope, _, _ = judged.subject.asset.rpartition("/")
        ours = scope == evaluation.scope
        return "the document no longer shows it" if ours else None
    if judged.subject.zone != looked.zone:
        return None
    if judged.rule == interference.RULE:
        return _no_interference(judged, looked)
    told: list[str] = []
    for endpoint in endpoints_of(judged):
        outcomes = looked.at(endpoint, judged.subject.asset)
        if not outcomes or not all(
            _settles(each, endpoint.port, judged.rule, looked.granted) for each in outcomes
        ):
            return None
        told += [_was(each, endpoint.port) for each in outcomes]
    return f"{', '.join(told)}, which conforms" if told else None


def _was(outcome: HostOutcome, port: int) -> str:
    place = Endpoint(outcome.host.address, outcome.transport, port)
    return f"{place} was {outcome.state_of(port)}"


def _settles(outcome: HostOutcome, port: int, rule: str, granted: Granted) -> bool:
    """Whether what was seen at the port is enough to say that nothing of the rule is left."""
    state = outcome.state_of(port)
    if not isinstance(state, PortState):
        return False
    match state:
        case PortState.CLOSED | PortState.FILTERED:
            return True
        case PortState.OPEN_FILTERED:
            return False
        case PortState.OPEN if rule in _NEEDS_APPROVAL:
            return Endpoint(outcome.host.address, outcome.transport, port) in granted
        case PortState.OPEN:
            seen = outcome.observation(port)
            return rule not in _RESTS_ON_IDENTITY or bool(identity(seen.service if seen else None))


def _no_interference(judged: Judgement, looked: _Looked) -> str | None:
    """A host without interference: it was in this run, and all its ports were measured."""
    subject = judged.subject
    if subject.transport is None or not subject.address:
        return None
    outcomes = looked.at(Endpoint(ip_address(subject.address), subject.transport, 0), subject.asset)
    whole = (
        sum(map(len, each.states.values())) == len(each.host.ports(each.transport))
        for each in outcomes
    )
    clear = bool(outcomes) and all(whole)
    return "the host no longer answers on far too many ports" if clear else None


def _event(kind: FindingEventKind, judged: Judgement, run: RunRecord, at: datetime) -> FindingEvent:
    return FindingEvent(
        finding=judged.fingerprint,
        kind=kind,
        at=at,
        run_id=run.plan.run_id,
        severity=judged.severity or Severity.INFO,
        because=judged.because,
    )
