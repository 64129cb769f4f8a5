"""How findings live: what a run's judgements do to the findings of the runs before it.

::

    not there ─ opened ─► open ─ seen ─► open ─ resolved ─► closed ─ reopened ─► open
                           │ ▲                    ▲
                    waived ▼ │ waiver-ended       │ resolved
                          waived ─────────────────┘

Only a conclusive run moves anything (law 2). A finding is resolved only when each endpoint that it
stands on was measured in this run and conforms; what was not asked, not measured or not judged
stays as it is. Each sighting is one of opened, seen or reopened; a change of waiver follows it.

Time is the time of measuring: events carry the instant at which their run finished, whenever it is
judged. A finding is moved only by a run that finished later than the one that moved it last, so
that runs judged again, or late, neither count twice nor undo what is known since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, assert_never

from portproof.model.baseline import Baseline
from portproof.model.endpoint import Address, Endpoint, Transport, endpoint_order
from portproof.model.finding import (
    Evaluation,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    HostPorts,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.observation import PortState, Service
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.checks import (
    approval_expired,
    insecure_service,
    interference,
    missing_service,
    plaintext_administration,
    service_mismatch,
    tls_certificate,
    unapproved_exposure,
)
from portproof.policy.crowds import extent_of, touches
from portproof.policy.scene import crowded, joined, service_at
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

_OF_THE_APPROVED: Final = frozenset({insecure_service.RULE, service_mismatch.RULE})
"""Rules about approved ports only: without the approval, the port is an unapproved exposure."""
_DEVIATING: Final = frozenset({Verdict.DEVIATES, Verdict.WAIVED})
_CARRIERS: Final = frozenset({"http", "https", "tls"})
"""Names that do not tell which application answers."""


def with_standing(
    previous: Sequence[Finding], evaluation: Evaluation, run: RunRecord, baseline: Baseline
) -> Evaluation:
    """Give the evaluation with all that its deviations stand on, for findings to be made of.

    Where an earlier run saw the same finding at endpoints that this run did not settle, those stay
    part of it; nor does a waiver of what this run saw accept them. Judging the same run again gives
    the same.
    """
    if not run.conclusive:
        return evaluation
    known = {each.fingerprint: each for each in previous}
    looked = _Looked(run, evaluation)
    judgements = []
    for judged in evaluation.judgements:
        whole = judged
        if judged.verdict in _DEVIATING:
            if judged.rule == interference.RULE:
                whole = replace(judged, extent=crowded(judged.subject, run, baseline))
            finding = known.get(judged.fingerprint)
            if finding is not None and _may_add(finding, run):
                whole = _added(finding.judgement, whole, looked)
        judgements.append(whole)
    return replace(evaluation, judgements=tuple(judgements))


def finding_events(
    previous: Sequence[Finding], evaluation: Evaluation, run: RunRecord
) -> tuple[FindingEvent, ...]:
    """Give what the run does to the findings so far, each event at the instant it finished.

    `previous` are all findings ever opened, closed ones included; `evaluation` is that of
    `with_standing`. Empty for a run that is not conclusive.
    """
    if not run.conclusive:
        return ()
    known = {each.fingerprint: each for each in previous}
    deviating = (*evaluation.deviations, *evaluation.waived)
    seen = (event for judged in deviating for event in _sighted(known, judged, run))
    gone = _gone(previous, evaluation, run)
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
    known: dict[str, Finding], judged: Judgement, run: RunRecord
) -> Iterator[FindingEvent]:
    """Give the events of one deviation: that it was seen, and what its waiver did."""
    finding = known.get(judged.fingerprint)
    if finding is not None and not _is_news(finding, run):
        return
    kind = _sighting(finding)
    yield _event(kind, judged, run)
    was_waived = finding is not None and finding.status is FindingStatus.WAIVED
    is_waived = judged.verdict is Verdict.WAIVED
    if is_waived and not was_waived:
        yield _event(FindingEventKind.WAIVED, judged, run)
    if was_waived and not is_waived:
        yield _event(FindingEventKind.WAIVER_ENDED, judged, run)


def _sighting(finding: Finding | None) -> FindingEventKind:
    if finding is None:
        return FindingEventKind.OPENED
    closed = finding.status is FindingStatus.CLOSED
    return FindingEventKind.REOPENED if closed else FindingEventKind.SEEN


def _is_news(finding: Finding, run: RunRecord) -> bool:
    """Whether the run measured later than whatever moved the finding last."""
    return run.finished > finding.measured_at


def _gone(
    previous: Sequence[Finding], evaluation: Evaluation, run: RunRecord
) -> Iterator[FindingEvent]:
    """Resolve what this run measured again and found to conform.

    A judgement other than CONFORMS with its fingerprint means that a finding stands, or that nobody
    knows.
    """
    standing = {
        each.fingerprint for each in evaluation.judgements if each.verdict is not Verdict.CONFORMS
    }
    looked = _Looked(run, evaluation)
    for finding in previous:
        if finding.status is FindingStatus.CLOSED or finding.fingerprint in standing:
            continue
        if not _is_news(finding, run):
            continue
        because = _why_gone(finding.judgement, evaluation, looked)
        if because is not None:
            event = _event(FindingEventKind.RESOLVED, finding.judgement, run)
            yield replace(event, because=because)


# ---------------------------------------------------------------- what a finding stands on


def _may_add(finding: Finding, run: RunRecord) -> bool:
    """Whether the finding's endpoints count beside the run's: it stands, and not by a later run."""
    if finding.status is FindingStatus.CLOSED:
        return False
    return finding.run_id == run.plan.run_id or _is_news(finding, run)


def _added(before: Judgement, judged: Judgement, looked: _Looked) -> Judgement:
    """Give the judgement with what stands of the one before, and was not settled since."""
    here = set(endpoints_of(judged))
    left = [
        each
        for each in endpoints_of(before)
        if each not in here and looked.settled(before, each) is None
    ]
    unlooked = looked.unmeasured(before.extent, before.subject.transport)
    whole = replace(judged, extent=joined((*judged.extent, *unlooked)))
    if not left:
        return whole
    also = sorted({*judged.also, *left}, key=endpoint_order)
    listed = ", ".join(map(str, left))
    told = f"{judged.because} As an earlier run saw it, and not settled since: {listed}."
    whole = replace(whole, also=tuple(also), because=told)
    if before.verdict is Verdict.WAIVED or judged.verdict is not Verdict.WAIVED:
        return whole
    return replace(whole, verdict=Verdict.DEVIATES, waiver_id="")


class _Looked:
    """Where a run looked, by address, and what was judged of its endpoints.

    Never by name: another address of the same name says nothing of the one that a finding is on.
    """

    def __init__(self, run: RunRecord, evaluation: Evaluation) -> None:
        self.zone = run.plan.vantage.zone
        self._hosts: dict[tuple[Address, Transport], list[HostOutcome]] = {}
        for outcome in run.hosts:
            place = (outcome.host.address, outcome.transport)
            self._hosts.setdefault(place, []).append(outcome)
        self._judged: dict[tuple[str, Verdict], set[Endpoint]] = {}
        for each in evaluation.judgements:
            places = self._judged.setdefault((each.rule, each.verdict), set())
            places.update(endpoints_of(each))

    def settled(self, judged: Judgement, endpoint: Endpoint) -> tuple[str, str] | None:
        """Say how the endpoint showed itself and why that settles it; None when it does not."""
        if self._is(judged.rule, endpoint, Verdict.UNKNOWN):
            return None
        outcomes = [
            each
            for each in self._hosts.get((endpoint.address, endpoint.transport), [])
            if endpoint.port in each.host.ports(endpoint.transport)
        ]
        if not outcomes or not all(self._settles(judged, endpoint, each) for each in outcomes):
            return None
        states = dict.fromkeys(str(each.state_of(endpoint.port)) for each in outcomes)
        return f"{endpoint} was {' and '.join(states)}", self._because(judged, endpoint)

    def unmeasured(
        self, extent: Iterable[HostPorts], over: Transport | None
    ) -> tuple[HostPorts, ...]:
        """Give what of an extent this run did not measure over the transport."""
        left = []
        for each in extent:
            ports = each.ports
            for outcome in self._hosts.get((each.address, over), []) if over else []:
                for measured in outcome.states.values():
                    ports = ports - measured
            if ports:
                left.append(HostPorts(address=each.address, ports=ports))
        return tuple(left)

    def _settles(self, judged: Judgement, endpoint: Endpoint, outcome: HostOutcome) -> bool:
        """Whether what was seen at the endpoint is enough to say that the deviation is gone."""
        match outcome.state_of(endpoint.port):
            case PortState.CLOSED | PortState.FILTERED:
                return True
            case PortState.OPEN if judged.rule in _NEEDS_APPROVAL:
                return self._is(unapproved_exposure.RULE, endpoint, Verdict.CONFORMS)
            case PortState.OPEN if self._moved(judged, endpoint):
                return True
            case PortState.OPEN if judged.rule in _RESTS_ON_IDENTITY:
                service = service_at(outcome.observation(endpoint.port))
                return service is not None and self._shown(judged, endpoint, service, outcome)
            case PortState.OPEN:
                return True
            case _:
                return False

    def _shown(
        self, judged: Judgement, endpoint: Endpoint, service: Service, outcome: HostOutcome
    ) -> bool:
        """Whether an identified service showed what the rule is about, not merely less of it."""
        if judged.rule == tls_certificate.RULE:
            if service.tls is None or service.tls.certificate is None:
                return False
            named = service.tls.server_name is not None
            asked = named and service.tls.server_name == outcome.host.name
            return asked or not any(step.rule == "other name" for step in judged.trace)
        if judged.rule == insecure_service.RULE:
            name = identity(service)
            return (
                self._is(judged.rule, endpoint, Verdict.CONFORMS)
                or service.attributes.get("auth") == "required"
                or (name != judged.service and not {name, judged.service} & _CARRIERS)
            )
        return True

    def _moved(self, judged: Judgement, endpoint: Endpoint) -> bool:
        """Whether a deviation of an approved port is now that it is not approved."""
        return judged.rule in _OF_THE_APPROVED and any(
            self._is(unapproved_exposure.RULE, endpoint, each) for each in _DEVIATING
        )

    def _because(self, judged: Judgement, endpoint: Endpoint) -> str:
        if self._moved(judged, endpoint):
            return "and is no longer approved: that is a finding of its own"
        missing = judged.rule == missing_service.RULE
        if missing and not self._is(judged.rule, endpoint, Verdict.CONFORMS):
            return "and no entry requires it any more"
        return "which conforms"

    def _is(self, rule: str, endpoint: Endpoint, verdict: Verdict) -> bool:
        return endpoint in self._judged.get((rule, verdict), ())


def _why_gone(judged: Judgement, evaluation: Evaluation, looked: _Looked) -> str | None:
    """Say why this run resolves a finding that no judgement of it holds up; None: it does not."""
    if not judged.subject.zone:
        scope, _, _ = judged.subject.asset.rpartition("/")
        ours = scope == evaluation.scope
        return "the document no longer shows it" if ours else None
    if judged.subject.zone != looked.zone:
        return None
    if judged.rule == interference.RULE:
        return _no_interference(judged, evaluation, looked)
    told: dict[str, list[str]] = {}
    for endpoint in endpoints_of(judged):
        settled = looked.settled(judged, endpoint)
        if settled is None:
            return None
        how, why = settled
        told.setdefault(why, []).append(how)
    return "; ".join(f"{', '.join(how)}, {why}" for why, how in told.items()) or None


def _no_interference(judged: Judgement, evaluation: Evaluation, looked: _Looked) -> str | None:
    """A subject without interference: all ports it was doubtful on were measured again.

    A host that now answers like all of its network (or the other way round) is not free of it.
    """
    extent = extent_of(judged)
    standing = (each for each in evaluation.judgements if each.rule == interference.RULE)
    if not extent or any(touches(judged, each) for each in standing):
        return None
    clear = not looked.unmeasured(extent, judged.subject.transport)
    return "the host no longer answers on far too many ports" if clear else None


def _event(kind: FindingEventKind, judged: Judgement, run: RunRecord) -> FindingEvent:
    return FindingEvent(
        finding=judged.fingerprint,
        kind=kind,
        at=run.finished,
        run_id=run.plan.run_id,
        severity=judged.severity or Severity.INFO,
        because=judged.because,
    )
