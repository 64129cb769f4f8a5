"""`source-sheet` and `whose-probe`: for those who watch, and have to know whether it was us."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from command import portproof
from site_documents import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    site = Site(folder, networks=["127.0.0.0/8"], targets=["127.0.0.5"], ports="1-20").write()
    assert portproof("scan", cwd=site).code == 0
    return site


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_probe_of_ours_is_told_by_its_run(site: Path) -> None:
    answer = portproof("whose-probe", "127.0.0.5", now(), "--tolerance", "600", cwd=site)
    assert answer.code == 0
    assert re.search(r"it was run \d{8}T\d{6}Z-[0-9a-f]+ \(complete\)", answer.out)
    assert "(± 600 s)" in answer.out
    assert "asked over TCP: 1-20" in answer.out


def test_what_was_not_ours_exits_1(site: Path) -> None:
    answer = portproof("whose-probe", "127.0.0.5", "2020-01-01 10:00:00 Europe/Berlin", cwd=site)
    assert (answer.code, answer.err) == (1, "")
    assert "no run of this store" in answer.out


@pytest.mark.parametrize(
    ("address", "time"),
    [
        ("127.0.0.5", "2026-11-21T10:00:00"),
        ("127.0.0.5", "yesterday"),
        ("127.0.0.5", "2026-11-21 10:00:00 Mars/Olympus"),
        ("nobody", "2026-11-21T10:00:00Z"),
    ],
)
def test_what_nobody_can_read_exits_2(site: Path, address: str, time: str) -> None:
    answer = portproof("whose-probe", address, time, cwd=site)
    assert (answer.code, answer.out) == (2, "")
    assert "Traceback" not in answer.err


def test_machines_read_the_answer_as_json(site: Path) -> None:
    options = ("--tolerance", "600", "--port", "7", "--format", "json")
    answer = portproof("whose-probe", "127.0.0.5", now(), *options, cwd=site)
    (found,) = json.loads(answer.out)
    assert found["role"] == "target"
    assert found["asked"] == [{"transport": "tcp", "ports": "7", "seen": {"closed": "7"}}]


def test_the_sheet_names_address_ports_rates_and_marks(site: Path) -> None:
    sheet = json.loads(portproof("source-sheet", "--format", "json", cwd=site).out)
    (vantage,) = sheet["vantages"]
    assert vantage["source_addresses"] == ["127.0.0.1"]
    assert vantage["source_ports"][0]["engine"] == "connect and UDP"
    assert vantage["rates"]["global_pps"] == 20_000
    assert sheet["contact"] == "security team"
    assert "User-Agent: portproof" in str(sheet["probes"])


def test_every_format_tells_the_same_rows(site: Path) -> None:
    rows = list(csv.reader(io.StringIO(portproof("source-sheet", "--format", "csv", cwd=site).out)))
    markdown = portproof("source-sheet", "--format", "markdown", cwd=site).out.splitlines()
    assert rows[0] == ["of", "what", "value"]
    assert len(markdown) == len(rows) + 1
    table = portproof("source-sheet", cwd=site)
    assert table.code == 0
    assert {row[0].split()[-1] for row in rows[1:]} <= set(table.out.split())
