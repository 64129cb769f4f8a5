"""A scan as people watch it: progress on standard error, and how it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from portproof.cli.stopping import StopFile
from portproof.contracts import Progress, ScanListener, StopSignal
from portproof.model.authorisation import Authorisation
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Checkpoint
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample, RunRecord, RunStatus
from portproof.plan.build import PlanRequest
from portproof.usecases.scan import RunServices, scan

_PHASES = {
    "tcp": "TCP ports",
    "tcp again": "TCP again",
    "udp": "UDP probes",
    "services": "services",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A run that somebody watched, and whether they stopped it."""

    record: RunRecord
    interrupted: bool


def watch(
    services: RunServices,
    request: PlanRequest,
    authorisation: Authorisation | None,
    console: Console,
    stop_file: Path | None = None,
    pack: Path | None = None,
) -> Watched:
    """Carry out a scan as `carry_out` does.

    Raises:
        PortproofError: as `usecases.scan.scan`, or `carry_out`.
    """
    return carry_out(
        lambda watcher, stop: scan(services, request, authorisation, watcher=watcher, stop=stop),
        console,
        stop_file,
        pack,
    )


def carry_out(
    run: Callable[[ScanListener, StopSignal], RunRecord],
    console: Console,
    stop_file: Path | None,
    pack: Path | None = None,
) -> Watched:
    """Carry out a run with progress on the console.

    Ctrl-C, SIGTERM or the stop file end it; what was measured is kept, in the `pack` where there is
    one.

    Raises:
        PortproofError: as `run`.
        SettingsError: the stop file is there already.
    """
    with stoppable(console, stop_file) as stop, watching(console) as watcher:
        record = run(watcher, stop)
        interrupted = stop()
    if pack is not None:
        console.print(f"wrote {pack}", soft_wrap=True, highlight=False, markup=False)
    if pack is not None and record.status is RunStatus.INTERRUPTED:
        console.print(
            "interrupted: the pack holds what was measured;"
            f" `portproof resume {pack} --out ANOTHER --key FILE` goes on with it",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
    elif record.status is RunStatus.INTERRUPTED:
        run_id = record.plan.run_id
        console.print(
            f"interrupted: what was measured is kept as run {run_id};"
            f" `portproof resume {run_id}` goes on with it",
            soft_wrap=True,
        )
    return Watched(record=record, interrupted=interrupted)


class Quiet:
    """Watches without a word: standard error is no terminal, or nobody wants to see it."""

    def batch(self, batch: OutcomeBatch) -> None:
        """Take outcomes; they are counted in `progress`."""

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        """Take an observation; the tables at the end show it."""

    def sampled(self, sample: ControlSample) -> None:
        """Take a control sample; the report prints it."""

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take a checkpoint; it is for the store."""

    def progress(self, progress: Progress) -> None:
        """Hear where the scan stands."""


class LiveProgress(Quiet):
    """Draws one bar per phase, with rate, time left and counts."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def progress(self, progress: Progress) -> None:
        """Redraw the phase's bar."""
        if progress.phase not in self._tasks:
            self._fill()
        if not progress.total:
            return  # nothing to do in this phase: a bar of 0/0 would look stuck
        task = self._task(progress)
        left = "" if progress.eta_s is None else f", {progress.eta_s:.0f} s left"
        told = f"{progress.rate_pps:,.0f}/s, {progress.open:,} open{left}"
        if progress.unmeasured:
            told += f", {progress.unmeasured:,} not measured"
        self._bars.update(task, completed=progress.done, total=progress.total, told=told)

    def _fill(self) -> None:
        """Fill the bars there are: a phase begins when those before it have ended."""
        for task in self._bars.tasks:
            self._bars.update(task.id, completed=task.total, told="done")

    def _task(self, progress: Progress) -> TaskID:
        if progress.phase not in self._tasks:
            label = _PHASES.get(progress.phase, progress.phase)
            self._tasks[progress.phase] = self._bars.add_task(label, total=progress.total, told="")
        return self._tasks[progress.phase]


@contextmanager
def watching(console: Console) -> Iterator[Quiet]:
    """Give the listener that suits the console: bars on a terminal, silence elsewhere."""
    if not console.is_terminal:
        yield Quiet()
        return
    columns = (
        TextColumn("{task.description:<11}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        yield LiveProgress(bars)


@contextmanager
def stoppable(console: Console, stop_file: Path | None = None) -> Iterator[StopSignal]:
    """Turn the first Ctrl-C (or SIGTERM) into a polite stop; the second ends at once.

    The stop file is one, too.

    Raises:
        SettingsError: the stop file is there before the run begins.
    """
    asked = False
    laid = StopFile(stop_file, console)

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        del number, frame
        if asked:
            raise KeyboardInterrupt
        asked = True
        console.print("stopping: keeping what was measured (again to end at once)")

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked or laid()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
