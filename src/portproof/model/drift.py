"""What changed between two runs, what cannot be said of it, and in what the runs are unlike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import PortState
from portproof.model.ports import PortSet


class GapReason(StrEnum):
    """Why nothing is said of some ports: the words that are printed."""

    EARLIER_ONLY = "asked in the earlier run only"
    LATER_ONLY = "asked in the later run only"
    UNMEASURED_BEFORE = "not measured in the earlier run"
    UNMEASURED_AFTER = "not measured in the later run"
    UNMEASURED_BOTH = "measured in neither run"
    OWN_LISTENER = "portproof's own listener in one run"
    ENGINE = "closed in one run and filtered in the other, by different engines"
    PATIENCE = "silent in the run that waited less, answered in the other"
    NO_NEGATIVE = "open in the run without a negative control for its network"
    CROWD = "open on too many ports of its host to believe in"
    NOT_ASKED = "approved, and not asked by the run"
    NO_ANSWER = "approved, and neither open nor closed: no answer came"
    BEFORE_PERIOD = "not measured in the period"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortChange:
    """One port that was, or is, open, and shows itself otherwise now."""

    endpoint: Endpoint
    before: PortState
    after: PortState
    reason_before: str = ""
    """nmap's word for why the state was given, `syn-ack`; empty when it was not kept."""
    reason_after: str = ""
    service_before: str = ""
    """Name and product of the service that identified itself, or whose listener it was if it was
    portproof's own; empty when none did."""
    service_after: str = ""
    own_before: bool = False
    """It was portproof's own listener in the earlier run: nothing of others shows there."""
    own_after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StateShift:
    """Ports of one host that changed between states neither of which is open.

    A firewall that begins to drop moves tens of thousands of ports at once: that is one shift.
    """

    address: Address
    transport: Transport
    before: PortState
    after: PortState
    ports: PortSet
    reason_before: str = ""
    """Every reason that stands behind the state, `reset, conn-refused`."""
    reason_after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Ports of one host of which nothing is said, and why."""

    address: Address
    transport: Transport
    ports: PortSet
    reason: GapReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which the two runs are unlike, and what cannot be said because of it."""

    what: str
    """`engine`, `ports asked`, `negative controls`."""
    before: str
    after: str
    consequence: str
    """What is not compared; empty: every statement stays possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What changed from one run to the other."""

    refused: tuple[str, ...] = ()
    """Why the runs cannot be compared; then there are no changes, and that says nothing."""
    differences: tuple[Difference, ...] = ()
    """In what the runs are unlike, also where they could be compared in part."""
    changes: tuple[PortChange, ...] = ()
    shifts: tuple[StateShift, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """What is not compared, each port once."""
    compared: int = 0
    """Endpoints that were held against each other."""

    @property
    def differs(self) -> bool:
        """Whether something changed."""
        return bool(self.changes or self.shifts)

    @property
    def uncompared(self) -> int:
        """Count the endpoints of which nothing is said."""
        return sum(len(each.ports) for each in self.gaps)
