"""Reconciliations: the listeners and rules that they are made of, and their text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from portproof.bootstrap import Application
from portproof.documents.intent_file import read_intent
from portproof.documents.listening_file import read_listening
from portproof.model.reconcile import Intent, Listening, ReconcileDocument
from portproof.render.reconcile_json import reconcile_json
from portproof.render.reconcile_markdown import reconcile_markdown
from portproof.render.reconcile_text import reconcile_text
from portproof.usecases.reconcile import Given

RECONCILE_FORMS = ("text", "json", "md")


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


def reconciliation(document: ReconcileDocument, form: str) -> str:
    """Write a reconciliation in one of `RECONCILE_FORMS`."""
    match form:
        case "json":
            return reconcile_json(document)
        case "md":
            return reconcile_markdown(document)
        case _:
            return reconcile_text(document)
