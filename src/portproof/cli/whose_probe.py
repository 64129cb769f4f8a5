"""`portproof whose-probe`: was it one of our runs?"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from portproof.bootstrap import Application
from portproof.bootstrap.sources import is_own
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options
from portproof.model.endpoint import Address
from portproof.usecases.whose_probe import Asked, Question, Trace
from portproof.usecases.whose_probe import whose_probe as ask

_NOT_OURS: Final = 1
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_NAMED_ZONE: Final = re.compile(r"(?P<local>\S+[ T]\S+) (?P<zone>[A-Za-z]\S*)")


@click.command("whose-probe")
@click.argument("address")
@click.argument("time")
@settings_options
@click.option("--port", type=click.IntRange(1, 65_535), help="The destination port that was seen.")
@click.option(
    "--tolerance",
    type=click.IntRange(0, 86_400),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How far the two clocks may differ.",
)
@format_option("text", "json")
def whose_probe(
    *, app: Application, address: str, time: str, port: int | None, tolerance: int, form: str
) -> int:
    """Say whether a probe seen at ADDRESS at TIME came from a run of this store.

    ADDRESS is a target (or control), or the source the probe came from. TIME carries its zone:
    2026-11-21T10:15:00Z, 2026-11-21T11:15:00+01:00 or "2026-11-21 11:15:00 Europe/Berlin".

    Exits 0 when it was one of our runs, 1 when no run of this store had probes under way, 2 for
    usage and configuration.
    """
    question = Question(
        address=_address(address),
        at=_instant(time),
        tolerance=timedelta(seconds=tolerance),
        port=port,
    )
    with app.open_store(create=False) as store:
        found = ask(store, question, is_own)
    if form == "json":
        consoles.out().write(json.dumps([_as_json(each) for each in found], indent=2))
    else:
        for line in _told(question, found):
            consoles.out().print(line, soft_wrap=True)
    return 0 if found else _NOT_OURS


def _address(text: str) -> Address:
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        raise click.UsageError(f"{text}: expected an IPv4 or IPv6 address") from None


def _instant(text: str) -> datetime:
    named = _NAMED_ZONE.fullmatch(text)
    try:
        if named:
            local = datetime.fromisoformat(named["local"])
            return local.replace(tzinfo=ZoneInfo(named["zone"]))
        at = datetime.fromisoformat(text.upper())
    except (ValueError, ZoneInfoNotFoundError) as fault:
        raise click.UsageError(
            f"{text}: expected a time as 2026-11-21T10:15:00Z ({fault})"
        ) from None
    if at.tzinfo is None:
        raise click.UsageError(f"{text}: the time zone is missing; write {text}Z for UTC")
    return at


def _told(question: Question, found: Sequence[Trace]) -> list[str]:
    port = "" if question.port is None else f", port {question.port}"
    when = f"{question.at.isoformat()} (± {question.tolerance.total_seconds():.0f} s)"
    if not found:
        return [f"no run of this store had probes under way: {question.address}{port}, {when}"]
    lines = []
    for each in found:
        lines.append(
            f"it was run {each.run_id} ({each.status}), from vantage {each.vantage}, "
            f"{each.started:{_TIME}} to {each.finished:{_TIME}}"
        )
        lines.append(f"  {question.address}{port} was its {each.role} at {when}")
        lines += [f"  {text}" for asked in each.asked for text in _asked(asked)]
        if each.clock_synchronised is not True:
            lines.append("  the clock of that vantage was not known to be synchronised")
        lines.append(f"  contact: {each.contact}")
    return lines


def _asked(asked: Asked) -> list[str]:
    lines = [f"asked over {asked.transport.upper()}: {_ports(str(asked.ports))}"]
    lines += [f"  {text}: {_ports(str(ports))}" for text, ports in asked.seen]
    if asked.nearest is not None:
        near = asked.nearest
        at = near.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lines.append(f"  nearest kept observation: {near.endpoint} {near.state} at {at}")
    return lines


def _ports(text: str) -> str:
    return "1-65535" if text == "-" else text


def _as_json(trace: Trace) -> dict[str, object]:
    return {
        "run": trace.run_id,
        "status": trace.status,
        "vantage": trace.vantage,
        "started": trace.started.strftime(_TIME),
        "finished": trace.finished.strftime(_TIME),
        "role": trace.role,
        "contact": trace.contact,
        "clock_synchronised": trace.clock_synchronised,
        "asked": [
            {
                "transport": each.transport.value,
                "ports": _ports(str(each.ports)),
                "seen": {text: _ports(str(ports)) for text, ports in each.seen},
            }
            for each in trace.asked
        ],
    }
