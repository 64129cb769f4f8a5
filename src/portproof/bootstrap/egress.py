"""What the sink and egress commands are put together from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from portproof.bootstrap import Application
from portproof.contracts import Store
from portproof.documents import load_sink_log
from portproof.model.endpoint import Endpoint
from portproof.model.segmentation import SinkLog
from portproof.scan.sink import Sink, SinkLimits
from portproof.scan.sink_scanner import SinkScanner
from portproof.usecases.scan import ScanServices

__all__ = ["egress_services", "run_sink", "sink_logs"]


def egress_services(app: Application, store: Store) -> ScanServices:
    """Give the services of a scan whose UDP part speaks the sink's words."""
    services = app.scan_services(store, keep_all=True)
    scanner = SinkScanner(services.scanner, app.authorisation, services.clock)
    return replace(services, scanner=scanner)


def run_sink(
    endpoints: Sequence[Endpoint],
    out: TextIO,
    *,
    seconds: float | None,
    lines: int,
    stop: Callable[[], bool],
) -> int:
    """Listen until `stop` says so or the time is over; gives how many arrivals there were.

    Raises:
        SettingsError: a listener cannot be opened, or root not be given up.
    """
    with Sink(endpoints, out, SinkLimits(seconds=seconds, lines=lines)) as sink:
        return sink.listen(stop)


def sink_logs(paths: Sequence[Path]) -> tuple[SinkLog, ...]:
    """Read what sinks wrote.

    Raises:
        DocumentError: one of them is no sink's log.
    """
    return tuple(map(load_sink_log, paths))
