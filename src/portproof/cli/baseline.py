"""`portproof baseline`: the register of approved services as a document that people keep.

Each subcommand is a file `baseline_<name>.py` that holds a command of that name with the prefix
`baseline_` (so `baseline lint` is `baseline_lint` in `cli/baseline_lint.py`), and is imported only
when it is called. A new one is its file and one line in the table below.
"""

from __future__ import annotations

from importlib import import_module

import click

SUBCOMMANDS = {
    "init": "Write a first baseline of proposed entries from a run or nmap.xml.",
    "propose": "Add proposed entries for open ports that no entry covers.",
    "lint": "Say every fault of a baseline, with file, line and column.",
    "fmt": "Write baselines in one order of keys and entries.",
    "show": "Show entries as they hold in an environment, and where each part stands.",
    "approve": "Approve a reviewed set of entries with one signature.",
    "review": "Record a dated, signed review of the register; list those there are.",
    "history": "List every version of an entry: who, when, why, ticket.",
    "register": "Print the list of approved services (CSV, Markdown, HTML).",
    "plan": "Say what a changed baseline would do, before it is merged.",
}


class _Subcommands(click.Group):
    """Imports a subcommand's module when it is called; lists them all without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the subcommands in their order."""
        del ctx
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand; None when there is none of that name."""
        del ctx
        if cmd_name not in SUBCOMMANDS:
            return None
        name = f"baseline_{cmd_name.replace('-', '_')}"
        command = getattr(import_module(f"portproof.cli.{name}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"portproof.cli.{name} holds no command of that name")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands from the table above."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


@click.group(cls=_Subcommands)
def baseline() -> None:
    """Check, format and manage the register of approved services."""
