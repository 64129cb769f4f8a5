"""`portproof source-sheet`: where our probes come from, for those who watch the IDS."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import TypeAlias

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.sources import sheet_of
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options
from portproof.model.rates import Rates
from portproof.usecases.source_sheet import SourceSheet, VantageSheet

_Row: TypeAlias = tuple[str, str, str]
_HEAD: _Row = ("of", "what", "value")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@click.command("source-sheet")
@settings_options
@format_option("table", "json", "csv", "markdown")
def source_sheet(*, app: Application, form: str) -> int:
    """Say where our probes come from and what they look like: hand it to those who watch the IDS.

    For each declared vantage: source addresses (of this machine by its own routes to the targets),
    source ports, protocols, rates and when probes may leave; then what each probe says on the wire.
    Nothing is sent.
    """
    sheet = sheet_of(app)
    match form:
        case "json":
            consoles.out().write(json.dumps(_as_json(sheet), indent=2))
        case "csv":
            consoles.out().write(_as_csv(sheet))
        case "markdown":
            consoles.out().write("\n".join(_as_markdown(sheet)))
        case _:
            consoles.out().print(_as_table(sheet))
    return 0


def _rows(sheet: SourceSheet) -> Iterator[_Row]:
    """Give the sheet as rows: whose property, which one, and its value."""
    whole = "every vantage"
    yield whole, "contact", sheet.contact or "none: there is no authorisation"
    yield whole, "authorisation", sheet.authorisation or "none: nothing is sent"
    if sheet.window is not None:
        begin, end = (each.strftime(_TIME) for each in sheet.window)
        yield whole, "probes may leave", f"from {begin} until {end}"
    yield whole, "protocols", "TCP, UDP, ICMP echo where host discovery is asked for"
    for each in sheet.vantages:
        yield from _rows_of(each)
    for mark in sheet.marks:
        ports = ", ".join(map(str, mark.ports))
        says = "; ".join(mark.says) or "nothing: it listens"
        yield mark.probe, f"says first, at {ports}", says


def _rows_of(sheet: VantageSheet) -> Iterator[_Row]:
    vantage = sheet.vantage
    name = f"vantage {vantage.id}"
    yield name, "zone", vantage.zone
    told = [each for each in (vantage.description, vantage.operator, vantage.location) if each]
    if told:
        yield name, "who and where", ", ".join(told)
    addresses = ", ".join(map(str, sheet.addresses))
    yield name, "source addresses", addresses or "not declared (public_addresses)"
    for ports in sheet.ports:
        yield name, f"source ports, {ports.engine}", f"{ports.first}-{ports.last}"
    if not sheet.ports:
        yield name, "source ports", "its own kernel's range"
    yield name, "rates", _rates(sheet.rates)


def _rates(rates: Rates | None) -> str:
    if rates is None:
        return "none: there is no authorisation"
    told = [f"at most {rates.global_pps:,}/s", f"{rates.per_host_pps:,}/s to one host"]
    if rates.per_subnet_pps is not None:
        told.append(f"{rates.per_subnet_pps:,}/s to one /24 or /64")
    told.append(f"{rates.max_connections:,} connections at once")
    if rates.max_flows is not None:
        told.append(f"{rates.max_flows:,} entries in a router's state table")
    return ", ".join(told)


def _as_table(sheet: SourceSheet) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for title in _HEAD:
        table.add_column(title, overflow="fold")
    for row in _rows(sheet):
        table.add_row(*map(visible, row))
    return table


def _as_csv(sheet: SourceSheet) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows(_rows(sheet))
    return text.getvalue()


def _as_markdown(sheet: SourceSheet) -> Iterator[str]:
    yield f"| {' | '.join(_HEAD)} |"
    yield "|---|---|---|"
    for row in _rows(sheet):
        yield f"| {' | '.join(visible(cell).replace('|', chr(92) + '|') for cell in row)} |"


def _as_json(sheet: SourceSheet) -> dict[str, object]:
    window = [each.strftime(_TIME) for each in sheet.window] if sheet.window else None
    return {
        "contact": sheet.contact,
        "authorisation": sheet.authorisation,
        "valid_from": window[0] if window else None,
        "valid_until": window[1] if window else None,
        "vantages": [_vantage_json(each) for each in sheet.vantages],
        "probes": [
            {"probe": each.probe, "ports": list(each.ports), "says": list(each.says)}
            for each in sheet.marks
        ],
    }


def _vantage_json(sheet: VantageSheet) -> dict[str, object]:
    rates = sheet.rates
    limits = {name: getattr(rates, name) for name in Rates.__dataclass_fields__} if rates else None
    return {
        "id": sheet.vantage.id,
        "zone": sheet.vantage.zone,
        "description": sheet.vantage.description,
        "operator": sheet.vantage.operator,
        "location": sheet.vantage.location,
        "here": sheet.here,
        "source_addresses": [str(each) for each in sheet.addresses],
        "source_ports": [
            {"engine": each.engine, "first": each.first, "last": each.last} for each in sheet.ports
        ],
        "rates": limits,
    }
