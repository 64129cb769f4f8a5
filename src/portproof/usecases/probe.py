"""Probe: a few endpoints, now; nothing is kept but a refusal."""

from __future__ import annotations

from portproof.contracts import ScanListener, StopSignal
from portproof.model.authorisation import Authorisation
from portproof.model.endpoint import Endpoint
from portproof.model.observation import Outcome, PortState, Unmeasured
from portproof.model.scan import HostOutcome, RunRecord
from portproof.plan.build import PlanRequest
from portproof.usecases.scan import ScanServices, planned


def probe(
    services: ScanServices,
    request: PlanRequest,
    authorisation: Authorisation | None,
    *,
    watcher: ScanListener,
    stop: StopSignal,
) -> RunRecord:
    """Carry out a run of a few endpoints without keeping it.

    Laws 2 and 4 hold here too: the authorisation is asked (a refusal is kept), and silence without
    a witness is unmeasured.

    Raises:
        AuthorisationError: as `scan` does.
    """
    with planned(services, request, authorisation) as plan:
        return services.scanner.run(plan, watcher, stop)


def outcomes(record: RunRecord) -> list[Outcome]:
    """Give one outcome per endpoint: the observations that were kept, and what was not measured."""
    found: list[Outcome] = []
    for host in record.hosts:
        found += host.observations
        found += _unmeasured(host)
    return found


def _unmeasured(host: HostOutcome) -> list[Unmeasured]:
    return [
        Unmeasured(endpoint=Endpoint(host.host.address, host.transport, port), fault=fault)
        for fault, ports in host.unmeasured.items()
        for port in ports
    ]


def exit_code(record: RunRecord) -> int:
    """Choose the exit code: 0 all open, 3 something not known, 1 otherwise.

    `open|filtered` and Unmeasured are not known; closed and filtered are answers.
    """
    found = outcomes(record)
    if not found or any(isinstance(each, Unmeasured) for each in found):
        return 3
    states = {each.state for each in found if not isinstance(each, Unmeasured)}
    if PortState.OPEN_FILTERED in states:
        return 3
    return 0 if states == {PortState.OPEN} else 1
