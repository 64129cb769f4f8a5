from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader
from rich.console import Console

from factories import NOON
from policy.segmentation_world import host, judged, judged_then, outside, policy, within
from portproof.assets import reports_dir
from portproof.errors import RenderError
from portproof.model.observation import PortState
from portproof.model.segmentation import SegmentationTester
from portproof.model.segmentation_record import (
    Clocks,
    KeptMatrix,
    PairClock,
    PolicyVersion,
    RecordSummary,
)
from portproof.model.segmentation_result import Matrix
from portproof.render.segmentation_history import cell_table, clocks_tables, records_table
from portproof.render.segmentation_json import segmentation_json
from portproof.render.segmentation_page import Cover, Drawn, write_report
from portproof.render.segmentation_terminal import (
    history_table,
    matrix_table,
    segmentation_notes,
)

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


def open_matrix() -> Matrix:
    return judged(outside(host(states={PortState.OPEN: "22,50"})), within())


def page(matrix: Matrix, out: Path) -> str:
    written = report(matrix, out, "html")
    assert [each.name for each in written] == ["segmentation.json", "segmentation.html"]
    return written[1].read_text(encoding="utf-8")


def report(matrix: Matrix, out: Path, *forms: str, kept: KeptMatrix | None = None) -> list[Path]:
    cover = Cover(
        entity="Example Ltd", classification="internal", operator="net-team", issued_at=NOON
    )
    return write_report(Drawn(matrix, kept, cover), templates=reports_dir(), out=out, forms=forms)


def terminal(matrix: Matrix) -> str:
    console = Console(width=80, force_terminal=False, no_color=True, record=True)
    with console.capture() as captured:
        console.print(matrix_table(matrix))
        for line in segmentation_notes(matrix):
            console.print(line)
    return captured.get()


def test_the_table_fits_80_columns_and_says_states_in_words() -> None:
    text = terminal(open_matrix())
    assert max(map(len, text.splitlines())) <= 80
    assert "exceptions" in text
    assert "10.66.0.2:50/tcp answered open" in text


def test_every_form_says_that_it_is_no_penetration_test(tmp_path: Path) -> None:
    matrix = open_matrix()
    for text in (terminal(matrix), page(matrix, tmp_path), segmentation_json(matrix)):
        assert "not a penetration test" in re.sub(r"\s+", " ", text).lower()


def test_every_form_names_the_tester_the_qualification_and_the_independence(
    tmp_path: Path,
) -> None:
    matrix = open_matrix()
    for text in (terminal(matrix), page(matrix, tmp_path), segmentation_json(matrix)):
        for word in ("test team", "Q-1", "network team"):
            assert word in text


def test_each_cell_of_the_page_leads_to_its_block_and_each_path_to_its_run(tmp_path: Path) -> None:
    text = page(open_matrix(), tmp_path)
    anchors = set(re.findall(r' id="([^"]+)"', text))
    links = set(re.findall(r' href="#([^"]+)"', text))
    assert links <= anchors
    assert any(each.startswith("cell-") for each in links)
    assert any(each.startswith("run-") for each in links)


def test_the_page_names_the_digest_of_the_json_beside_it(tmp_path: Path) -> None:
    text = page(open_matrix(), tmp_path)
    digest = hashlib.sha256((tmp_path / "segmentation.json").read_bytes()).hexdigest()
    assert digest in text


def test_what_others_wrote_cannot_act_on_the_page_nor_on_the_terminal(tmp_path: Path) -> None:
    hostile = policy(
        tester=SegmentationTester(name=HOSTILE, qualification=HOSTILE, independent_of=HOSTILE)
    )
    matrix = judged(outside(), within(), held=hostile)
    text = page(matrix, tmp_path)
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "\x1b" not in terminal(matrix)


def test_the_page_may_load_nothing_and_run_nothing(tmp_path: Path) -> None:
    text = page(open_matrix(), tmp_path)
    assert "default-src 'none'; style-src 'sha256-" in text
    assert "http://" not in text
    assert "https://" not in text


def test_a_cell_that_nobody_asked_about_says_so(tmp_path: Path) -> None:
    matrix = judged()
    assert "not evaluated" in terminal(matrix)
    assert "No run of the window asked anything of 1 cell: office to cde." in page(matrix, tmp_path)


def test_the_json_holds_cells_paths_gaps_and_runs() -> None:
    told = json.loads(segmentation_json(open_matrix()))
    assert told["schema"] == "portproof.segmentation/1"
    (cell,) = told["cells"]
    assert (cell["from"], cell["to"], cell["state"]) == ("office", "cde", "exceptions noted")
    assert {each["ports"] for each in cell["paths"]} == {"22", "50"}
    assert {each["rule"] for each in cell["paths"]} == {"segmentation_open"}
    assert len(cell["runs"]) == 2
    assert cell["by_default"]


def test_history_is_a_row_for_each_moment() -> None:
    matrix = open_matrix()
    rows = [("20261121T115500Z-aaaaaa", "desk", False, matrix.cells[0])]
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        console.print(history_table(rows))
    assert "20261121T115500Z-aaaaaa" in captured.get()


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    blocked = tmp_path / "out"
    blocked.write_text("a file, not a folder")
    with pytest.raises(RenderError, match="cannot write"):
        page(open_matrix(), blocked)


# ---------------------------------------------------------------- much, and kept

NAMES = (*(f"zone-{number}" for number in range(11)), HOSTILE + "long-" * 40)


def wide_matrix() -> Matrix:
    """Twelve zones by twelve, of which one cell has paths and one has many gaps."""
    (told,) = open_matrix().cells
    lacking = judged(*(outside(*(host(f"10.66.1.{each}") for each in range(1, 60))),)).cells[0]
    cells = [
        replace(
            told if (source, target) == (NAMES[0], NAMES[11]) else lacking,
            rule=replace(told.rule, source=source, target=target),
        )
        for source in NAMES
        for target in NAMES
        if source != target
    ]
    return replace(open_matrix(), sources=NAMES, targets=NAMES, cells=tuple(cells))


def test_twelve_by_twelve_zones_with_hostile_names_stay_readable_on_a_terminal() -> None:
    lines = terminal(wide_matrix()).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("10.66.1.1, 10.66.1.2" in each for each in lines)
    assert any("and 51 more" in each for each in lines)
    assert not any("\u202e" in each or "\x1b" in each for each in lines)


def test_a_wide_matrix_has_every_cell_and_each_link_leads_somewhere(tmp_path: Path) -> None:
    text = page(wide_matrix(), tmp_path)
    assert text.count('<td class="insufficient-evidence">') == 131
    assert text.count('<td class="exceptions-noted">') == 1
    links = set(re.findall(r' href="#([^"]+)"', text))
    assert links <= set(re.findall(r' id="([^"]+)"', text))


def test_ports_that_differ_in_nothing_else_are_one_line() -> None:
    crossed = judged(outside(host(states={PortState.OPEN: "60-64"})), within())
    assert "10.66.0.2:60-64/tcp answered open" in terminal(crossed)


def test_the_paper_form_is_one_pdf_with_the_json_attached(tmp_path: Path) -> None:
    json_file, pdf_file = report(open_matrix(), tmp_path, "pdf")
    content = pdf_file.read_bytes()
    assert PdfReader(pdf_file).attachments["segmentation.json"] == [json_file.read_bytes()]
    assert json.loads(json_file.read_text(encoding="utf-8"))["record"] is None
    (again,) = report(open_matrix(), tmp_path / "again", "pdf")[1:]
    assert again.read_bytes() == content


def test_a_report_of_a_record_names_its_leaf_and_its_digest(tmp_path: Path) -> None:
    kept = KeptMatrix(judged=judged_then(open_matrix()), seq=41, digest="c" * 64)
    text = report(kept.matrix, tmp_path, "html", kept=kept)[1].read_text(encoding="utf-8")
    assert "leaf 41 of the log" in text
    assert kept.digest in text
    assert "and not kept" not in text
    told = json.loads((tmp_path / "segmentation.json").read_text(encoding="utf-8"))
    assert (told["record"]["leaf"], told["record"]["sha256"]) == (41, kept.digest)


def test_records_cells_and_clocks_fit_80_columns() -> None:
    kept = KeptMatrix(judged=judged_then(wide_matrix()), seq=41, digest="c" * 64)
    summary = RecordSummary(
        seq=41,
        digest="c" * 64,
        at=NOON,
        since=NOON,
        until=NOON,
        tested_at=None,
        policy="5" * 64,
        cells=132,
        supported=0,
        crossed=11,
    )
    clocks = Clocks(
        pairs=tuple(
            PairClock(
                source=each, target="cde", supported_at=None, supported_by=None, complete_at=NOON
            )
            for each in NAMES
        ),
        policies=(
            PolicyVersion(
                file="p/" * 60 + HOSTILE,
                digest="5" * 64,
                judged_from=NOON,
                committed=None,
                seq=41,
            ),
        ),
    )
    tables = (
        records_table([summary]),
        cell_table([(kept, kept.matrix.cells[0])]),
        *clocks_tables(clocks),
    )
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        for each in tables:
            console.print(each)
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("never" in each for each in lines)
    assert not any("\u202e" in each for each in lines)
