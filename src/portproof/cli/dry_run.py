"""`--dry-run`: what a scan would send, for people."""

from __future__ import annotations

from rich.console import Console

from portproof.model.endpoint import Transport
from portproof.model.way import Way
from portproof.plan.build import MOST_ADDRESSES
from portproof.plan.forecast import Bound, Forecast

_MOST_LISTED = 20
"""Exclusions and names that are listed; the rest is counted."""


def show_forecast(told: Forecast, console: Console, way: Way | None = None) -> None:
    """Write what would be sent: how much, from where, how fast, and for how long at least.

    `way` is the proxy that it would go through; None: over the vantage's own network.
    """
    held, timing = told.authorisation, told.timing
    tcp, udp = told.endpoints[Transport.TCP], told.endpoints[Transport.UDP]
    not_asked = f", {told.not_asked:,} of them not asked (no probe)" if told.not_asked else ""
    rows = [
        ("scope", told.scope),
        ("vantage", f"{told.vantage.id} in zone {told.vantage.zone}"),
        ("authorisation", f"{held.id}, until {held.valid_until:%Y-%m-%dT%H:%M:%SZ}"),
        ("engine", f"{told.engine}, through {way}" if way else told.engine),
        ("addresses", _addresses(told)),
        ("endpoints", f"{tcp:,} TCP and {udp:,} UDP{not_asked}"),
        ("budget", f"{held.max_probes:,} endpoints a run; {told.budget_left:,} would be left"),
        ("probes", f"at least {told.probes.least:,}, {told.probes.silent:,} if all stay silent"),
        ("", f"at most {told.probes.most:,}, on a path that loses most of them"),
        ("controls", _controls(told)),
        ("rate", f"at most {told.rates.global_pps:,}/s, {told.rates.per_host_pps:,}/s per host"),
        ("connections", f"at most {_at_once(told, way):,} at once"),
        ("duration", f"at least {_time(told.answered)} if all answer at once"),
        ("", f"at least {_time(told.silent)} if all stay silent"),
    ]
    if told.routed is not None:
        rows.append(("", f"at least {_time(told.routed)} if all stay silent behind one router"))
    if told.discover:
        rows.append(("discovery", "first; hosts that answer none of it are not probed"))
    if timing.host_timeout_ms is not None:
        rows.append(("host time-out", f"{timing.host_timeout_ms / 1000:,.0f} s"))
    rows += _listed("excluded", [f"{e.text}: {e.addresses:,} addresses" for e in told.left_out])
    rows += _listed("name", list(_names(told)))
    for label, text in rows:
        console.print(f"{label:<14} {text}", soft_wrap=True)
    console.print("nothing was sent")


def _addresses(told: Forecast) -> str:
    if told.addresses <= MOST_ADDRESSES:
        return f"{told.addresses:,}"
    return f"{told.addresses:,}, more than one run takes ({MOST_ADDRESSES:,}): scan it in parts"


def _at_once(told: Forecast, way: Way | None) -> int:
    most = told.rates.max_connections
    return most if way is None else min(most, way.at_once)


def _controls(told: Forecast) -> str:
    every = f"every {told.timing.control_interval_ms:,} ms"
    own = "this machine's addresses get listeners of our own beside"
    if not told.controls:
        return f"none configured for these targets; {own}"
    return f"{told.controls:,}, each asked {every}, at least {2 * told.controls:,} times; {own}"


def _time(bound: Bound) -> str:
    return f"{_duration(bound.seconds)} (limit: {bound.limit})"


def _duration(seconds: float) -> str:
    """Give a time in its two largest units: `3 d 4 h`, `2 min 5 s`, `12 s`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    left = round(seconds)
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {unit}")
    return " ".join(parts[:2])


def _names(told: Forecast) -> list[str]:
    return [
        f"{each.name}: "
        + (", ".join(map(str, each.addresses)) or f"does not resolve ({each.detail})")
        for each in told.resolutions
    ]


def _listed(label: str, texts: list[str]) -> list[tuple[str, str]]:
    rows = [(label, each) for each in texts[:_MOST_LISTED]]
    if len(texts) > _MOST_LISTED:
        rows.append((label, f"and {len(texts) - _MOST_LISTED:,} more"))
    return rows
