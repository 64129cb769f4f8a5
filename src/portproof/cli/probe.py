"""`portproof probe`: one endpoint, now."""

from __future__ import annotations

import json

import click
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible as plain
from portproof.cli import consoles
from portproof.cli.live import Quiet, stoppable
from portproof.cli.options import format_option, settings_options
from portproof.errors import SettingsError
from portproof.model.observation import LocalFault, Observation, Outcome
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.scan import RunRecord
from portproof.model.targetspec import parse_target
from portproof.plan.build import PlanRequest
from portproof.plan.relay import engine_through
from portproof.usecases.probe import exit_code, outcomes
from portproof.usecases.probe import probe as ask


@click.command()
@click.argument("endpoint", metavar="HOST:PORT")
@settings_options
@click.option("-u", "--udp", is_flag=True, help="Ask over UDP; the port needs a protocol probe.")
@format_option("table", "json")
def probe(*, app: Application, endpoint: str, udp: bool, form: str) -> int:
    """Ask one endpoint and say what it is: state, reason, time, service.

    HOST:PORT may also be [v6]:PORT, a name (each of its addresses is asked), or several ports. The
    authorisation holds here too. Exits 0 when open, 1 when closed or filtered, 3 when it could not
    be told.
    """
    with app.open_store() as store, stoppable(consoles.err()) as stop:
        services = app.scan_services(store, keep_all=True)
        record = ask(
            services,
            _request(app, endpoint, udp=udp),
            app.authorisation,
            watcher=Quiet(),
            stop=stop,
        )
    found = outcomes(record)
    if form == "json":
        consoles.out().write(json.dumps([*map(_as_json, found), *_gone(record)], indent=2))
    elif found:
        consoles.out().print(_table(found))
    for gone in _gone(record):
        consoles.err().print(f"not measured: {gone['detail']}", soft_wrap=True)
    return exit_code(record)


def _gone(record: RunRecord) -> list[dict[str, object]]:
    """Give the names that did not resolve, in the shape of an outcome."""
    return [
        {
            "endpoint": each.name,
            "measured": False,
            "fault": LocalFault.UNRESOLVED,
            "detail": each.detail,
        }
        for each in record.plan.resolutions
        if not each.addresses
    ]


def _request(app: Application, endpoint: str, *, udp: bool) -> PlanRequest:
    target = parse_target(endpoint)
    if target.ports is None:
        raise SettingsError(f"{endpoint}: which port? write HOST:PORT, or [ADDRESS]:PORT for IPv6")
    nothing = PortSet.empty()
    spec = (
        PortSpec(tcp=nothing, udp=target.ports) if udp else PortSpec(tcp=target.ports, udp=nothing)
    )
    bare = type(target)(
        **{name: getattr(target, name) for name in target.__dataclass_fields__ if name != "ports"}
    )
    return PlanRequest(
        scope=f"probe {endpoint}",
        targets=(bare,),
        ports=spec,
        vantage=app.vantage,
        engine=engine_through(app.way, "connect", discover=False),
        through=app.way,
    )


def _table(found: list[Outcome]) -> Table:
    table = Table(
        Column("endpoint", no_wrap=True, min_width=24),
        "state",
        "reason",
        "time",
        "service",
        "identified by",
        box=SIMPLE_HEAD,
    )
    for each in found:
        if isinstance(each, Observation):
            time = "" if each.rtt_us is None else f"{each.rtt_us / 1000:.2f} ms"
            service = each.service
            name = plain(f"{service.name} {service.product}".strip()) if service else ""
            by = service.identified_by if service else ""
            table.add_row(str(each.endpoint), each.state, each.reason, time, name, by)
        else:
            table.add_row(
                str(each.endpoint), "not measured", each.fault, "", plain(each.detail), ""
            )
    return table


def _as_json(outcome: Outcome) -> dict[str, object]:
    if not isinstance(outcome, Observation):
        return {
            "endpoint": str(outcome.endpoint),
            "measured": False,
            "fault": outcome.fault,
            "detail": outcome.detail,
        }
    service = outcome.service
    return {
        "endpoint": str(outcome.endpoint),
        "measured": True,
        "state": outcome.state,
        "reason": outcome.reason,
        "at": outcome.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "rtt_us": outcome.rtt_us,
        "attempts": outcome.attempts,
        "service": service.name if service else None,
        "product": service.product if service else None,
        "attributes": dict(service.attributes) if service else {},
        "identified_by": service.identified_by if service else None,
    }
