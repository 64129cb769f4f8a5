"""`portproof baseline register`: the list of approved services that an assessor asks for."""

from __future__ import annotations

import sys

import click

from portproof.bootstrap import Application
from portproof.bootstrap.registers import REGISTER_FORMS, register_text
from portproof.cli.options import format_option, settings_options


@click.command("register")
@settings_options
@format_option(*REGISTER_FORMS)
def baseline_register(*, app: Application, form: str) -> int:
    """Print every approved service with its reason, owner and approval (PCI DSS 1.2.5).

    What grants nothing today is listed, too, with the reason; what is only proposed is counted.
    """
    sys.stdout.write(register_text(app, form))
    return 0
