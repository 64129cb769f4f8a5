"""A site with a stored run, for the commands that draft and review its baseline."""

from __future__ import annotations

import io
import os
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import factories as make
from command import Answer
from portproof.cli.group import run
from portproof.model.scan import HostOutcome
from portproof.store.sql import open_store

VANTAGES = """\
zones:
  - {name: internet, trust: untrusted}
  - {name: cde, trust: trusted, networks: 10.66.0.0/16}
vantages: [{id: ext-1, zone: internet}]
"""
CONFIGURATION = """\
scope: shop
operator: net-team
vantage: ext-1
vantages: vantages.yaml
baseline: baseline.yaml
"""


def portproof(*arguments: str, cwd: Path) -> Answer:
    """Run one command as `command.portproof` does, in this process: a dozen of them take no time."""
    out, err = io.StringIO(), io.StringIO()
    before, width = sys.argv, os.environ.get("COLUMNS")
    sys.argv, os.environ["COLUMNS"] = ["portproof", *arguments], "120"
    try:
        with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
            code = run()
    finally:
        sys.argv = before
        os.environ.pop("COLUMNS")
        if width is not None:
            os.environ["COLUMNS"] = width
    return Answer(code, out.getvalue(), err.getvalue())


def site(folder: Path, *hosts: HostOutcome, more: str = "") -> Path:
    """Give a configured folder without a baseline, whose store holds one complete run."""
    (folder / "portproof.yaml").write_text(CONFIGURATION + more, encoding="utf-8")
    (folder / "vantages.yaml").write_text(VANTAGES, encoding="utf-8")
    stored_run(folder, *hosts)
    return folder


def stored_run(folder: Path, *hosts: HostOutcome, at: datetime = make.NOON) -> str:
    """Keep a run that ended at an instant in the folder's store; gives its id."""
    bare = (
        replace(host, observations=tuple(replace(o, evidence=None) for o in host.observations))
        for host in hosts
    )
    run_id = f"run-{at:%Y%m%dT%H%M}"
    record = make.run(
        *bare, plan={"run_id": run_id}, started=at - timedelta(minutes=5), finished=at
    )
    with open_store(folder / "portproof.sqlite", create=True) as store, store.run_lock():
        store.begin_run(record.plan, record.started)
        store.finish_run(record)
    return run_id
