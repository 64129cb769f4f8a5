"""Which facts one evaluation asserts, and which it may deny (`facts.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from portproof.compliance.document_facts import document_facts
from portproof.compliance.inventory_facts import inventory_facts
from portproof.compliance.run_facts import COVERAGE_OK, coverage_gap, run_facts
from portproof.errors import DocumentError, Fault
from portproof.model.baseline import Baseline
from portproof.model.compliance import AssertedFact
from portproof.model.finding import Evaluation, Finding, Judgement, Verdict
from portproof.model.inventory import TargetFact
from portproof.model.observation import PortState
from portproof.model.observed import services_of, unasked_of
from portproof.model.rule import FactDefinitions, Polarity
from portproof.model.scan import ControlKind, RunRecord
from portproof.model.vantage import Trust

_OF_DOCUMENTS: Final = frozenset(
    {
        "approval_missing",
        "approval_self",
        "baseline_review_overdue",
        "baseline_reviewed",
        "exception_expiring",
    }
)
"""Facts about documents: no run can spoil them."""
_OF_THE_RUN: Final = frozenset({"scan_incomplete", "scan_interference", "clock_unsynced"})
"""Facts about the run itself: an inconclusive one decides them too."""
_OF_IDENTITY: Final = frozenset(
    {
        "tls_cert_problem",
        "insecure_service",
        "insecure_unmitigated",
        "plaintext_admin",
        "admin_exposed",
        "datastore_exposed",
    }
)
"""Facts that an open port which did not identify itself may hide."""
_FROM_OUTSIDE: Final = frozenset({"admin_exposed", "datastore_exposed"})
"""Facts about untrusted zones: a run from a trusted one has not looked."""
_OF_OBSERVATION: Final = frozenset(
    {
        "unexpected_open",
        "missing_service",
        "service_mismatch",
        "exception_expired",
        "insecure_mitigated",
        "unknown_service",
        "scan_clean",
        *_OF_IDENTITY,
    }
)
DECIDED: Final = _OF_DOCUMENTS | _OF_THE_RUN | _OF_OBSERVATION
"""Every fact this version looks for completely. The others are never denied, whatever their needs."""
_SHOWN_ONLY: Final = frozenset(
    {
        "baseline_change_untracked",  # an entry that was removed is not judged
        "inventory_unseen",
        "scope_drift",
        "segmentation_open",  # one run is one side of one boundary
        "tls_weak",  # one handshake shows the best version of both, not every one that is on
        "unknown_asset",
    }
)
"""Facts that a run may show, while none can show that there is nothing of the kind."""

RUN_DEPENDENT: Final = _OF_OBSERVATION | {"scan_incomplete", "scan_interference"}
"""Facts that only a conclusive run can settle."""

_LEFT_OPEN_BY: Final[Mapping[str, frozenset[str]]] = {
    "missing-service": frozenset({"missing_service"}),
    "service-mismatch": frozenset({"service_mismatch"}),
    "tls-certificate": frozenset({"tls_cert_problem"}),
    "not-measured": _OF_OBSERVATION,
    "unrecognised-response": _OF_OBSERVATION,
}
"""The facts that an UNKNOWN of a rule leaves undecided. `no-response` leaves none: a port that did
not answer did not answer as open, which is what the facts speak of."""
_HIDDEN_BY_INTERFERENCE: Final = _OF_IDENTITY | {"unknown_service", "service_mismatch"}
"""Facts that ports which all answer, and none of which says what it is, may hide; waived or not."""
_INTERFERENCE_RULE: Final = "scan-interference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one evaluation knows in the vocabulary of facts."""

    asserted: tuple[AssertedFact, ...]
    available: frozenset[str]
    """The needs (`facts.yaml`) that were met."""
    undecided: Mapping[str, str]
    """Facts that were looked for and could not be denied: id → why."""
    decided: frozenset[str]
    """Facts that were looked for completely: what is not asserted of them is denied."""
    definitions: FactDefinitions

    def polarity(self, fact: str) -> Polarity:
        """Give a fact's polarity; a fact nobody defined counts against, for it can never be denied."""
        definition = self.definitions.get(fact)
        return definition.polarity if definition else Polarity.DEFICIENCY

    def why_open(self, fact: str) -> str:
        """Say why a fact that is not asserted was not denied either: what is missing, or in doubt."""
        if fact in self.undecided:
            return self.undecided[fact]
        definition = self.definitions.get(fact)
        missing = sorted(set(definition.needs if definition else ()) - self.available)
        if missing:
            return f"needs {', '.join(missing)}"
        if fact in _SHOWN_ONLY:
            return "not seen, and one run cannot show that there is none"
        return "not looked for by this version"


def assert_facts(
    run: RunRecord,
    evaluation: Evaluation,
    baseline: Baseline,
    definitions: FactDefinitions,
    standing: Sequence[Finding] = (),
    inventory: Sequence[TargetFact] = (),
) -> Facts:
    """Give every fact the evaluation asserts, and what its silence on the others means.

    `standing` are the findings of earlier runs that this one did not measure again: to look at less
    must not make what was found there untrue, so that their facts stay undecided. `inventory` is
    what the run says of the targets that sources list.

    Raises:
        DocumentError: a judgement asserts a fact that the vocabulary does not have.
    """
    available = _available(run, evaluation)
    undecided = dict(_undecided(run, evaluation)) | dict(_standing(standing))
    looked_for = frozenset(
        each.id
        for each in definitions.facts
        if each.id in DECIDED and available.issuperset(_needs(each.id, each.needs))
    )
    asserted = (
        *_of_judgements(evaluation, definitions),
        *document_facts(baseline, evaluation.at, definitions),
        *run_facts(run, evaluation, definitions, standing),
        *inventory_facts(inventory, definitions),
    )
    return Facts(
        asserted=asserted,
        available=available,
        undecided={fact: why for fact, why in undecided.items() if definitions.get(fact)},
        decided=looked_for - undecided.keys(),
        definitions=definitions,
    )


def _needs(fact: str, needs: tuple[str, ...]) -> tuple[str, ...]:
    """Give what a fact needs to be denied: for some, more than to be asserted."""
    if fact in _FROM_OUTSIDE:
        return (*needs, "service_rules", "completed_probe")
    if fact in _OF_OBSERVATION:
        return (*needs, "completed_probe")
    return needs


def _available(run: RunRecord, evaluation: Evaluation) -> frozenset[str]:
    """Give the needs that were met: by the documents, and by how far the run went.

    Services are identified, and TLS spoken, in the last phase of a run: one that was stopped may
    not have got there.
    """
    met = {
        "completed_probe": run.conclusive,
        "service_id": run.conclusive,
        "tls_probe": run.conclusive,
        "control_probe": bool(run.samples),
        COVERAGE_OK: coverage_gap(run) is None,
    }
    return evaluation.available | {need for need, there in met.items() if there}


def _undecided(run: RunRecord, evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    """Give the facts that nothing asserted and nothing may deny; the gravest reason comes last."""
    if not _spoke_tls(run):
        yield "tls_cert_problem", "no endpoint of the run spoke TLS"
    yield from _left_open(evaluation, run.plan.vantage.zone)
    if unasked := _not_asked(run):
        why = f"{_open_ports(unasked)} {'was' if unasked == 1 else 'were'} not asked what answers"
        yield from ((fact, why) for fact in (*_OF_IDENTITY, "unknown_service"))
    gap = coverage_gap(run)
    if gap is not None:
        yield from ((fact, gap) for fact in _OF_OBSERVATION)
    if not any(each.kind is ControlKind.NEGATIVE for each in run.plan.controls):
        yield (
            "scan_interference",
            "the run had no negative control, so that nothing would unmask it",
        )


def _spoke_tls(run: RunRecord) -> bool:
    """Where no certificate was shown, none was looked at: that is no good certificate."""
    services = services_of(host.observations for host in run.hosts)
    return any(each.tls is not None for each in services)


def _not_asked(run: RunRecord) -> int:
    """Count the open ports about whose service nothing is known because nobody asked; not our own."""
    own = frozenset(run.own_listeners)
    return sum(
        seen.state is PortState.OPEN and seen.service is None and seen.endpoint not in own
        for seen in unasked_of(host.observations for host in run.hosts)
    )


def _left_open(evaluation: Evaluation, zone: str) -> Iterator[tuple[str, str]]:
    """Give what the judgements leave open, and what nobody sees from this zone."""
    if evaluation.trust is not Trust.UNTRUSTED:
        known = "trusted" if evaluation.trust else "undeclared"
        yield from (
            (fact, f"the run looked from the {known} zone {zone} only") for fact in _FROM_OUTSIDE
        )
    for judged in evaluation.unknown:
        yield from ((fact, judged.title) for fact in _LEFT_OPEN_BY.get(judged.rule, ()))
    for judged in (*evaluation.deviations, *evaluation.waived):
        if judged.rule == _INTERFERENCE_RULE:
            yield from ((fact, judged.title) for fact in _HIDDEN_BY_INTERFERENCE)
    hidden = sum("unknown_service" in each.facts for each in evaluation.judgements)
    if hidden:
        why = f"{_open_ports(hidden)} did not identify what answers"
        yield from ((fact, why) for fact in _OF_IDENTITY)


def _standing(standing: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Give the facts of findings that were not measured again; none of them leaves a clean run."""
    for finding in standing:
        why = f"finding {finding.fingerprint} stands and was not measured again"
        yield from ((fact, why) for fact in (*finding.judgement.facts, "scan_clean"))


def _open_ports(number: int) -> str:
    """Print a number of open ports: `1 open port`, `2 open ports`."""
    return "1 open port" if number == 1 else f"{number} open ports"


def _of_judgements(evaluation: Evaluation, definitions: FactDefinitions) -> Iterator[AssertedFact]:
    for judged in evaluation.judgements:
        for fact in judged.facts:
            yield _asserted(judged, fact, definitions)


def _asserted(judged: Judgement, fact: str, definitions: FactDefinitions) -> AssertedFact:
    definition = definitions.get(fact)
    if definition is None:
        raise DocumentError(
            [Fault("facts", 0, 0, f"the fact {fact} is missing; a rule asserts it")]
        )
    is_finding = judged.verdict in (Verdict.DEVIATES, Verdict.WAIVED)
    return AssertedFact(
        fact=fact,
        polarity=definition.polarity,
        subject=_subject(judged),
        because=judged.because,
        finding=judged.fingerprint if is_finding else "",
        evidence=judged.evidence,
        waived=judged.verdict is Verdict.WAIVED,
    )


def _subject(judged: Judgement) -> str:
    place = str(judged.endpoint) if judged.endpoint else judged.subject.asset
    if judged.also:
        place = ", ".join([place, *map(str, judged.also)])
    return f"{place} from {judged.subject.zone}" if judged.subject.zone else place
