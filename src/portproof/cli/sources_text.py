"""What `portproof sources` prints: fetches and targets, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from portproof.bootstrap.forms import visible
from portproof.model.inventory import FetchOutcome, KnownTarget, Taken, TargetChange
from portproof.policy.targets import RESCAN

_MOST_SHOWN = 20
_SIGNS = {
    TargetChange.APPEARED: "+",
    TargetChange.MOVED: "~",
    TargetChange.RETIRED: "-",
    TargetChange.RETURNED: "+",
}
_MEANINGS = {
    TargetChange.APPEARED: "new: scan at once",
    TargetChange.MOVED: "has other addresses: scan at once",
    TargetChange.RETIRED: "retired: rescanned for 30 days",
    TargetChange.RETURNED: "listed again: scan at once",
}


def show_taken(taken: Iterable[Taken], out: Console | None, err: Console) -> None:
    """Say what each fetch came to on `out` (None: not at all), and on `err` what needs a person."""
    for each in taken:
        if out is not None:
            _show(each, out)
        if each.alerts:
            kept = "its targets stay in force" if each.outcome is FetchOutcome.FAILED else ""
            told = "; ".join(part for part in (visible(each.because), kept) if part)
            err.print(f"portproof: source {each.source} {each.outcome}: {told}", soft_wrap=True)


def _show(taken: Taken, out: Console) -> None:
    counted = ", ".join(f"{number:,} {change}" for change, number in _counts(taken) if number)
    out.print(
        f"{taken.source}: {taken.outcome}, {taken.listed:,} targets; {counted or 'no change'}",
        soft_wrap=True,
    )
    for change, key in taken.changes[:_MOST_SHOWN]:
        out.print(f"  {_SIGNS[change]} {visible(key)}  {_MEANINGS[change]}", soft_wrap=True)
    if len(taken.changes) > _MOST_SHOWN:
        out.print(f"  and {len(taken.changes) - _MOST_SHOWN:,} more changes")
    for told in taken.not_understood:
        out.print(f"  not understood: {visible(told)}", soft_wrap=True)


def _counts(taken: Taken) -> list[tuple[TargetChange, int]]:
    return [(kind, sum(change is kind for change, _ in taken.changes)) for kind in TargetChange]


def taken_json(taken: Taken) -> dict[str, object]:
    """Give a fetch as JSON."""
    return {
        "source": taken.source,
        "at": taken.at.isoformat(),
        "outcome": taken.outcome.value,
        "because": taken.because,
        "listed": taken.listed,
        "changes": [{"change": change.value, "target": key} for change, key in taken.changes],
        "not_understood": list(taken.not_understood),
    }


def targets_table(known: Sequence[KnownTarget]) -> Table:
    """Draw the targets."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("target", "hosts", "owner", "zone"):
        table.add_column(heading, overflow="fold")
    for heading in ("since", "state"):
        table.add_column(heading, no_wrap=True)
    for each in known:
        target = each.target
        hosts = [*map(str, target.addresses), *target.names]
        table.add_row(
            visible(each.key),
            "\n".join(map(visible, hosts)),
            visible(target.owner),
            visible(target.zone),
            f"{each.first_listed:%Y-%m-%d}",
            _state(each),
        )
    return table


def _state(each: KnownTarget) -> str:
    if each.retired_at is not None:
        until = each.retired_at + RESCAN
        return f"retired {each.retired_at:%Y-%m-%d}, rescans until {until:%Y-%m-%d}"
    return "scan at once" if each.scanned_at is None else f"scanned {each.scanned_at:%Y-%m-%d}"


def target_lines(known: KnownTarget) -> dict[str, object]:
    """Give all that is known of a target, by name; JSON values."""
    target = known.target
    return {
        "target": known.key,
        "kind": target.kind,
        "addresses": [
            f"{each.address} from {each.since:%Y-%m-%dT%H:%M:%SZ} to {each.last:%Y-%m-%dT%H:%M:%SZ}"
            for each in known.spans
        ],
        "names": list(target.names),
        "owner": target.owner,
        "tags": list(target.tags),
        "tier": target.tier.value if target.tier else None,
        "capability": target.capability,
        "zone": target.zone,
        "ports": str(target.ports) if target.ports else None,
        "first listed": known.first_listed.isoformat(),
        "last listed": known.last_listed.isoformat(),
        "retired": known.retired_at.isoformat() if known.retired_at else None,
        "scanned": known.scanned_at.isoformat() if known.scanned_at else None,
        **{f"attribute {name}": value for name, value in sorted(target.attributes.items())},
    }
