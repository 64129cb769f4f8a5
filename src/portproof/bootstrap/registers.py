"""What `portproof baseline register` is put together from."""

from __future__ import annotations

from typing import Final

from portproof.assets import reports_dir
from portproof.bootstrap import Application
from portproof.render.register_list import register_csv, register_html, register_markdown
from portproof.usecases.register import register

REGISTER_FORMS: Final = ("md", "csv", "html")


def register_text(app: Application, form: str) -> str:
    """Write the register of the configured baseline in one of `REGISTER_FORMS`, as of today (UTC).

    Raises:
        SettingsError: no baseline is named.
        DocumentError: a document has faults.
        RenderError: the template is broken.
    """
    told = register(app.documents, at=app.clock.now())
    match form:
        case "csv":
            return register_csv(told)
        case "html":
            return register_html(told, templates=reports_dir())
        case _:
            return register_markdown(told)
