"""What a check's exit code says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.finding import Evaluation, Severity
from portproof.model.observation import LocalFault
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord

CLEAN: Final = 0
DEVIATES: Final = 1
INCONCLUSIVE: Final = 3

_NO_HOST_THERE: Final = {
    LocalFault.NO_NEIGHBOUR,
    LocalFault.NOT_PROBED,
    LocalFault.NOT_DISCOVERED,
}


def exit_code(
    evaluation: Evaluation,
    run: RunRecord,
    fail_on: Severity,
    called_false: Collection[str] = (),
) -> int:
    """Give 0 (clean), 1 (a deviation at or above `fail_on`), or 3, which wins over 1.

    3 is an inconclusive or interrupted run, UNKNOWN on something required, or a host or name of
    which nothing was measured though it was asked for: nobody knows. An address of a listed network
    at which no neighbour answers (or nobody answered the discovery that was asked for), while
    others of that network do, is taken for an unused one: the report counts it as not measured, but
    it is no alarm. A waived deviation does not count, nor one whose finding (its fingerprint is in
    `called_false`) is closed as a false positive.
    """
    unknown = any(each.required for each in evaluation.unknown)
    if not run.conclusive or unknown or _unseen(run):
        return INCONCLUSIVE
    counted = (each for each in evaluation.deviations if each.fingerprint not in called_false)
    worst = max((each.severity.rank for each in counted if each.severity), default=-1)
    return DEVIATES if worst >= fail_on.rank else CLEAN


def _unseen(run: RunRecord) -> bool:
    """Whether of some planned host, over some transport, or of some name nothing was measured."""
    unresolved = any(
        each.ports(transport)
        for each in run.plan.resolutions
        if not each.addresses
        for transport in Transport
    )
    alive = frozenset(each.host.target for each in run.hosts if any(each.states.values()))
    silent = (each for each in run.hosts if _nothing_measured(each))
    return unresolved or any(not _unused(each, alive) for each in silent)


def _unused(outcome: HostOutcome, alive: frozenset[str]) -> bool:
    faults = {fault for fault, ports in outcome.unmeasured.items() if ports}
    return outcome.host.target in alive and faults <= _NO_HOST_THERE


def _nothing_measured(outcome: HostOutcome) -> bool:
    # A UDP port that no probe is registered for is not asked: that says nothing about the host.
    not_asked = outcome.unmeasured.get(LocalFault.NOT_PROBED, PortSet.empty())
    asked = outcome.host.ports(outcome.transport) - not_asked
    return bool(asked) and not any(outcome.states.values())
