"""`portproof reconcile`: what was seen, what listens, and what is meant to be let through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from portproof.bootstrap import Application
from portproof.bootstrap.reconciliations import (
    RECONCILE_FORMS,
    between_documents,
    intent_documents,
    listening_documents,
    reconciliation,
)
from portproof.cli import EXIT_INCONCLUSIVE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.cli.runs import run_or_latest
from portproof.errors import SettingsError
from portproof.model.reconcile import Intent, Listening, ReconcileDocument
from portproof.usecases.reconcile import Given, reconcile_run


def _named(given: tuple[str, ...]) -> list[tuple[str | None, Path]]:
    """Read HOST=FILE, or FILE; a file whose own name has a = in it is written ./FILE."""
    pairs: list[tuple[str | None, Path]] = []
    for each in given:
        host, sign, file = each.partition("=")
        whole = not sign or "/" in host
        pairs.append((None, Path(each)) if whole else (host, Path(file)))
    return pairs


def _crossed(given: tuple[str | None, Path]) -> tuple[str, str, Path]:
    """Read the interfaces IN:OUT that stand before a file; empty where none are named.

    Raises:
        SettingsError: they are no two.
    """
    named, path = given
    enters, colon, leaves = (named or ":").partition(":")
    if not colon or (named and not (enters and leaves)):
        raise SettingsError(
            f"--between {named}={path}: write the interface packets come in by, and the one they go "
            f"out by: IN:OUT={path}"
        )
    return enters, leaves, path


@dataclass(frozen=True, slots=True)
class _Documents:
    """The accounts that a run is joined with, as they were named."""

    listening: tuple[str, ...]
    intent: tuple[str, ...]
    between: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.listening or self.intent or self.between)

    def sockets(self) -> list[Given[Listening]]:
        """Read what listens."""
        return listening_documents(_named(self.listening))

    def rules(self, app: Application) -> list[Given[Intent]]:
        """Read what is let through, at the hosts and on the way."""
        crossed = [_crossed(each) for each in _named(self.between)]
        return intent_documents(app, _named(self.intent)) + between_documents(app, crossed)


def _document_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `documents`, made from the options that name them."""

    @wraps(command)
    def with_documents(**options: Any) -> Any:
        named = {name: options.pop(name) for name in _Documents.__dataclass_fields__}
        return command(documents=_Documents(**named), **options)

    for name, form, told in (
        (
            "--between",
            "[IN:OUT=]FILE",
            "What a firewall on the way forwards; IN and OUT: its interfaces to vantage and hosts.",
        ),
        (
            "--intent",
            "[HOST=]FILE",
            "What is let through: nft -j, iptables-save, AWS security groups, or a CSV of rules.",
        ),
        (
            "--listening",
            "[HOST=]FILE",
            "What listens on a host: `ss -tulpnH`, or osquery's listening_ports as JSON.",
        ),
    ):
        with_documents = click.option(name, multiple=True, metavar=form, help=told)(with_documents)
    return with_documents


@click.command()
@settings_options
@click.argument("run", required=False)
@_document_options
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever was found.")
@format_option(*RECONCILE_FORMS)
def reconcile(
    *,
    app: Application,
    run: str | None,
    documents: _Documents,
    exit_zero: bool,
    form: str,
) -> int:
    """Join a run (default: the latest) with listening sockets and firewall rules, port by port.

    A port is exposed and listening, allowed but nothing listening, listening but filtered, answered
    by a middlebox, or not measured. HOST is an address or name of the run; it may be left out when
    the run asked one host only. What in a document is not understood is listed, and never taken
    for a rule that denies.

    Exits 0 when nothing contradicts, 1 when something does, 3 when something that listens was not
    measured or the run cannot conclude.
    """
    if not documents:
        raise SettingsError("nothing to join the run with: name a --listening or --intent file")
    sockets, rules = documents.sockets(), documents.rules(app)
    with app.open_store(create=False) as store:
        document = reconcile_run(store, run_or_latest(store, run), sockets, rules, app.vantages)
    consoles.out().write(reconciliation(document, form))
    return 0 if exit_zero else _code(document)


def _code(document: ReconcileDocument) -> int:
    if not document.conclusive:
        return EXIT_INCONCLUSIVE
    return 1 if document.contradicts else 0
