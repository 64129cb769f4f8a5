from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from evidence_parts import finding
from evidence_samples import hostile, inconclusive, little, much, typical
from portproof.render.terminal import findings_table, summary_panel


def printed(what: RenderableType, *, width: int = 80, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
    )
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("build", [little, typical, inconclusive, much, hostile])
def test_everything_fits_eighty_columns(build: object) -> None:
    document = build()  # type: ignore[operator]
    lines = (printed(summary_panel(document)) + printed(findings_table(document))).splitlines()
    assert max(map(len, lines)) <= 80


def test_findings_are_listed_worst_first_and_unknowns_last() -> None:
    words = printed(findings_table(typical()), width=160)
    places = [words.index(word) for word in ("critical", "high", "medium", "low", "unknown")]
    assert places == sorted(places)
    assert "203.0.113.2:6379/tcp" in words
    assert "waived" in words


@pytest.mark.parametrize(
    ("findings", "unknown", "said"),
    [
        (100, 0, ""),
        (100, 2, "not listed here: 2 that could not be judged; the report has them all"),
        (1_300, 0, "not listed here: 1,200 findings;"),
        (101, 7, "not listed here: 1 finding and 7 that could not be judged;"),
    ],
)
def test_a_screen_lists_a_hundred_and_says_how_many_more_there_are(
    findings: int, unknown: int, said: str
) -> None:
    document = replace(
        little(),
        findings=tuple(
            finding("10.0.0.5:22/tcp", title=f"exposure {number}") for number in range(findings)
        ),
        unknown=tuple(
            finding("", title="not seen", verdict="UNKNOWN", severity="") for _ in range(unknown)
        ),
    )
    words = printed(findings_table(document), width=200)
    assert words.count("exposure ") == min(findings, 100)
    assert said in words
    assert ("not listed here" in words) == bool(said)


def test_without_colour_no_escape_sequence_is_printed() -> None:
    assert "\x1b" not in printed(summary_panel(typical())) + printed(findings_table(typical()))


def test_a_banner_can_neither_send_escapes_nor_markup() -> None:
    words = printed(findings_table(hostile()), width=200, colour=True)
    assert "\x1b[2J" not in words
    assert "\\x1b[2J" in words
    assert "\u202e" not in words
    assert "[bold red]not markup[/] [/red]" in words


def test_without_findings_the_words_are_no_deviation_within_the_coverage() -> None:
    words = " ".join(printed(findings_table(little())).split())
    assert (
        words
        == "No deviation was observed within the stated coverage (65,535 of 65,535 (100 %) endpoints)."
    )


def test_an_inconclusive_run_shows_no_innocent_nought() -> None:
    words = printed(summary_panel(inconclusive()))
    assert "Insufficient evidence" in words
    assert "deviations in this run: not concluded" in words


def test_findings_of_earlier_runs_are_told_apart_from_this_run() -> None:
    earlier = finding("192.0.2.10:6379/tcp", "Unapproved exposure", carried_over=True)
    waived = replace(earlier, id="2", verdict="WAIVED", status="waived")
    document = replace(little(), findings=(earlier, waived))
    panel = printed(summary_panel(document))
    assert "deviations in this run: none" in panel
    assert "standing from before: 2, 1 of them waived (not judged again)" in panel
    rows = printed(findings_table(document), width=160)
    assert all(word in rows for word in ("open, not", "waived, not", "judged"))
    assert "standing from" not in printed(summary_panel(little()))


def test_the_longest_interval_without_a_witness_is_that_of_the_worst_network() -> None:
    assert "longest interval without a witness: 48.2 s" in printed(summary_panel(typical()))
    bare = replace(little(), witnesses=())
    assert "witness" not in printed(summary_panel(bare))
