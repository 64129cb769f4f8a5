"""Options that several commands share, and what they are turned into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from portproof.bootstrap import Application, Overrides, registry_udp_ports
from portproof.errors import SettingsError
from portproof.model.finding import Severity
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec, parse_ports
from portproof.model.scan import Timing
from portproof.model.targetspec import TargetSpec, parse_target
from portproof.plan.build import PlanRequest

_FILE = click.Path(path_type=Path, dir_okay=False)

_SETTINGS = (
    click.option(
        "-c", "--config", type=_FILE, help="Configuration file (default: ./portproof.yaml)."
    ),
    click.option(
        "--database",
        help="Where runs are kept (default: portproof.sqlite beside the configuration).",
    ),
    click.option("--baseline", type=_FILE, help="The approved services."),
    click.option("--authorisation", type=_FILE, help="The written authorisation to scan."),
    click.option("--waivers", type=_FILE, help="Accepted risks."),
    click.option("--vantages", type=_FILE, help="The declared vantages and zones."),
    click.option("--vantage", help="The vantage to probe from (default: local)."),
)

_SCAN = (
    click.argument("targets", nargs=-1, metavar="[TARGET]..."),
    click.option(
        "-p",
        "--ports",
        help="Ports in nmap's grammar: 22,80,1-1024,U:53 (default: all TCP, and UDP with a probe).",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="TARGET",
        help="Leave these addresses alone; may be repeated.",
    ),
    click.option(
        "--timeout",
        type=click.IntRange(50, 60_000),
        metavar="MS",
        help="Longest wait for an answer, in ms.",
    ),
    click.option(
        "--max-retries", type=click.IntRange(0, 10), help="How often a silent port is asked again."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the scan options say."""

    targets: tuple[str, ...]
    ports: str | None
    exclude: tuple[str, ...]
    timeout: int | None
    max_retries: int | None

    def request(self, app: Application) -> PlanRequest:
        """Turn options and configuration into what the plan is made from.

        Raises:
            SpecificationError: a target or the ports do not parse.
            SettingsError: no target is named anywhere, or the vantage is not declared.
        """
        settings = app.settings
        targets = tuple(map(parse_target, self.targets)) or settings.targets or ()
        if not targets:
            raise SettingsError(
                "no target: name one (portproof audit 10.0.0.0/24), or list targets in the configuration file"
            )
        excluded = tuple(map(parse_target, self.exclude)) + (settings.exclude or ())
        return PlanRequest(
            scope=settings.scope or _scope(targets),
            targets=targets,
            ports=self._ports(app),
            exclude=excluded,
            vantage=app.vantage,
            timing=self._timing(),
        )

    def _ports(self, app: Application) -> PortSpec:
        if self.ports is not None:
            return parse_ports(self.ports)
        return app.settings.ports or PortSpec(tcp=PortSet.all_ports(), udp=registry_udp_ports())

    def _timing(self) -> Timing:
        timing = Timing()
        if self.timeout is not None:
            least = min(self.timeout, timing.min_timeout_ms)
            timing = replace(timing, timeout_ms=self.timeout, min_timeout_ms=least)
        if self.max_retries is not None:
            timing = replace(timing, max_retries=self.max_retries)
        return timing


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


_OVERRIDES = ("database", "baseline", "authorisation", "waivers", "vantages", "vantage")


def _decorated(
    command: Callable[..., Any],
    options: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...],
) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _scope(targets: tuple[TargetSpec, ...]) -> str:
    """Name a scope that nobody named after its targets."""
    return ", ".join(map(str, targets))


out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="portproof-out",
    show_default=True,
    help="Folder for the reports.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show what would be sent, and send nothing."
)


def format_option(*forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the command `form`: how its answer is written to standard output; the first by default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True
    )
