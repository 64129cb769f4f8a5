from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from factories import NOON
from policy.segmentation_world import host, judged, outside, policy, within
from portproof.assets import reports_dir
from portproof.errors import RenderError
from portproof.model.observation import PortState
from portproof.model.segmentation import SegmentationTester
from portproof.model.segmentation_result import Matrix
from portproof.render.segmentation_json import segmentation_json
from portproof.render.segmentation_page import write_page
from portproof.render.segmentation_terminal import (
    history_table,
    matrix_table,
    segmentation_notes,
)

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


def open_matrix() -> Matrix:
    return judged(outside(host(states={PortState.OPEN: "22,50"})), within())


def page(matrix: Matrix, out: Path) -> str:
    written = write_page(
        matrix,
        imprint_of=("Example Ltd", "internal", "net-team"),
        issued_at=NOON,
        templates=reports_dir(),
        out=out,
    )
    assert [each.name for each in written] == ["segmentation.json", "segmentation.html"]
    return written[1].read_text(encoding="utf-8")


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
    assert "No run of the window asked anything of this cell." in page(matrix, tmp_path)


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
