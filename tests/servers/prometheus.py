"""Prometheus itself, which discovers targets and scrapes none of them: once a day is soon enough."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.process import account, folder, free_port, give, program, run, running

CONFIG = """
global: {{scrape_interval: 1d, scrape_timeout: 1s}}
scrape_configs:
  - job_name: files
    file_sd_configs: [{{files: ["{listed}"], refresh_interval: 1s}}]
  - job_name: web
    http_sd_configs: [{{url: "{url}", refresh_interval: 1s}}]
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs, and the file that it watches."""

    port: int
    listed: Path

    def targets(self, job: str) -> list[dict[str, Any]]:
        """The labels of every target that it has discovered for a job, by its address."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/targets") as answer:
            held = json.load(answer)["data"]["activeTargets"]
        labels = [each["discoveredLabels"] for each in held if each["scrapePool"] == job]
        return sorted(labels, key=lambda each: str(each["__address__"]))


@contextmanager
def prometheus(listed: str, url: str) -> Iterator[Prometheus]:
    """Run Prometheus on target groups in a file with that content, and on those of a URL.

    The configuration and the file are looked through by promtool first.

    Raises:
        ServerFailedError: promtool refuses them, or Prometheus does not start.
    """
    owner, port = account(), free_port()
    with folder(owner) as home:
        made = Prometheus(port, home / "listed.json")
        made.listed.write_text(listed)
        config = home / "prometheus.yml"
        config.write_text(CONFIG.format(listed=made.listed, url=url))
        give(home, owner)
        run([program("promtool"), "check", "config", str(config)], owner=owner, cwd=home)
        argv = [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={home}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        with running(argv, owner=owner, cwd=home, ready=lambda: _ready(port)):
            yield made


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1):
            return True
    except OSError:
        return False
