"""Plans of baseline changes: the two baselines that they are made of, and their text."""

from __future__ import annotations

from portproof.bootstrap import Application
from portproof.documents.git_file import anchors, load_base
from portproof.errors import SettingsError
from portproof.model.change_plan import PlanDocument
from portproof.render.plan_json import plan_json
from portproof.render.plan_markdown import plan_markdown
from portproof.render.plan_sarif import plan_sarif
from portproof.render.plan_text import plan_text
from portproof.usecases.baseline_plan import Change

PLAN_FORMS = ("text", "json", "md", "sarif")


def baseline_change(app: Application, base: str) -> Change:
    """Read the configured baseline and the one it was changed from (a file or a git revision).

    Raises:
        SettingsError: no baseline is named, or `base` is neither a file nor a revision.
        DocumentError: one of them has faults.
    """
    new, path = app.baseline, app.settings.baseline
    if path is None:
        raise SettingsError("no baseline is named")
    environment = app.settings.environment
    before, called = load_base(base, path, vantages=app.vantages, environment=environment)
    return Change(base=before, base_called=called, new=new, place=anchors(path))


def plan(document: PlanDocument, form: str) -> str:
    """Write a plan in one of `PLAN_FORMS`."""
    match form:
        case "json":
            return plan_json(document)
        case "md":
            return plan_markdown(document)
        case "sarif":
            return plan_sarif(document)
        case _:
            return plan_text(document)
