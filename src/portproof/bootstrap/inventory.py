"""Target sources put together: the document, the adapters, and the book of targets in the store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from portproof.bootstrap import Application
from portproof.documents import load_sources
from portproof.errors import SettingsError, StoreError
from portproof.model.inventory import KnownTarget
from portproof.scan.resolver import SystemResolver
from portproof.settings import reveal
from portproof.usecases.sources import Inventory, scannable

if TYPE_CHECKING:
    from portproof.contracts import TargetBook
    from portproof.model.source import SourcesDocument
    from portproof.sources import Source

EXPORT_FORMS: Final = ("file_sd", "http_sd", "json", "csv")

__all__ = [
    "EXPORT_FORMS",
    "export_text",
    "inventory_of",
    "known_targets",
    "open_book",
    "sources_of",
]


def document_of(app: Application, named: Path | None) -> SourcesDocument:
    """Read `sources.yaml`: the option, else the one that the configuration names.

    Raises:
        SettingsError: neither names one.
        DocumentError: it has faults.
    """
    path = named or app.settings.sources
    if path is None:
        raise SettingsError(
            "no sources are named: there is no 'sources' in the configuration file, and no --sources"
        )
    return load_sources(path)


def sources_of(app: Application, named: Path | None = None) -> tuple[Source, ...]:
    """Make every source of the document; nothing is asked yet. The stop file ends a fetch.

    Raises:
        SettingsError: as `document_of`.
        DocumentError: as `document_of`.
    """
    from portproof.sources import Ground, Source  # noqa: PLC0415 - HTTP and DNS, for who asks them

    ground = Ground(
        now=app.clock.now,
        elapsed_s=time.monotonic,
        stop=app.stop_file.exists,
        secrets=reveal,
        resolver=SystemResolver(),
    )
    return tuple(Source(each, ground) for each in document_of(app, named).sources)


@contextmanager
def open_book(app: Application, *, create: bool = True) -> Iterator[TargetBook]:
    """Open the book of targets, which is kept beside the runs.

    Raises:
        StoreError: see `portproof.store`.
    """
    from portproof.store import SqlStore  # noqa: PLC0415 - SQLAlchemy, for who needs it
    from portproof.store.targets import SqlTargets  # noqa: PLC0415 - the same

    with app.open_store(create=create) as store:
        if not isinstance(store, SqlStore):
            raise StoreError("this store keeps no targets: use a SQLite file")
        yield SqlTargets(store.database)


def known_targets(app: Application) -> Sequence[KnownTarget]:
    """Give what is known of targets; nothing where no sources are configured.

    Raises:
        StoreError: the database cannot be read.
    """
    if app.settings.sources is None:
        return ()
    with open_book(app, create=False) as book:
        return book.known()


def inventory_of(app: Application, book: TargetBook) -> Inventory:
    """Choose what a scan of the sources' targets asks.

    Raises:
        AuthorisationError: there is none in force.
    """
    return scannable(book, app.authorisation, SystemResolver(), app.clock.now())


def export_text(known: Iterable[KnownTarget], form: str) -> str:
    """Write the targets that are listed now in one of `EXPORT_FORMS`."""
    from portproof.sources.exporting import exported  # noqa: PLC0415 - as in `sources_of`

    listed = (each for each in known if each.retired_at is None)
    return exported(((each.key, each.target) for each in listed), form)
