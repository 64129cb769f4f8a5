"""Options that several commands share, and what they are turned into."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeAlias

import click

from portproof.bootstrap import Application, Overrides
from portproof.cli.asked import Asked
from portproof.cli.grouped import GroupedOption
from portproof.cli.kinds import ENGINE_OF_LETTER, duration_ms, reading, scan_types, template
from portproof.cli.outputs import FORMS, Outputs, Shown
from portproof.model.finding import Severity

_FILE = click.Path(path_type=Path, dir_okay=False)

_TARGETS, _PORTS, _TIMING, _OUTPUT, _SITE = (
    "Targets",
    "Ports and engine",
    "Timing (never beyond the authorisation)",
    "Output",
    "Documents and database",
)

_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def _option(group: str, *names: str, **settings: Any) -> _Decorator:
    return click.option(*names, cls=GroupedOption, group=group, **settings)


_SETTINGS = (
    _option(
        _SITE, "-c", "--config", type=_FILE, help="Configuration file (default: ./portproof.yaml)."
    ),
    _option(
        _SITE,
        "--database",
        help="Where runs are kept (default: portproof.sqlite beside the configuration).",
    ),
    _option(_SITE, "--baseline", type=_FILE, help="The approved services."),
    _option(
        _SITE, "--environment", metavar="NAME", help="Environment of the baseline (default: base)."
    ),
    _option(_SITE, "--authorisation", type=_FILE, help="The written authorisation to scan."),
    _option(_SITE, "--waivers", type=_FILE, help="Accepted risks."),
    _option(_SITE, "--vantages", type=_FILE, help="The declared vantages and zones."),
    _option(_SITE, "--vantage", help="The vantage to probe from (default: local)."),
    _option(
        _SITE, "--stop-file", type=_FILE, help="A run ends when this file appears, within a second."
    ),
)

_SCAN = (
    click.argument("targets", nargs=-1, metavar="[TARGET]..."),
    _option(
        _TARGETS,
        "-iL",
        "target_lists",
        multiple=True,
        metavar="FILE",
        help="Read targets from a file, - for standard input; # begins a comment.",
    ),
    _option(
        _TARGETS,
        "--exclude",
        multiple=True,
        metavar="TARGET",
        help="Leave these addresses alone; may be repeated.",
    ),
    _option(
        _TARGETS,
        "--excludefile",
        "exclude_lists",
        multiple=True,
        metavar="FILE",
        help="The same from a file, written as for -iL.",
    ),
    _option(
        _TARGETS,
        "-4",
        "ip_version",
        flag_value=4,
        type=int,
        default=None,
        help="Ask only the IPv4 addresses of names (default: both).",
    ),
    _option(
        _TARGETS,
        "-6",
        "ip_version",
        flag_value=6,
        type=int,
        default=None,
        help="Ask only the IPv6 addresses of names.",
    ),
    _option(
        _TARGETS,
        "-n",
        "never_reverse",
        is_flag=True,
        expose_value=False,
        help="No reverse look-ups: accepted, there never are any.",
    ),
    _option(
        _TARGETS,
        "-Pn",
        "no_discovery",
        is_flag=True,
        expose_value=False,
        help="No host discovery: accepted, it is the default.",
    ),
    _option(
        _TARGETS,
        "--from-sources",
        is_flag=True,
        help="Ask the configured sources, and scan what they list inside the authorisation.",
    ),
    _option(
        _TARGETS,
        "--discover",
        is_flag=True,
        help="Look for hosts first (echo, TCP, ARP/ND); whoever answers nothing is not measured.",
    ),
    _option(
        _PORTS,
        "-p",
        "--ports",
        metavar="PORTS",
        help="Ports in nmap's grammar: 22,80,1-1024,U:53 (default: all TCP, and UDP with a probe).",
    ),
    _option(
        _PORTS,
        "--top-ports",
        "top",
        metavar="N",
        help="The N ports most worth asking, or T:N,U:N; own ranking, see policies/top-ports.yaml.",
    ),
    _option(_PORTS, "-F", "fast", is_flag=True, help="The same as --top-ports 100."),
    _option(
        _PORTS,
        "--exclude-ports",
        metavar="PORTS",
        help="Leave these ports alone on every target, over TCP and UDP unless T: or U: says which.",
    ),
    _option(
        _PORTS,
        "-s",
        "scan_types",
        callback=reading(scan_types),
        multiple=True,
        metavar="T|S|U",
        help="-sT connect, -sS SYN, -sU UDP, -sTU or -sSU both; services are asked always (-sV).",
    ),
    _option(
        _PORTS,
        "--engine",
        type=click.Choice(list(ENGINE_OF_LETTER.values())),
        help="How TCP is asked (default: connect).",
    ),
    _option(
        _TIMING,
        "-T",
        "template",
        callback=reading(template),
        metavar="0-5",
        help="-T0 to -T5: from most patient to least (default: -T3).",
    ),
    _option(
        _TIMING,
        "--max-rate",
        type=click.IntRange(1),
        metavar="N",
        help="At most N probes per second.",
    ),
    _option(
        _TIMING,
        "--min-rate",
        type=click.IntRange(1),
        metavar="N",
        help="Refuse to start when the limits do not allow N probes per second; forces none.",
    ),
    _option(
        _TIMING,
        "--max-retries",
        type=click.IntRange(0, 10),
        metavar="N",
        help="How often a silent port is asked again (default: 2, more on a path that loses).",
    ),
    _option(
        _TIMING,
        "--host-timeout",
        callback=reading(duration_ms),
        metavar="TIME",
        help="Give a host up after 900s, 30m: what is left of its TCP ports is not measured.",
    ),
    _option(
        _TIMING,
        "--timeout",
        type=click.IntRange(50, 60_000),
        metavar="MS",
        help="Longest wait for an answer, in ms.",
    ),
)

_OUTPUTS = (
    *(
        _option(_OUTPUT, name, form, metavar="FILE", help=help_text)
        for name, form, help_text in (
            ("-oN", "normal", "Write nmap's normal output; - for standard output."),
            ("-oX", "xml", "Write nmap's XML, for ndiff, IVRE, python-libnmap."),
            ("-oG", "grep", "Write nmap's grepable output."),
            ("-oJ", "jsonl", "Write JSON lines, those of --format jsonl."),
        )
    ),
    _option(_OUTPUT, "-oA", "all_at", metavar="BASE", help="Write BASE.nmap, .xml and .gnmap."),
    _option(
        _OUTPUT,
        "--open",
        "open_only",
        is_flag=True,
        help="Show what is, or may be, open; what was not measured is shown all the same.",
    ),
    _option(_OUTPUT, "--reason", is_flag=True, help="Say why each state was given."),
)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `outputs` and `shown`, made from nmap's output options."""

    @wraps(command)
    def with_outputs(*, all_at: str | None, open_only: bool, reason: bool, **options: Any) -> Any:
        outputs = Outputs.of({form: options.pop(form) for form in FORMS}, all_at)
        shown = Shown(open_only=open_only, reason=reason)
        return command(outputs=outputs, shown=shown, **options)

    return _decorated(with_outputs, _OUTPUTS)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `app`, made from the shared settings options."""

    @wraps(command)
    def with_application(config: Path | None, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _OVERRIDES}
        fail_on = options.get("fail_on")
        overrides = Overrides(**given, fail_on=Severity(fail_on) if fail_on else None)
        return command(app=Application.load(config, overrides), **options)

    return _decorated(with_application, _SETTINGS)


def scan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `asked`, made from the shared scan options."""

    @wraps(command)
    def with_asked(**options: Any) -> Any:
        given = {name: options.pop(name) for name in Asked.__dataclass_fields__}
        return command(asked=Asked(**given), **options)

    return _decorated(with_asked, _SCAN)


def verdict_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `fail_on` (read through the settings) and `exit_zero`."""
    return _decorated(
        command,
        (
            click.option(
                "--fail-on",
                type=click.Choice([each.value for each in Severity]),
                help="Exit 1 from this severity on (default: medium).",
            ),
            click.option(
                "--exit-zero",
                is_flag=True,
                help="Exit 0 whatever was found; errors keep their code.",
            ),
        ),
    )


_OVERRIDES = (
    "database",
    "stop_file",
    "baseline",
    "environment",
    "authorisation",
    "waivers",
    "vantages",
    "vantage",
)


def _decorated(
    command: Callable[..., Any],
    options: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...],
) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="portproof-out",
    show_default=True,
    help="Folder for the reports.",
)
dry_run_option = _option(
    _OUTPUT,
    "--dry-run",
    is_flag=True,
    help="Show what would be sent and for how long, and send nothing.",
)


def format_option(*forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the command `form`: how its answer is written to standard output; the first by default."""
    return _option(
        _OUTPUT,
        "--format",
        "form",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help="How the answer is written to standard output.",
    )
