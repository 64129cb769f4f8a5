"""`portproof reconcile`: what was seen, what listens, and what is meant to be let through."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.reconciliations import (
    RECONCILE_FORMS,
    intent_documents,
    listening_documents,
    reconciliation,
)
from portproof.cli import EXIT_INCONCLUSIVE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.cli.runs import run_or_latest
from portproof.errors import SettingsError
from portproof.model.reconcile import ReconcileDocument
from portproof.usecases.reconcile import reconcile_run


def _named(given: tuple[str, ...]) -> list[tuple[str | None, Path]]:
    """Read HOST=FILE, or FILE; a file whose own name has a = in it is written ./FILE."""
    pairs: list[tuple[str | None, Path]] = []
    for each in given:
        host, sign, file = each.partition("=")
        whole = not sign or "/" in host
        pairs.append((None, Path(each)) if whole else (host, Path(file)))
    return pairs


@click.command()
@settings_options
@click.argument("run", required=False)
@click.option(
    "--listening",
    multiple=True,
    metavar="[HOST=]FILE",
    help="What listens on a host: `ss -tulpnH`, or osquery's listening_ports as JSON.",
)
@click.option(
    "--intent",
    multiple=True,
    metavar="[HOST=]FILE",
    help="What is let through: nft -j, iptables-save, AWS security groups, or a CSV of rules.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever was found.")
@format_option(*RECONCILE_FORMS)
def reconcile(
    *,
    app: Application,
    run: str | None,
    listening: tuple[str, ...],
    intent: tuple[str, ...],
    exit_zero: bool,
    form: str,
) -> int:
    """Join a run (default: the latest) with listening sockets and firewall rules, port by port.

    A port is exposed and listening, allowed but nothing listening, listening but filtered, answered
    by a middlebox, or not measured. HOST is an address or name of the run; it may be left out when
    the run asked one host only.

    Exits 0 when nothing contradicts, 1 when something does, 3 when something that listens was not
    measured or the run cannot conclude.
    """
    if not listening and not intent:
        raise SettingsError("nothing to join the run with: name a --listening or --intent file")
    sockets, rules = listening_documents(_named(listening)), intent_documents(app, _named(intent))
    with app.open_store(create=False) as store:
        document = reconcile_run(store, run_or_latest(store, run), sockets, rules, app.vantages)
    consoles.out().write(reconciliation(document, form))
    return 0 if exit_zero else _code(document)


def _code(document: ReconcileDocument) -> int:
    if not document.conclusive:
        return EXIT_INCONCLUSIVE
    return 1 if document.contradicts else 0
