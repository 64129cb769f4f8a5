"""Packs put together: which forms they carry, who keeps them, who takes them in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portproof.bootstrap import Application
    from portproof.evidence.vantage_key import VantageKey
    from portproof.packs.forms import Forms
    from portproof.packs.keeper import PackKeeper, ResumingKeeper
    from portproof.usecases.elsewhere import RunKeeper, SealedPack
    from portproof.usecases.import_pack import ImportServices
    from portproof.usecases.scan import RunServices

__all__ = [
    "import_services",
    "make_key",
    "open_pack",
    "pack_forms",
    "pack_keeper",
    "pack_services",
    "public_key",
    "resuming_keeper",
]


def make_key(path: Path) -> VantageKey:
    """Write a new private key to a file that must not be there; gives its public half.

    Raises:
        PackError: it is there, or cannot be written.
    """
    from portproof.packs.keys import new_key

    return new_key(path).public


def public_key(path: Path) -> VantageKey:
    """Give the public half of the private key in a file.

    Raises:
        PackError: there is none that can be used.
    """
    from portproof.packs.keys import load_key

    return load_key(path).public


def pack_keeper(app: Application, out: Path, key: Path) -> PackKeeper:
    """Give what keeps one run and seals it into `out`, signed with the private key in `key`.

    Raises:
        PackError: the key cannot be used, or the pack could not be written.
    """
    from portproof.packs.keeper import PackKeeper
    from portproof.packs.keys import load_key
    from portproof.packs.sealing import require_new

    require_new(out)
    return PackKeeper(out, load_key(key), forms=pack_forms(), clock=app.clock)


def resuming_keeper(app: Application, out: Path, key: Path, source: Path | None) -> ResumingKeeper:
    """Give what goes on with an interrupted run and seals it into `out`.

    `source` is the pack of the interrupted run; None: what a scan into `out` that was killed left.

    Raises:
        PackError: the key cannot be used, or the pack could not be written.
    """
    from portproof.packs.keeper import ResumingKeeper
    from portproof.packs.keys import load_key
    from portproof.packs.sealing import require_new

    require_new(out)
    return ResumingKeeper(out, load_key(key), source, forms=pack_forms(), clock=app.clock)


def pack_services(app: Application, keeper: RunKeeper) -> RunServices:
    """Put together what a scan into a pack needs; nothing of it opens a database."""
    from portproof.bootstrap.scanning import run_services

    return run_services(app, keeper)


@contextmanager
def import_services(app: Application) -> Iterator[ImportServices]:
    """Give what taking in packs needs, with the store open as long as the block lasts.

    Raises:
        StoreError: the database cannot be opened.
    """
    from portproof.store import open_store
    from portproof.usecases.import_pack import ImportServices

    with open_store(app.database, create=True) as store:
        yield ImportServices(clock=app.clock, store=store)


@contextmanager
def open_pack(path: Path) -> Iterator[SealedPack]:
    """Open a pack for as long as the block lasts.

    Raises:
        PackError: there is none, or its structure is not that of a pack.
    """
    from portproof.packs.reading import open_pack as opened

    with opened(path, pack_forms()) as pack:
        yield pack


def pack_forms() -> Forms:
    """Hand the packs the store's own forms: a run reads the same wherever it was made."""
    from portproof.packs.forms import Forms
    from portproof.store import codec, journal, records, recovery

    return Forms(
        plan_document=records.plan_document,
        plan_from=records.plan_from,
        outcome_document=records.outcome_document,
        outcome_from=records.outcome_from,
        carried_document=records.carried_document,
        carried_from=records.carried_from,
        evidence_of=records.evidence_of,
        batch_bytes=journal.pack,
        batch_from=journal.unpack,
        codec=codec,
        put_together=recovery.put_together,
    )
