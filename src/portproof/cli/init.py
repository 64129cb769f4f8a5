"""`portproof init`: a first set of documents."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from portproof.bootstrap import control_proposals, registry_udp_ports
from portproof.cli import consoles
from portproof.errors import SettingsError
from portproof.model.targetspec import parse_target
from portproof.usecases.init import FirstDocuments, first_documents


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="What you own and want audited; may be repeated (default: this machine's loopback).",
)
@click.option(
    "--owner",
    default="the owner of these networks",
    show_default=True,
    help="Who authorises the scan.",
)
@click.option(
    "--contact", default="security team", show_default=True, help="Whom to call about it."
)
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=90,
    show_default=True,
    help="How long the authorisation holds.",
)
@click.option("--force", is_flag=True, help="Overwrite documents that are there.")
def init(
    *, folder: Path, targets: tuple[str, ...], owner: str, contact: str, days: int, force: bool
) -> int:
    """Write portproof.yaml, authorisation, baseline, waivers and vantages into FOLDER.

    The authorisation names what --target lists, and proposes control endpoints (canaries) from this
    machine's routes and resolvers. Read it, have its owner agree, then run `portproof audit`.
    """
    listed = tuple(map(parse_target, targets or ("127.0.0.1", "::1")))
    documents = first_documents(
        FirstDocuments(targets=listed, owner=owner, contact=contact, days=days),
        today=_today(),
        proposals=control_proposals(listed),
        udp_ports=registry_udp_ports(),
    )
    written = _write(folder, documents, force=force)
    console = consoles.err()
    for path in written:
        console.print(f"wrote {path}", soft_wrap=True)
    console.print(
        "next: read authorisation.yaml, list what is approved in baseline.yaml, run `portproof audit`"
    )
    return 0


def _write(folder: Path, documents: dict[str, str], *, force: bool) -> list[Path]:
    """Write all documents or none.

    Raises:
        SettingsError: one is there already, or the folder cannot be written.
    """
    there = [name for name in documents if (folder / name).exists()]
    if there and not force:
        raise SettingsError(f"{folder}: {', '.join(there)} already there; --force overwrites")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in documents.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as failure:
        raise SettingsError(f"{folder}: cannot write there: {failure.strerror}") from failure
    return [folder / name for name in documents]


def _today() -> date:
    return datetime.now(UTC).date()
