"""The places and the question that the tests of firewall intents share."""

from __future__ import annotations

import factories as make
from portproof.model.endpoint import Address, Transport
from portproof.model.reconcile import Intent
from portproof.policy.reconcile import Let, Vicinity, let_through

V4 = make.endpoint("10.0.0.5:1/tcp").address
V6 = make.endpoint("[fd00::5]:1/tcp").address
OFFICE = Vicinity(
    zone="office", networks=(make.network("10.9.0.0/24"), make.network("fd00:9::/64"))
)
INTERNET = Vicinity(
    zone="internet", networks=(make.network("198.51.100.7"), make.network("2001:db8::7"))
)


def let(
    intent: Intent,
    vicinity: Vicinity = INTERNET,
    *,
    address: Address = V4,
    transport: Transport = Transport.TCP,
) -> Let:
    """Give what one document, which speaks of the address, lets through to it from a place."""
    held = let_through([intent], address, transport, vicinity)
    assert held is not None
    return held
