"""What a run through a proxy needs before anything is sent: controls behind the same proxy, and TCP.

A proxy may be gone, or say `succeeded` to everything. Only endpoints whose answer is known show that
(law 2), and there are no listeners of our own behind it: so both kinds must stand in the
authorisation, and speak for every host.
"""

from __future__ import annotations

from collections.abc import Iterable

from portproof.errors import AuthorisationError, SettingsError
from portproof.model.endpoint import Address, Transport
from portproof.model.scan import Control, ControlKind
from portproof.model.way import Way

ENGINE = "relay"


def engine_through(way: Way | None, engine: str, *, discover: bool) -> str:
    """Give the engine of a run that goes this way, where a person asked for `engine`.

    Raises:
        SettingsError: what was asked for takes raw sockets, which no proxy opens.
    """
    if way is None:
        return engine
    if engine != "connect":
        raise SettingsError(
            f"this vantage probes through {way}, which opens connections alone: leave out {engine}"
        )
    if discover:
        raise SettingsError(f"this vantage probes through {way}: --discover needs its own network")
    return ENGINE


def require_controls(
    way: Way | None, addresses: Iterable[Address], controls: Iterable[Control]
) -> None:
    """Let a run through if a positive and a negative control speak for each of its hosts.

    Raises:
        AuthorisationError: none of one kind does (`control`).
    """
    if way is None:
        return
    asked = [each for each in controls if each.endpoint.transport is Transport.TCP]
    for address in addresses:
        for kind in ControlKind:
            if not any(each.kind is kind and _speaks_for(each, address) for each in asked):
                raise AuthorisationError(
                    "control",
                    str(address),
                    f"through {way}, every host needs a {kind} control over TCP in the "
                    "authorisation: the proxy may be gone, or say yes to everything",
                )


def _speaks_for(control: Control, address: Address) -> bool:
    return any(
        network.version == address.version and address in network for network in control.networks
    )
