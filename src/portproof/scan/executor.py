"""The executor: carries a plan out at this vantage and says what came of it.

    run ─► authorised? ─► controls ─► TCP sweep ─► UDP sweep ─► services ─► controls ─► RunRecord
                             └────────── asked all along, every second ──────────┘

The authorisation is checked again here, for each host, because the plan may have been made
elsewhere and hours ago; when it ends in the middle of a run, the run ends with it (law 4).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from portproof.contracts import Clock, ScanListener, StopSignal
from portproof.errors import AuthorisationError, RelayError
from portproof.model.authorisation import Authorisation
from portproof.model.carried import Carried
from portproof.model.endpoint import Address, Transport
from portproof.model.ports import PortSet
from portproof.model.scan import Control, PlannedHost, Rates, RunRecord, ScanPlan
from portproof.model.way import Way
from portproof.plan.authorise import require_in_force
from portproof.scan import controls
from portproof.scan.campaign import Campaign
from portproof.scan.connect import Monotonic
from portproof.scan.desk import Place
from portproof.scan.fold import Wanted
from portproof.scan.relay_tunnel import Tunnel
from portproof.scan.routing import is_own


def _nothing(_host: PlannedHost, _transport: Transport) -> PortSet:
    return PortSet.empty()


class Executor:
    """The `contracts.Scanner` of a vantage, bound to the authorisation it works under."""

    def __init__(
        self,
        authorisation: Authorisation | None,
        *,
        clock: Clock,
        wanted: Wanted = _nothing,
        monotonic: Monotonic = time.monotonic,
        processes: int | None = None,
        way: Way | None = None,
    ) -> None:
        """Bind the executor; `wanted` says which ports keep an observation even when not open.

        `processes` send the TCP probes; None: as many as the sweep is worth. `way` is the proxy that
        they go through; None: they leave from here.
        """
        self._authorisation = authorisation
        self._clock = clock
        self._monotonic = monotonic
        self._wanted = wanted
        self._processes = processes
        self._listeners: tuple[socket.socket, ...] = ()
        self._way = way
        self._tunnel: Tunnel | None = None

    @contextmanager
    def own_controls(self, addresses: Sequence[Address]) -> Iterator[tuple[Control, ...]]:
        """Open portproof's own control listeners for those of the addresses that are this machine's.

        Behind a proxy no address is this machine's; its tunnel is what is open then.

        Raises:
            RelayError: the proxy or jump host cannot be used.
        """
        if self._way is not None:
            with Tunnel(self._way) as self._tunnel:
                yield ()
            return
        with controls.own_controls(addresses) as (own, listeners):
            self._listeners = listeners
            try:
                yield own
            finally:
                self._listeners = ()

    def run(
        self,
        plan: ScanPlan,
        listener: ScanListener,
        stop: StopSignal,
        *,
        carried: Carried | None = None,
    ) -> RunRecord:
        """Carry the plan out; returns a record also when stopped or inconclusive.

        What is `carried` over from the run that the plan continues is not asked again.

        Raises:
            AuthorisationError: there is none, it has ended, or the plan goes beyond it; nothing was
                sent.
        """
        held = require_in_force(self._authorisation, self._clock.now())
        require_covered(plan, held)
        require_way(plan, self._way)
        place = Place(
            clock=self._clock,
            monotonic=self._monotonic,
            listeners=self._listeners,
            rates=_rates_for(plan, held),
            valid_until=held.valid_until,
            wanted=self._wanted,
            processes=self._processes,
            tunnel=self._tunnel,
        )
        return Campaign(plan, place, listener, stop, carried=carried).carry_out()


def require_way(plan: ScanPlan, way: Way | None) -> None:
    """Let a plan through if it names the proxy that this vantage goes through, or none.

    Raises:
        RelayError: it was made for another way.
    """
    if plan.through != way:
        planned, here = (str(each) if each else "no proxy" for each in (plan.through, way))
        raise RelayError(f"run {plan.run_id} was planned through {planned}, and here is {here}")


def require_covered(plan: ScanPlan, authorisation: Authorisation) -> None:
    """Let a plan through if it was made under this authorisation and stays within it.

    Raises:
        AuthorisationError: another authorisation (`missing`), a host or control that it does not
            permit (`outside`), or more endpoints than its budget (`budget`).
    """
    if plan.authorisation.digest != authorisation.digest:
        raise AuthorisationError(
            "missing",
            f"run {plan.run_id}",
            f"its plan rests on authorisation {plan.authorisation.id}, not on the "
            f"{authorisation.id} that this vantage holds, or on another version of it",
        )
    for host in plan.hosts:
        if not any(authorisation.permits(host.address, name) for name in (None, *host.names)):
            raise AuthorisationError(
                "outside",
                str(host.address),
                f"authorisation {authorisation.id} does not permit it",
            )
    for control in plan.controls:
        _require_known(control, authorisation)
    probes = sum(plan.probes(transport) for transport in Transport)
    if probes > authorisation.max_probes:
        raise AuthorisationError(
            "budget",
            f"{probes:,} endpoints",
            f"authorisation {authorisation.id} allows {authorisation.max_probes:,} in one run",
        )


def _rates_for(plan: ScanPlan, held: Authorisation) -> Rates:
    """Give the strictest of what the plan, the authorisation and the vantage allow."""
    allowed = plan.rates.stricter(held.rates)
    own = plan.vantage.rates
    return allowed if own is None else allowed.stricter(own)


def _require_known(control: Control, authorisation: Authorisation) -> None:
    """Our own controls point at this machine; all others stand in the authorisation."""
    if control.own:
        known = is_own(control.endpoint.address)
    else:
        known = any(control.endpoint == each.endpoint for each in authorisation.controls)
    if not known:
        raise AuthorisationError(
            "outside",
            f"control {control.id} at {control.endpoint}",
            f"authorisation {authorisation.id} does not name it",
        )
