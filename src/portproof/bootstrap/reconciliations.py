"""Reconciliations: the listeners and rules that they are made of, and their text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from portproof.bootstrap import Application
from portproof.documents.intent_draft import Passage
from portproof.documents.intent_file import read_intent
from portproof.documents.listening_file import read_listening
from portproof.model.reconcile import Intent, Listening, ReconcileDocument
from portproof.render.reconcile_csv import reconcile_csv
from portproof.render.reconcile_json import reconcile_json
from portproof.render.reconcile_markdown import reconcile_markdown
from portproof.render.reconcile_text import reconcile_text
from portproof.usecases.reconcile import Given

RECONCILE_FORMS = ("text", "json", "md", "csv")


def listening_documents(named: Sequence[tuple[str | None, Path]]) -> list[Given[Listening]]:
    """Read what listens, each with the host that it is about.

    Raises:
        DocumentError: one cannot be read, or has faults.
    """
    return [Given(read_listening(path), host) for host, path in named]


def intent_documents(
    app: Application, named: Sequence[tuple[str | None, Path]]
) -> list[Given[Intent]]:
    """Read what is meant to be let through, each with the host that it is about.

    Raises:
        DocumentError: one cannot be read, or has faults.
    """
    zones = [each.name for each in app.vantages.zones]
    return [Given(read_intent(path, zones=zones), host) for host, path in named]


def between_documents(
    app: Application, crossed: Sequence[tuple[str, str, Path]]
) -> list[Given[Intent]]:
    """Read what firewalls on the way forward: the interfaces in and out (or empty), and the file.

    Raises:
        DocumentError: one cannot be read, or has faults.
    """
    zones = [each.name for each in app.vantages.zones]
    return [
        Given(
            read_intent(
                path, zones=zones, passage=Passage(forward=True, enters=enters, leaves=leaves)
            ),
            None,
        )
        for enters, leaves, path in crossed
    ]


def reconciliation(document: ReconcileDocument, form: str) -> str:
    """Write a reconciliation in one of `RECONCILE_FORMS`."""
    match form:
        case "json":
            return reconcile_json(document)
        case "csv":
            return reconcile_csv(document)
        case "md":
            return reconcile_markdown(document)
        case _:
            return reconcile_text(document)
