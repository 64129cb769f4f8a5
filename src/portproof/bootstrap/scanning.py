"""What a scan needs of the world, whether its run goes into the store or into a pack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from portproof.model.baseline import Presence
from portproof.model.ports import PortSet
from portproof.scan.executor import Executor
from portproof.scan.resolver import SystemResolver
from portproof.usecases.scan import RunServices, ScanServices

if TYPE_CHECKING:
    from portproof.bootstrap import Application
    from portproof.contracts import Store
    from portproof.model.endpoint import Transport
    from portproof.model.scan import PlannedHost
    from portproof.usecases.elsewhere import RunKeeper


def scan_services(app: Application, store: Store, *, keep_all: bool = False) -> ScanServices:
    """Give what a scan needs whose run the store keeps; `Application.scan_services` says the rest."""
    return ScanServices(
        clock=app.clock,
        resolver=SystemResolver(),
        scanner=_scanner(app, keep_all=keep_all),
        store=store,
    )


def run_services(app: Application, keeper: RunKeeper) -> RunServices:
    """Give what a scan needs whose run somebody else keeps; opens no database."""
    return RunServices(
        clock=app.clock, resolver=SystemResolver(), scanner=_scanner(app), store=keeper
    )


def _scanner(app: Application, *, keep_all: bool = False) -> Executor:
    return Executor(
        app.authorisation,
        clock=app.clock,
        wanted=_everything if keep_all else _required_ports(app),
        way=app.way,
    )


def _required_ports(app: Application) -> Callable[[PlannedHost, Transport], PortSet]:
    """Say which ports keep an observation even when they are not open: what is required."""
    entries = app.baseline.approved if app.settings.baseline is not None else ()
    required = [each for each in entries if each.presence is Presence.REQUIRED]

    def wanted(host: PlannedHost, transport: Transport) -> PortSet:
        ports = PortSet.empty()
        for entry in required:
            if entry.transport is transport and entry.covers(host.address, host.names):
                ports |= entry.ports
        return ports

    return wanted


def _everything(host: PlannedHost, transport: Transport) -> PortSet:
    return host.ports(transport)
