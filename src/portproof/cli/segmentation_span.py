"""Options that the segmentation commands share: the policy, and which runs are judged together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from portproof.bootstrap.egress import sink_logs
from portproof.usecases.segmentation import DEFAULT_WINDOW, Span

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


def policy_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `policy`: the file, or None for the configured one."""
    return click.option(
        "--policy", type=_FILE, help="The segmentation policy (default: as configured)."
    )(command)


def span_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `span`: which runs are judged together."""

    @wraps(command)
    def with_span(
        *, days: int, until: datetime | None, sink_log: tuple[Path, ...], **options: Any
    ) -> Any:
        span = Span(
            until=until or datetime.now(UTC),
            window=timedelta(days=days),
            sinks=sink_logs(sink_log),
        )
        return command(span=span, **options)

    for option in (
        click.option(
            "--sink-log",
            type=_FILE,
            multiple=True,
            help="What `portproof sink` wrote; may be repeated.",
        ),
        click.option(
            "--until",
            callback=_instant,
            metavar="TIME",
            help="Judge what was known then: 2026-11-21T10:15:00Z (default: now).",
        ),
        click.option(
            "--days",
            type=click.IntRange(1, 366),
            default=DEFAULT_WINDOW.days,
            show_default=True,
            help="Runs that lie so far apart at most make one test.",
        ),
    ):
        with_span = option(with_span)
    return with_span


def _instant(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    del context, parameter
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError as fault:
        raise click.BadParameter(
            f"{text}: expected a time as 2026-11-21T10:15:00Z ({fault})"
        ) from None
    if at.tzinfo is None:
        raise click.BadParameter(f"{text}: the time zone is missing; write {text}Z for UTC")
    return at.astimezone(UTC)
