"""`portproof sink`: our own listener beyond a boundary."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TextIO

import click
from rich.console import Console

from portproof.bootstrap.egress import run_sink
from portproof.cli import consoles
from portproof.cli.kinds import duration_ms, reading
from portproof.cli.live import stoppable
from portproof.errors import RenderError
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.portspec import parse_ports

_MS: Final = 1_000


@click.command()
@click.option(
    "--address",
    "addresses",
    multiple=True,
    required=True,
    metavar="ADDRESS",
    help="An address of this machine to listen at; may be repeated.",
)
@click.option(
    "-p",
    "--ports",
    required=True,
    metavar="PORTS",
    help="Ports in nmap's grammar: 443,8000-8100,U:53; at most 4096 listeners in all.",
)
@click.option(
    "--for",
    "lasting_ms",
    callback=reading(duration_ms),
    metavar="TIME",
    help="Stop after 900s, 30m, 2h (default: when stopped).",
)
@click.option(
    "--most",
    type=click.IntRange(1, 10_000_000),
    default=100_000,
    show_default=True,
    help="Arrivals written down; more are counted, and prove nothing.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The log (default: standard output); an earlier one is not overwritten.",
)
def sink(
    *, addresses: tuple[str, ...], ports: str, lasting_ms: int | None, most: int, out: Path | None
) -> int:
    """Listen where an egress check or a UDP segmentation test is to arrive, and write down what does.

    Connections are accepted and closed; datagrams of `portproof egress` are answered, others are
    not. One JSON line each: keep them for `portproof segmentation check --sink-log`. The first line
    names every listener, so that nobody takes them for a service. Root is given up once the sockets
    are open.
    """
    spec = parse_ports(ports)
    listeners = [
        Endpoint(_address(each), transport, port)
        for each in addresses
        for transport, held in ((Transport.TCP, spec.tcp), (Transport.UDP, spec.udp))
        for port in held
    ]
    seconds = None if lasting_ms is None else lasting_ms / _MS
    log = sys.stdout if out is None else _created(out)
    try:
        # Quiet: what a stopped scan says of itself is not true of a sink.
        with stoppable(Console(quiet=True)) as stop:
            arrived = run_sink(listeners, log, seconds=seconds, lines=most, stop=stop)
    finally:
        if out is not None:
            log.close()
    consoles.err().print(f"{arrived:,} arrivals at {len(listeners):,} listeners", soft_wrap=True)
    return 0


def _address(text: str) -> Address:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        raise click.UsageError(f"{text}: expected an IPv4 or IPv6 address") from None
    if address.is_unspecified:
        raise click.UsageError(
            f"{text} stands for every address; name the one that is asked, for the log to say it"
        )
    return address


def _created(path: Path) -> TextIO:
    """Open a new log.

    Raises:
        RenderError: it is there already, or cannot be written.
    """
    try:
        return path.open("x", encoding="utf-8")
    except FileExistsError:
        raise RenderError(f"{path}: is there already; a log is evidence, name a new one") from None
    except OSError as failure:
        raise RenderError(f"{path}: cannot be written: {failure.strerror or failure}") from failure
