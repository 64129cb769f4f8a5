"""What this machine knows of its own probes: the addresses and ports that they leave from."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from portproof.bootstrap import Application
from portproof.model.endpoint import Address
from portproof.model.targetspec import NameTarget, address_at
from portproof.probes import PROBES
from portproof.rawhelper.source_ports import EVER_USED
from portproof.scan.limits import ephemeral_ports
from portproof.scan.local_ports import source_towards
from portproof.scan.routing import is_own
from portproof.usecases.source_sheet import Here, SourcePorts, SourceSheet, source_sheet

__all__ = ["is_own", "sheet_of"]


def sheet_of(app: Application) -> SourceSheet:
    """Give the source sheet of the configured vantages; nothing is sent for it.

    Raises:
        SettingsError: the vantage of this process is not declared.
        DocumentError: a document has faults.
    """
    here = Here(
        vantage=app.vantage.id,
        addresses=tuple(dict.fromkeys(_sources(app))),
        ports=_ports(),
    )
    return source_sheet(app.vantages, app.authorisation, here, PROBES)


def _sources(app: Application) -> Iterator[Address]:
    """Give the addresses that the kernel would send from to the targets, or to what is authorised."""
    listed = [each for each in app.settings.targets or () if not isinstance(each, NameTarget)]
    towards = [address_at(each, 0) for each in listed]
    if not towards and app.authorisation is not None:
        towards = [network[0] for network in app.authorisation.networks]
    texts = map(source_towards, towards)
    yield from (ip_address(text.partition("%")[0]) for text in texts if text)


def _ports() -> tuple[SourcePorts, ...]:
    usual = ephemeral_ports()
    return (
        SourcePorts(engine="connect and UDP", first=usual[0], last=usual[-1]),
        SourcePorts(engine="SYN", first=EVER_USED[0], last=EVER_USED[-1]),
    )
