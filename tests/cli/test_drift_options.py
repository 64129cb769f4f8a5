"""What the commands about drift say of options that make no sense, before anything is read."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from portproof.cli.diff import diff
from portproof.cli.reconcile import reconcile
from portproof.errors import PortproofError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, without a configuration."""
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith("PORTPROOF_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("command", "arguments", "problem"),
    [
        (diff, ["--last", "--approved"], "exclude each other"),
        (diff, ["--last", "one", "two"], "take one run at most: one and two were given"),
        (diff, ["--approved", "--strict"], "--strict compares two runs"),
        (diff, ["--period", "yesterday"], "a period is written 2026-07-01..2026-09-30"),
        (diff, ["--period", "2026-07-01"], "a period is written 2026-07-01..2026-09-30"),
        (diff, ["--period", "2026-07-01T00:00..2026-09-30"], "with times and zones"),
        (diff, ["--period", "2026-09-30..2026-07-01"], "ends before it begins"),
        (reconcile, [], "name a --listening or --intent file"),
        (reconcile, ["--intent", "gone.csv"], "gone.csv: cannot be read"),
        (reconcile, ["--between", "eth0=nft.json"], "write the interface packets come in by"),
        (reconcile, ["--between", "eth0:=nft.json"], "IN:OUT=nft.json"),
        (reconcile, ["--between", "eth0:eth1=gone"], "gone: cannot be read"),
    ],
)
def test_options_that_make_no_sense_are_one_clear_error(
    command: click.Command, arguments: list[str], problem: str
) -> None:
    with pytest.raises((PortproofError, click.ClickException)) as refused:
        command.main(arguments, standalone_mode=False)
    assert problem in str(refused.value)
