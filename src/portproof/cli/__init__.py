"""The commands: `portproof COMMAND`.

Each command is one file and is imported only when it is called, so that `portproof --help` starts
at once. Machine output goes to standard output, everything for people (progress, where the report
is) to standard error or, where a table is the answer, to standard output.

Exit codes: check and audit 0 clean, 1 findings at or above --fail-on, 2 usage or configuration,
3 inconclusive or UNKNOWN on something required (3 wins over 1); diff 0 same, 1 different, 2 trouble;
130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from portproof import __version__
from portproof.errors import PortproofError

EXIT_USAGE = 2
EXIT_INCONCLUSIVE = 3
EXIT_INTERRUPTED = 130

# In the order of a user's first day; the text is what --help shows.
_COMMANDS = {
    "init": "Write a first set of documents for your own network.",
    "audit": "Scan, judge against the baseline, and write the evidence report.",
    "scan": "Scan authorised targets and keep what was seen.",
    "check": "Judge a stored run against the baseline.",
    "report": "Write the report of a stored run, or draw an evidence.json again.",
    "diff": "Compare two runs: exit 0 same, 1 different, 2 not comparable.",
    "probe": "Ask one endpoint, now.",
    "runs": "List the stored runs.",
    "evidence": "Show the raw record that a claim leads to.",
    "doctor": "Say what this machine can do, and what to do about the rest.",
    "db": "Upgrade the database, or show its version.",
    "demo": "Audit this machine with two demonstration servers.",
}


class _LazyGroup(click.Group):
    """Imports a command's module when it is called; lists them all without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands in their order."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None when there is none of that name."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"portproof.cli.{cmd_name}"), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"portproof.cli.{cmd_name} holds no command of that name")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table above."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="portproof")
def cli() -> None:
    """Prove, with evidence anyone can check, that only approved ports are reachable."""


def main() -> NoReturn:
    """Run the command line and exit with its code; every mistake is one clear line."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("portproof: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(EXIT_USAGE)
    except PortproofError as mistake:
        for line in str(mistake).splitlines():
            click.echo(f"portproof: {line}", err=True)
        sys.exit(EXIT_USAGE)
    except BrokenPipeError:
        # The reader (`| head`) has gone: nothing more can be said, and nothing is wrong.
        sys.stderr.close()
        sys.exit(EXIT_USAGE)
    sys.exit(code if isinstance(code, int) else 0)
