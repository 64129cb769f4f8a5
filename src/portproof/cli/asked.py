"""What the scan options say, and the request that they become."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import click

from portproof.bootstrap import (
    Application,
    registry_udp_ports,
    syn_engine_missing,
    target_list,
    top_ports,
)
from portproof.cli.kinds import ENGINE_OF_LETTER, transports_of
from portproof.errors import SettingsError
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec, parse_ports
from portproof.model.rates import Rates
from portproof.model.scan import Timing
from portproof.model.targetspec import TargetSpec, parse_target
from portproof.plan.build import PlanRequest
from portproof.plan.relay import engine_through
from portproof.plan.timing import NORMAL, TEMPLATES, Template, at_most

_FAST: Final = "100"
"""-F: so many ports of each transport, as in nmap."""
_NAMED_IN_SCOPE: Final = 8
"""Targets that name a scope which nobody named; of a longer list, the number and a digest do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the scan options say; None or empty where they say nothing."""

    targets: tuple[str, ...]
    from_sources: bool = False
    target_lists: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_lists: tuple[str, ...] = ()
    ip_version: int | None = None
    ports: str | None = None
    top: str | None = None
    fast: bool = False
    exclude_ports: str | None = None
    scan_types: tuple[frozenset[str], ...] = ()
    engine: str | None = None
    discover: bool = False
    template: Template | None = None
    timeout: int | None = None
    """Milliseconds, as `host_timeout`."""
    max_retries: int | None = None
    host_timeout: int | None = None
    max_rate: int | None = None
    min_rate: int | None = None

    def request(self, app: Application, sourced: tuple[TargetSpec, ...] = ()) -> PlanRequest:
        """Turn options and configuration into what the plan is made from.

        `sourced` are the targets that the sources list, where they were asked.

        Raises:
            SpecificationError: a target or the ports do not parse.
            DocumentError: a list of targets has faults.
            SettingsError: no target is named anywhere, options contradict each other, or the
                vantage is not declared.
        """
        settings = app.settings
        named = _listed(self.targets, self.target_lists)
        targets = (*named, *sourced) or settings.targets or ()
        if not targets:
            raise SettingsError(
                "no target: name one (portproof audit 10.0.0.0/24), or list targets in the configuration file"
            )
        excluded = _listed(self.exclude, self.exclude_lists) + (settings.exclude or ())
        return PlanRequest(
            # The sources' targets change from run to run, and the scope is still the same.
            scope=settings.scope
            or _scope(targets if not sourced else named, sourced=bool(sourced)),
            targets=targets,
            ports=self._ports(app),
            exclude=excluded,
            exclude_ports=self._excluded_ports(),
            vantage=app.vantage,
            timing=self._timing(),
            limits=self._limits(),
            min_rate=self.min_rate,
            ip_version=self.ip_version,
            engine=engine_through(app.way, self._engine(), discover=self.discover),
            discover=self.discover,
            through=app.way,
        )

    # ------------------------------------------------------------ ports

    def _ports(self, app: Application) -> PortSpec:
        letters = self._letters()
        transports = transports_of(letters)
        bare = transports if letters else (Transport.TCP,)
        given = [name for name, each in self._port_options() if each]
        if len(given) > 1:
            raise SettingsError(f"{' and '.join(given)} both say which ports; give one of them")
        if self.ports is not None:
            return _of_types(parse_ports(self.ports, bare), transports, "-p")
        if self.top is not None:
            return _of_types(top_ports().chosen(self.top, bare), transports, "--top-ports")
        if self.fast:
            return top_ports().chosen(_FAST, bare)
        every = PortSpec(tcp=PortSet.all_ports(), udp=registry_udp_ports())
        return _only(app.settings.ports or every, transports)

    def _port_options(self) -> tuple[tuple[str, object], ...]:
        return ("-p", self.ports), ("--top-ports", self.top), ("-F", self.fast)

    def _excluded_ports(self) -> PortSpec:
        if self.exclude_ports is None:
            return PortSpec(PortSet.empty(), PortSet.empty())
        # A bare number is left alone over both: leaving out too much is a gap that shows.
        return parse_ports(self.exclude_ports, tuple(Transport))

    def _letters(self) -> frozenset[str]:
        return frozenset(chain.from_iterable(self.scan_types))

    def _engine(self) -> str:
        engines = {ENGINE_OF_LETTER[each] for each in self._letters() if each in ENGINE_OF_LETTER}
        if self.engine is not None:
            engines.add(self.engine)
        if len(engines) > 1:
            raise SettingsError("two engines are asked for: -sT is connect, -sS is syn")
        engine = engines.pop() if engines else "connect"
        if engine == "syn" and (why := syn_engine_missing()):
            # The plan, and so each report, names the engine that did it.
            click.echo(f"portproof: {why}; the connect engine is used instead", err=True)
            return "connect"
        return engine

    # ------------------------------------------------------------ timing

    def _timing(self) -> Timing:
        timing = replace(self._template().timing, host_timeout_ms=self.host_timeout)
        if self.timeout is not None:
            least = min(self.timeout, timing.min_timeout_ms)
            timing = replace(timing, timeout_ms=self.timeout, min_timeout_ms=least)
        if self.max_retries is not None:
            # A person's number is a limit: on a lossy path, what it does not suffice for is Unmeasured.
            timing = replace(timing, max_retries=self.max_retries, most_retries=self.max_retries)
        return timing

    def _limits(self) -> Rates | None:
        held = self._template().rates
        if self.max_rate is None:
            return held
        asked = at_most(self.max_rate)
        return asked if held is None else held.stricter(asked)

    def _template(self) -> Template:
        return self.template or TEMPLATES[NORMAL]


def _listed(texts: tuple[str, ...], lists: tuple[str, ...]) -> tuple[TargetSpec, ...]:
    from_lists = chain.from_iterable(target_list(each) for each in lists)
    return (*map(parse_target, texts), *from_lists)


def _only(spec: PortSpec, transports: tuple[Transport, ...]) -> PortSpec:
    kept = {
        each: ports if each in transports else PortSet.empty()
        for each, ports in ((Transport.TCP, spec.tcp), (Transport.UDP, spec.udp))
    }
    only = PortSpec(kept[Transport.TCP], kept[Transport.UDP])
    if not only:
        raise SettingsError(
            f"the configured ports have no {transports[0]} port; name some with -p or --top-ports"
        )
    return only


def _of_types(spec: PortSpec, transports: tuple[Transport, ...], option: str) -> PortSpec:
    """Refuse ports of a transport that -s leaves out, rather than leave them out in silence."""
    for transport, ports, letter in (
        (Transport.TCP, spec.tcp, "T"),
        (Transport.UDP, spec.udp, "U"),
    ):
        if ports and transport not in transports:
            raise SettingsError(
                f"{option} names {transport} ports, which -s leaves out; add {letter} to its letters"
            )
    return spec


def _scope(targets: tuple[TargetSpec, ...], *, sourced: bool) -> str:
    """Name a scope that nobody named after its targets."""
    listed = ", ".join([*(["the targets of the sources"] if sourced else ()), *map(str, targets)])
    if len(targets) <= _NAMED_IN_SCOPE:
        return listed
    digest = hashlib.sha256(listed.encode()).hexdigest()[:12]
    return f"{targets[0]} and {len(targets) - 1:,} more targets (sha256 {digest})"
