from __future__ import annotations

from dataclasses import replace

import pytest

from portproof.model.portspec import parse_ports
from portproof.model.source import CsvOptions, SourcedTarget, WebOptions
from portproof.sources import exported
from sources.answers import GROUPS, REGISTER
from sources.world import World


def ours(world: World) -> tuple[SourcedTarget, ...]:
    register = CsvOptions(path=world.file("assets.csv", REGISTER), columns={})
    db, web = world.source("csv", register).fetch().items
    return replace(db, attributes={}), replace(web, attributes={}, ports=parse_ports("443,U:53"))


def identified(targets: tuple[SourcedTarget, ...]) -> list[tuple[str, SourcedTarget]]:
    return [(each.id, each) for each in targets]


def test_what_is_written_as_file_sd_is_read_back_the_same(world: World) -> None:
    written = exported(identified(ours(world)), "file_sd")
    back = world.source("file_sd", world.files("out.json", written)).fetch()
    assert back.items == ours(world)
    assert back.not_understood == ()


def test_what_is_written_as_http_sd_is_read_back_the_same(world: World) -> None:
    world.site.says("/sd", exported(identified(ours(world)), "http_sd").encode())
    back = world.source("http_sd", WebOptions(url=f"{world.site.url}/sd", refresh_s=60)).fetch()
    assert back.items == ours(world)


def test_what_is_written_as_csv_is_read_back_the_same(world: World) -> None:
    path = world.file("out.csv", exported(identified(ours(world)), "csv"))
    assert world.source("csv", CsvOptions(path=path, columns={})).fetch().items == ours(world)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_cell_that_a_spreadsheet_would_run_is_written_as_text(world: World, cell: str) -> None:
    (_, web) = ours(world)
    assert f",'{cell}," in exported([("web-1", replace(web, owner=cell))], "csv")


def test_a_target_without_ports_is_a_bare_host_which_prometheus_takes_as_it_is(
    world: World,
) -> None:
    groups = [{"targets": ["[2001:db8::5]"], "labels": {}}]
    (target,) = world.source("file_sd", world.files("t.json", groups)).fetch().items
    assert '"[2001:db8::5]"' in exported([(target.id, target)], "file_sd")
    assert GROUPS
