"""Egress: a vantage inside tries what gets out to the operator's own sink; kept as a run.

The sink has to lie inside the authorisation like every target (law 4). What the scope of the run
says is its purpose: `egress ZONE to ADDRESS`.
"""

from __future__ import annotations

from portproof.model.endpoint import Address
from portproof.model.portspec import PortSpec
from portproof.model.targetspec import AddressTarget
from portproof.model.vantage import Vantage
from portproof.model.way import Way
from portproof.plan.build import PlanRequest
from portproof.policy.segmentation import STARTED_BY


def egress_request(
    vantage: Vantage,
    sinks: tuple[Address, ...],
    ports: PortSpec,
    *,
    started_by: str,
    through: Way | None = None,
) -> PlanRequest:
    """Give what has to be asked of the sinks, each port of the list once.

    `through` is the proxy or jump host that the vantage probes through; None: it has none.
    """
    named = ", ".join(map(str, sinks))
    return PlanRequest(
        scope=f"egress {vantage.zone} to {named}{STARTED_BY}{started_by}",
        targets=tuple(map(AddressTarget, sinks)),
        ports=ports,
        vantage=vantage,
        through=through,
    )
