"""Kept segmentation records for a terminal of 80 columns: the list, one cell over time, due dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from portproof.model.segmentation_record import Clocks, KeptMatrix, RecordSummary
from portproof.model.segmentation_result import Cell
from portproof.render.neutral import PEER_LIMIT, visible
from portproof.render.segmentation_words import MARKS, paths_word

_DIGEST = 10
_NEVER = "never"


def records_table(records: Iterable[RecordSummary]) -> Table:
    """Give one row for each kept record, as they come."""
    table = _table()
    table.add_column("leaf", justify="right", no_wrap=True)
    table.add_column("judged", no_wrap=True)
    table.add_column("tests up to", no_wrap=True)
    table.add_column("supported", justify="right", no_wrap=True)
    table.add_column("paths", justify="right", no_wrap=True)
    table.add_column("policy", no_wrap=True)
    for each in records:
        table.add_row(
            Text(str(each.seq)),
            Text(_moment(each.at)),
            Text(_moment(each.tested_at)),
            Text(f"{each.supported} of {each.cells}"),
            Text(f"{each.crossed:,}"),
            Text(each.policy[:_DIGEST]),
        )
    return table


def cell_table(records: Iterable[tuple[KeptMatrix, Cell]]) -> Table:
    """Give one row for each record: what it says of one cell."""
    table = _table()
    table.add_column("leaf", justify="right", no_wrap=True)
    table.add_column("judged", no_wrap=True)
    table.add_column("tested", no_wrap=True)
    table.add_column("state then", no_wrap=True)
    table.add_column("alive", justify="right", no_wrap=True)
    table.add_column("paths", justify="right", no_wrap=True)
    for kept, cell in records:
        table.add_row(
            Text(str(kept.seq)),
            Text(_moment(kept.judged.at)),
            Text(_moment(cell.tested_at)),
            Text(MARKS[cell.state]),
            Text(f"{len(cell.alive):,} of {len(cell.targets):,}"),
            Text(paths_word(cell)),
        )
    return table


def clocks_tables(clocks: Clocks) -> Sequence[Table]:
    """Give what due dates are counted from: per pair of zones, and per version of the policy."""
    pairs = _table()
    pairs.add_column("from", overflow="fold", max_width=16)
    pairs.add_column("to", overflow="fold", max_width=16)
    pairs.add_column("last supported", no_wrap=True)
    pairs.add_column("leaf", justify="right", no_wrap=True)
    pairs.add_column("last complete", no_wrap=True)
    for pair in clocks.pairs:
        pairs.add_row(
            _plain(pair.source),
            _plain(pair.target),
            Text(_moment(pair.supported_at)),
            Text("" if pair.supported_by is None else str(pair.supported_by)),
            Text(_moment(pair.complete_at)),
        )
    policies = _table()
    policies.add_column("policy", overflow="fold", max_width=20)
    policies.add_column("SHA-256", no_wrap=True)
    policies.add_column("committed", no_wrap=True)
    policies.add_column("judged by it since", no_wrap=True)
    policies.add_column("leaf", justify="right", no_wrap=True)
    for version in clocks.policies:
        policies.add_row(
            _plain(version.file),
            Text(version.digest[:_DIGEST]),
            Text(_moment(version.committed) if version.committed else "not known"),
            Text(_moment(version.judged_from)),
            Text(str(version.seq)),
        )
    return pairs, policies


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)


def _moment(at: datetime | None) -> str:
    return _NEVER if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def _plain(text: str) -> Text:
    return Text(visible(text, PEER_LIMIT))
