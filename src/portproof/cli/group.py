"""The click group behind `portproof`, and how its mistakes become exit codes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from keyword import iskeyword

import click

from portproof import __version__
from portproof.cli import ABOUT, COMMANDS, EXIT_INTERRUPTED, EXIT_USAGE
from portproof.errors import PortproofError


class _LazyGroup(click.Group):
    """Imports a command's module when it is called; lists them all without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands in their order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None when there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        name += "_" * iskeyword(name)
        command = getattr(import_module(f"portproof.cli.{name}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"portproof.cli.{cmd_name} holds no command of that name")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table above."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="portproof")
def cli() -> None:
    """Hold the commands."""


cli.help = ABOUT


def run() -> int:
    """Run one command; gives its exit code. Every mistake is one clear line on standard error.

    A reader of our output that has gone (`| head`) is no mistake and changes no verdict; output
    that cannot be written is one.
    """
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("portproof: interrupted", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as mistake:
        mistake.show()
        return EXIT_USAGE
    except PortproofError as mistake:
        for line in str(mistake).splitlines():
            click.echo(f"portproof: {line}", err=True)
        return EXIT_USAGE
    except OSError as failure:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - Python flushes it once more on its way out
        click.echo(f"portproof: cannot write the output: {failure.strerror or failure}", err=True)
        return EXIT_USAGE
    return code if isinstance(code, int) else 0
