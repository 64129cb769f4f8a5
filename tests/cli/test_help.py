"""The command line explains itself, at once and truthfully."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from command import portproof
from portproof.cli import COMMANDS, help_text
from portproof.cli.group import cli


def test_the_help_that_needs_no_click_is_the_help_that_click_gives() -> None:
    assert CliRunner().invoke(cli, ["--help"], prog_name="portproof").output == help_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_is_there_and_has_help(name: str) -> None:
    answer = CliRunner().invoke(cli, [name, "--help"], prog_name="portproof")
    assert answer.exit_code == 0
    assert answer.output.startswith(f"Usage: portproof {name}")


def test_no_command_is_hidden_from_the_list() -> None:
    with click.Context(cli) as context:
        assert cli.list_commands(context) == list(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["-h"], 0),
        (["--version"], 0),
        ([], 2),
        (["nothing"], 2),
        (["scan", "--nothing"], 2),
    ],
)
def test_usage_mistakes_exit_2_and_help_exits_0(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    answer = portproof(*arguments, cwd=tmp_path)
    assert answer.code == code
    assert "Traceback" not in answer.err
