"""Who refused: the target itself, somebody else, or nobody knows.

What the evidence keeps decides. A reset tells itself from an ICMP error where the vantage reads its
socket's error queue, and carries the target's name. Of an ICMP error the raw record holds the sender,
if the run kept raw records of refusals; a sweep keeps none. Times to live are not kept, so a reset
that a device sends in the target's name cannot be told from the target's own: the policy lists where
devices are known to do so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from portproof.model.endpoint import Address, Transport
from portproof.model.observation import Reason
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome

BY_ICMP: Final = (
    Reason.PORT_UNREACH,
    Reason.NET_UNREACH,
    Reason.HOST_UNREACH,
    Reason.PROTO_UNREACH,
    Reason.NET_PROHIBITED,
    Reason.HOST_PROHIBITED,
    Reason.ADMIN_PROHIBITED,
    Reason.OTHER_UNREACH,
)
"""Reasons that an ICMP error gave; a router's word and the target's own mean opposite things."""
_NONE: Final = PortSet.empty()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The refused ports of a host that nothing allows, by who refused."""

    resets: PortSet
    """By a reset in the target's name, where no device is known to send those."""
    unreachable: PortSet
    """By an ICMP error that the target itself sent."""
    boundary_resets: PortSet
    """By a reset that the boundary may have sent."""
    untold: PortSet
    """Refused, and the vantage cannot tell a reset from an ICMP error."""
    unsent: PortSet
    """By an ICMP error of which nobody kept the sender."""
    evidence: tuple[str, ...]
    """Digests of the raw records in which the target names itself."""

    @property
    def by_target(self) -> PortSet:
        """The ports on which the target itself answered: packets crossed."""
        return self.resets | self.unreachable

    @property
    def unknown(self) -> PortSet:
        """The ports whose refusal proves nothing either way."""
        return self.boundary_resets | self.untold | self.unsent


def refused_in(
    outcome: HostOutcome,
    allowed: PortSet,
    boundary_resets: PortSet,
    senders: Mapping[str, Address | None],
) -> Refused:
    """Sort the refused ports of a host, less the allowed ones, by who refused.

    `senders` are the senders of ICMP errors by the digest of their raw record.
    """
    tcp = outcome.transport is Transport.TCP
    resets = outcome.reasons.get(Reason.RESET, _NONE) - allowed if tcp else _NONE
    untold = outcome.reasons.get(Reason.CONN_REFUSED, _NONE) - allowed
    by_icmp = _NONE
    for reason in BY_ICMP:
        if reason in outcome.reasons:
            by_icmp = by_icmp | (outcome.reasons[reason] - allowed)
    known, own, evidence = _by_sender(outcome, by_icmp, senders)
    return Refused(
        resets=resets - boundary_resets,
        unreachable=own,
        boundary_resets=resets & boundary_resets,
        untold=untold,
        unsent=by_icmp - known,
        evidence=evidence,
    )


def _by_sender(
    outcome: HostOutcome, refused: PortSet, senders: Mapping[str, Address | None]
) -> tuple[PortSet, PortSet, tuple[str, ...]]:
    """Give the ports whose refuser is known, those the target refused itself, and the records."""
    known: list[int] = []
    own: list[int] = []
    evidence: dict[str, None] = {}
    for seen in outcome.observations if refused and senders else ():
        sender = senders.get(seen.evidence) if seen.evidence is not None else None
        if sender is None or seen.evidence is None or seen.endpoint.port not in refused:
            continue
        known.append(seen.endpoint.port)
        if sender == outcome.host.address:
            own.append(seen.endpoint.port)
            evidence[seen.evidence] = None
    return PortSet.from_iterable(known), PortSet.from_iterable(own), tuple(evidence)
