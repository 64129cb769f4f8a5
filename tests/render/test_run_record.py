from __future__ import annotations

import io
import json

from rich.console import Console

from factories import NOON, open_host, run
from portproof.model.observation import Service
from portproof.model.ports import PortSet
from portproof.model.scan import Resolution, RunRecord
from portproof.render.run_record import ports_table, to_jsonl_lines

BANNER = "[/red] \x1b[2J <script>"


def shown(record: RunRecord) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=True)
    console.print(ports_table(record))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_banner_in_the_ports_table_is_neither_markup_nor_an_escape_sequence() -> None:
    words = shown(run(open_host("192.0.2.10", p22=Service("ssh", product=BANNER))))
    assert "ssh [/red] \\x1b[2J <script>" in words
    assert "\x1b[2J" not in words


def test_each_line_of_a_run_is_ascii_json_and_the_run_comes_first() -> None:
    text = to_jsonl_lines(run(open_host("192.0.2.10", p22=Service("ssh", product=BANNER))))
    first, *others = map(json.loads, text.splitlines())
    assert first["type"] == "config"
    assert {each["type"] for each in others} == {"observation"}
    assert text.replace("\n", "").isascii()
    assert text.replace("\n", "").isprintable()


def test_a_name_that_did_not_resolve_is_listed_as_not_measured() -> None:
    gone = Resolution(name="gone.example.com", addresses=(), at=NOON, tcp=PortSet.of(22, 80))
    record = run(plan={"resolutions": (gone,)})
    (line,) = [json.loads(each) for each in to_jsonl_lines(record).splitlines() if "gone." in each]
    assert (line["type"], line["fault"], line["ports"], line["ip"]) == (
        "unmeasured",
        "unresolved",
        "22,80",
        None,
    )
    assert "2 not measured (unresolved)" in shown(record)
