"""What settles a finding: each endpoint that it stands on was measured, and shows it no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from portproof.model.custom_rule import is_custom
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.finding import ClosedBy, Evaluation, HostPorts, Judgement, Verdict
from portproof.model.observation import PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.checks import (
    approval_expired,
    insecure_service,
    interference,
    missing_service,
    plaintext_administration,
    segmentation_crossed,
    segmentation_open,
    service_mismatch,
    tls_certificate,
    tls_floor,
    unapproved_exposure,
)
from portproof.policy.conformity import ConformingPorts
from portproof.policy.crowds import extent_of, touches
from portproof.policy.scene import service_at
from portproof.policy.services import identity
from portproof.policy.subjects import endpoints_of

_RESTS_ON_IDENTITY: Final = frozenset(
    {
        insecure_service.RULE,
        plaintext_administration.RULE,
        service_mismatch.RULE,
        tls_certificate.RULE,
        tls_floor.RULE,
    }
)
"""Rules about what a port speaks: an open port that does not say so any more settles nothing."""
_NEEDS_APPROVAL: Final = {
    approval_expired.RULE: unapproved_exposure.RULE,
    segmentation_open.RULE: segmentation_open.RULE,
    unapproved_exposure.RULE: unapproved_exposure.RULE,
}
"""Rules that an open port settles only by being approved now, and the rule it then conforms to."""

_OF_THE_APPROVED: Final = frozenset({insecure_service.RULE, service_mismatch.RULE, tls_floor.RULE})
"""Rules about approved ports only: without the approval, the port is an unapproved exposure."""
_DEVIATING: Final = frozenset({Verdict.DEVIATES, Verdict.WAIVED})
_CARRIERS: Final = frozenset({"http", "https", "tls"})
"""Names that do not tell which application answers."""


def why_gone(
    judged: Judgement, evaluation: Evaluation, looked: Looked
) -> tuple[str, ClosedBy] | None:
    """Say why this run resolves a finding that no judgement of it holds up; None: it does not."""
    if not judged.subject.zone:
        scope, _, _ = judged.subject.asset.rpartition("/")
        ours = scope == evaluation.scope
        return ("the document no longer shows it", ClosedBy.DOCUMENT) if ours else None
    if judged.subject.zone != looked.zone:
        return None
    if judged.rule in _OF_WHOLE_HOSTS:
        return _OF_WHOLE_HOSTS[judged.rule](judged, evaluation, looked)
    told: dict[str, list[str]] = {}
    closed_by = ClosedBy.RESCAN
    for endpoint in endpoints_of(judged):
        settled = looked.settled(judged, endpoint)
        if settled is None:
            return None
        how, why = settled
        told.setdefault(why, []).append(how)
        if looked.approved(judged, endpoint):
            closed_by = ClosedBy.APPROVAL
        elif looked.unruled(judged, endpoint):
            closed_by = ClosedBy.DOCUMENT
    because = "; ".join(f"{', '.join(how)}, {why}" for why, how in told.items())
    return (because, closed_by) if because else None


def _no_interference(
    judged: Judgement, evaluation: Evaluation, looked: Looked
) -> tuple[str, ClosedBy] | None:
    """A subject without interference: all ports it was doubtful on were measured again.

    A host that now answers like all of its network (or the other way round) is not free of it.
    """
    extent = extent_of(judged)
    standing = (each for each in evaluation.judgements if each.rule == interference.RULE)
    if not extent or any(touches(judged, each) for each in standing):
        return None
    if looked.unmeasured(extent, judged.subject.transport):
        return None
    return "the host no longer answers on far too many ports", ClosedBy.RESCAN


def _nothing_crosses(
    judged: Judgement, evaluation: Evaluation, looked: Looked
) -> tuple[str, ClosedBy] | None:
    """A boundary that lets nothing through to closed ports: all of them were measured again.

    Where a refusal of the same host came from nobody knows whom, or no policy says what is to be
    closed, nothing is settled.
    """
    doubts = (each for each in evaluation.unknown if each.rule == judged.rule)
    if not judged.extent or any(touches(judged, each) for each in doubts):
        return None
    if "segmentation_policy" not in evaluation.available:
        return None
    if looked.unmeasured(judged.extent, judged.subject.transport):
        return None
    told = "none of it crosses a boundary that the segmentation policy closes any more"
    return told, ClosedBy.RESCAN


_OF_WHOLE_HOSTS: Final[Mapping[str, Callable[..., tuple[str, ClosedBy] | None]]] = {
    interference.RULE: _no_interference,
    segmentation_crossed.RULE: _nothing_crosses,
}
"""What settles the rules that judge hosts as a whole, by the extent of the finding."""


class Looked:
    """Where a run looked, by address, and what was judged of its endpoints.

    Never by name: another address of the same name says nothing of the one that a finding is on.
    """

    def __init__(self, run: RunRecord, evaluation: Evaluation) -> None:
        self.zone = run.plan.vantage.zone
        self._run, self._evaluation = run, evaluation
        self._custom_rules = evaluation.custom_rules
        self._judged: dict[tuple[str, Verdict], set[Endpoint]] = {}
        self._extents: dict[tuple[str, Verdict, Address, Transport | None], PortSet] = {}
        """What one judgement of the organisation's own rule says of many ports."""
        self._told_of: dict[tuple[str, Endpoint], set[str]] = {}
        """The assets that a rule's deviations at an endpoint are told of."""
        for each in evaluation.judgements:
            places = self._judged.setdefault((each.rule, each.verdict), set())
            places.update(endpoints_of(each))
            for endpoint in endpoints_of(each) if each.verdict in _DEVIATING else ():
                self._told_of.setdefault((each.rule, endpoint), set()).add(each.subject.asset)
            for held in each.extent if is_custom(each.rule) else ():
                key = (each.rule, each.verdict, held.address, each.subject.transport)
                self._extents[key] = self._extents.get(key, PortSet.empty()) | held.ports

    @cached_property
    def _hosts(self) -> Mapping[tuple[Address, Transport], Sequence[HostOutcome]]:
        hosts: dict[tuple[Address, Transport], list[HostOutcome]] = {}
        for outcome in self._run.hosts:
            hosts.setdefault((outcome.host.address, outcome.transport), []).append(outcome)
        return hosts

    @cached_property
    def _conforming(self) -> ConformingPorts:
        return ConformingPorts(self._evaluation)

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

    def approved(self, judged: Judgement, endpoint: Endpoint) -> bool:
        """Whether a settled endpoint is still open, and settled by being approved now."""
        told_anew = self._told_anew(judged, endpoint)
        return judged.rule in _NEEDS_APPROVAL and self._still_open(endpoint) and not told_anew

    def unruled(self, judged: Judgement, endpoint: Endpoint) -> bool:
        """Whether the endpoint is still open, and the customer's rules no longer have the finding's."""
        rules = self._custom_rules
        gone = is_custom(judged.rule) and rules is not None and judged.rule not in rules
        return gone and self._still_open(endpoint)

    def _still_open(self, endpoint: Endpoint) -> bool:
        outcomes = self._hosts.get((endpoint.address, endpoint.transport), ())
        return any(each.state_of(endpoint.port) is PortState.OPEN for each in outcomes)

    def _settles(self, judged: Judgement, endpoint: Endpoint, outcome: HostOutcome) -> bool:
        """Whether what was seen at the endpoint is enough to say that the deviation is gone."""
        match outcome.state_of(endpoint.port):
            case PortState.CLOSED | PortState.FILTERED:
                return True
            case PortState.OPEN if self._otherwise(judged, endpoint):
                return True
            case PortState.OPEN if is_custom(judged.rule) or judged.rule in _NEEDS_APPROVAL:
                wanted = _NEEDS_APPROVAL.get(judged.rule, judged.rule)
                return self._is(wanted, endpoint, Verdict.CONFORMS)
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
        if judged.rule == tls_floor.RULE:
            unknown = self._is(judged.rule, endpoint, Verdict.UNKNOWN)
            return service.tls is not None and not unknown
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

    def _otherwise(self, judged: Judgement, endpoint: Endpoint) -> bool:
        """Whether an open endpoint is settled by what it is now, whatever is approved of it."""
        settled = self._told_anew(judged, endpoint) or self._moved(judged, endpoint)
        return settled or self.unruled(judged, endpoint)

    def _told_anew(self, judged: Judgement, endpoint: Endpoint) -> bool:
        """Whether the same deviation is told of another asset now, to which the address belongs."""
        now = self._told_of.get((judged.rule, endpoint), set())
        return bool(now) and judged.subject.asset not in now

    def _because(self, judged: Judgement, endpoint: Endpoint) -> str:
        if self._told_anew(judged, endpoint):
            now = ", ".join(sorted(self._told_of[judged.rule, endpoint]))
            return f"and belongs to {now} now: that is a finding of its own"
        if self._moved(judged, endpoint):
            return "and is no longer approved: that is a finding of its own"
        if self.unruled(judged, endpoint):
            return "and no rule of the document looks for it any more"
        missing = judged.rule == missing_service.RULE
        if missing and not self._is(judged.rule, endpoint, Verdict.CONFORMS):
            return "and no entry requires it any more"
        return "which conforms"

    def _is(self, rule: str, endpoint: Endpoint, verdict: Verdict) -> bool:
        if endpoint in self._judged.get((rule, verdict), ()):
            return True
        held = self._extents.get((rule, verdict, endpoint.address, endpoint.transport))
        if held is not None and endpoint.port in held:
            return True
        return verdict is Verdict.CONFORMS and self._conforming.at(rule, endpoint)
