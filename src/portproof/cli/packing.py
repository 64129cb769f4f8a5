"""`--out` and `--key` of scan and resume: the run goes into a signed pack, and into no database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from portproof.bootstrap import Application
from portproof.bootstrap.packs import pack_keeper, pack_services, resuming_keeper
from portproof.cli.grouped import GroupedOption
from portproof.contracts import ScanListener, StopSignal
from portproof.errors import SettingsError
from portproof.model.scan import RunRecord
from portproof.usecases.resume import resume, resume_elsewhere
from portproof.usecases.scan import RunServices

_GROUP: Final = "Output"
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where a run is kept: in the store, or in a pack and nowhere else."""

    app: Application
    pack: Path | None
    """None: in the store."""
    key: Path | None
    """The private key that signs the pack."""

    @contextmanager
    def services(self) -> Iterator[RunServices]:
        """Give what a scan needs, with the store or the pack open as long as the block lasts.

        Raises:
            PackError: the key cannot be used, or the pack could not be written.
            StoreError: the database cannot be opened.
        """
        if self.pack is not None and self.key is not None:
            yield pack_services(self.app, pack_keeper(self.app, self.pack, self.key))
            return
        with self.app.open_store() as store:
            yield self.app.scan_services(store)

    def resume(self, what: str | None, watcher: ScanListener, stop: StopSignal) -> RunRecord:
        """Go on with an interrupted run: of the store, or of a pack.

        `what` names the run in the store, or the pack of the interrupted run; None: the newest of
        the store, or what a scan into the pack left that was killed.

        Raises:
            PortproofError: as `usecases.resume` says.
        """
        app = self.app
        if self.pack is not None and self.key is not None:
            source = None if what is None else Path(what)
            keeper = resuming_keeper(app, self.pack, self.key, source)
            services = pack_services(app, keeper)
            return resume_elsewhere(
                services, keeper, app.authorisation, app.vantage, watcher=watcher, stop=stop
            )
        with app.open_store(create=False) as store:
            return resume(
                app.scan_services(store),
                what,
                app.authorisation,
                app.vantage,
                watcher=watcher,
                stop=stop,
            )


def pack_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command, in place of `app`, `keeping`: where the run goes. Stands below the settings."""

    @wraps(command)
    def with_keeping(
        *, app: Application, pack_out: Path | None, pack_key: Path | None, **options: Any
    ) -> Any:
        _require_both(pack_out, pack_key)
        return command(keeping=Keeping(app, pack_out, pack_key), **options)

    key = click.option(
        "--key",
        "pack_key",
        type=_FILE,
        cls=GroupedOption,
        group=_GROUP,
        help="With --out: the vantage's private key, which signs the pack.",
    )
    out = click.option(
        "--out",
        "pack_out",
        type=_FILE,
        cls=GroupedOption,
        group=_GROUP,
        help="Write the run into a signed pack for `portproof import`, and into no database.",
    )
    return out(key(with_keeping))


def _require_both(out: Path | None, key: Path | None) -> None:
    if out is not None and key is None:
        raise SettingsError(
            "--out writes a signed pack: name the vantage's key with --key; "
            "`portproof keys new --out FILE` makes one"
        )
    if out is None and key is not None:
        raise SettingsError("--key signs a pack: say with --out where it goes")
