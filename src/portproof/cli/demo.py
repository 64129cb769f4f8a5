"""`portproof demo`: the whole job on this machine, with two real servers of the standard library."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from portproof.bootstrap import Application, Overrides
from portproof.cli import EXIT_INTERRUPTED, consoles
from portproof.cli.asked import Asked
from portproof.cli.conclude import Verdict, judge, report, show
from portproof.cli.live import watch
from portproof.errors import SettingsError
from portproof.usecases.demo import Stage, demo_documents, unexpected

_POSTGRESQL = 5432
_START_S = 10.0
_POLL_S = 0.05


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo-out",
    show_default=True,
    help="Folder for documents, database and reports.",
)
def demo(*, out: Path) -> int:
    """Audit 127.0.0.1 and ::1: all TCP ports, every UDP probe, one report.

    One HTTP server is approved, one is not, and a PostgreSQL that the baseline requires is not
    there. Exits 0 when exactly that was found (and whatever else really listens on this machine).
    """
    stdout, stderr = consoles.out(), consoles.err()
    with ExitStack() as running:
        approved = running.enter_context(_http_server())
        unapproved = running.enter_context(_http_server())
        stage = Stage(approved=approved, unapproved=unapproved, absent=_free_port(_POSTGRESQL))
        app = _application(out, stage)
        with app.open_store() as store:
            services, request = app.scan_services(store), _everything().request(app)
            watched = watch(services, request, app.authorisation, stderr, app.stop_file)
            if watched.interrupted:
                return EXIT_INTERRUPTED
            verdict = judge(app, store, watched.record.plan.run_id)
        report(app, verdict, out, stderr)
        show(verdict, "table", stdout)
    return _compare(verdict, stage, stderr)


def _compare(verdict: Verdict, stage: Stage, console: Console) -> int:
    """Hold what was found against what is true; 0 when they agree."""
    problems = unexpected(verdict.document, stage)
    for problem in problems:
        console.print(f"demo: {problem}", soft_wrap=True)
    if not problems:
        console.print(
            "demo: found what is there: one unapproved server, one missing service, "
            "nothing invented",
            soft_wrap=True,
        )
    return 1 if problems else 0


def _application(out: Path, stage: Stage) -> Application:
    today = datetime.now(UTC).date()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in demo_documents(
            stage, today=today, until=today + timedelta(days=30)
        ).items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as failure:
        raise SettingsError(f"{out}: cannot write there: {failure.strerror}") from failure
    return Application.load(out / "portproof.yaml", Overrides())


def _everything() -> Asked:
    """Ask for all TCP ports and every UDP port with a protocol probe."""
    return Asked(targets=())


@contextmanager
def _http_server() -> Iterator[int]:
    """Run `python -m http.server` on a free loopback port; gives the port, ends it in any case."""
    port = _free_port(0)
    quiet = subprocess.DEVNULL
    with TemporaryDirectory(prefix="portproof-demo-") as empty:
        command = [
            sys.executable,
            "-m",
            "http.server",
            str(port),
            "--bind",
            "127.0.0.1",
            "--directory",
            empty,
        ]
        # Its own session: Ctrl-C reaches portproof alone, which then ends the server itself.
        server = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603 - our own interpreter
        try:
            _await(port, server)
            yield port
        finally:
            server.terminate()
            server.wait()


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_POLL_S)
    raise SettingsError(f"the demonstration server on 127.0.0.1:{port} did not start")


def _free_port(wanted: int) -> int:
    """Give `wanted` if nothing holds it, else another port that is free; 0 asks for any."""
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", wanted))
        except OSError:
            trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port
