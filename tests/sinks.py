"""A `portproof sink` of its own process, as an operator starts one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningSink:
    """A sink that listens, and its log."""

    process: subprocess.Popen[Any]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """What it has written so far."""
        whole = self.log.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(each) for each in whole]

    def wait_for(self, key: str, count: int = 1) -> list[dict[str, Any]]:
        """Give the lines with a key, once there are so many.

        Raises:
            RuntimeError: they did not come, or the sink ended.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            found = [each for each in self.lines() if key in each] if self.log.exists() else []
            if len(found) >= count:
                return found
            if self.process.poll() is not None:
                raise RuntimeError(f"the sink ended with {self.process.returncode}")
            time.sleep(0.02)
        raise RuntimeError(f"no {count} lines with {key!r}: {self.lines()}")

    def stop(self) -> int:
        """End it as an operator does; gives its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=_PATIENCE_S)


@contextmanager
def sink(
    log: Path, *options: str, enter: Sequence[str] = (), ports: str, address: str = "127.0.0.1"
) -> Iterator[RunningSink]:
    """Run a sink until the block ends; `enter` is the prefix that enters a namespace."""
    command = [sys.executable, "-m", "portproof", "sink", "--address", address, "-p", ports]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [*enter, *command, "--out", str(log), *options], stdin=quiet, stdout=quiet, stderr=quiet
    )
    running = RunningSink(process, log)
    try:
        running.wait_for("sink")
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=_PATIENCE_S)
