"""Bad input as a new user would give it: one clear line each, exit 2, no traceback, nothing lost."""

from __future__ import annotations

import resource
import sqlite3
from pathlib import Path

import pytest

from command import Answer, portproof

LISTED = ("127.0.0.1", "-p", "22")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a first set of documents for this machine's loopback."""
    assert portproof("init", cwd=tmp_path).code == 0
    return tmp_path


def one_line(answer: Answer, *words: str, code: int = 2) -> None:
    lines = answer.err.strip().splitlines()
    assert answer.code == code, answer
    assert len(lines) == 1, answer.err
    assert lines[0].startswith("portproof: "), answer.err
    assert "Traceback" not in answer.err + answer.out
    assert all(word in lines[0] for word in words), answer.err


def test_without_a_configuration_the_next_step_is_named(tmp_path: Path) -> None:
    one_line(portproof("audit", *LISTED, cwd=tmp_path), "no baseline is named", "portproof init")


def test_without_an_authorisation_nothing_is_sent(tmp_path: Path) -> None:
    one_line(portproof("scan", *LISTED, cwd=tmp_path), "refused (missing)", "authorisation")


def test_without_a_target_the_user_is_told_how_to_name_one(tmp_path: Path) -> None:
    one_line(portproof("scan", cwd=tmp_path), "no target")


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ("0", ("'0'", "column 1")),
        ("22,65536", ("'22,65536'", "column 4")),
        ("22-", ()),
        ("80-22", ("column 1",)),
        ("htpp", ("htpp", "http")),
    ],
)
def test_ports_that_are_none_are_named_with_their_place(
    site: Path, ports: str, words: tuple[str, ...]
) -> None:
    answer = portproof("scan", "127.0.0.1", "--ports", ports, "--dry-run", cwd=site)
    if ports == "22-":  # an open range is nmap's grammar
        assert answer.code == 0
        return
    one_line(answer, *words)


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("fe80::1%eth0", "scoped addresses"),
        ("300.1.1.1", "300.1.1.1"),
        ("127.0.0.1:0", "column 11"),
        ("127.0.0.1:65536", "column 11"),
        ("10.0.0.5/24", "10.0.0.0/24"),
    ],
)
def test_targets_that_are_none_are_named_with_their_place(
    site: Path, target: str, word: str
) -> None:
    one_line(portproof("scan", target, cwd=site), word)


def test_a_target_outside_the_authorisation_is_refused_and_the_refusal_is_kept(site: Path) -> None:
    one_line(portproof("scan", "192.0.2.7", "-p", "22", cwd=site), "refused (outside)", "192.0.2.7")
    with sqlite3.connect(site / "portproof.sqlite") as database:
        kinds = [kind for (kind,) in database.execute("SELECT kind FROM leaf")]
    database.close()
    assert "refusal" in kinds


def test_a_slash_eight_beyond_the_budget_is_refused_at_once(site: Path) -> None:
    path = site / "authorisation.yaml"
    path.write_text(path.read_text().replace('"127.0.0.1"', '"127.0.0.0/8"'))
    one_line(
        portproof("scan", "127.0.0.0/8", "-p", "-", cwd=site), "refused (budget)", "max_probes"
    )


def test_an_expired_authorisation_is_refused(site: Path) -> None:
    path = site / "authorisation.yaml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("valid_")]
    path.write_text("\n".join([*lines, "valid_from: 2020-01-01", "valid_until: 2020-12-31"]))
    one_line(portproof("scan", *LISTED, cwd=site), "refused (expired)", "2021-01-01T00:00:00Z")


def test_every_fault_of_a_document_is_named_with_its_place(site: Path) -> None:
    (site / "baseline.yaml").write_text("scope: x\nentires: []\nentries:\n  - id: web\n")
    answer = portproof("audit", *LISTED, cwd=site)
    assert answer.code == 2
    lines = answer.err.strip().splitlines()
    assert len(lines) > 1
    assert all("baseline.yaml:" in line for line in lines)
    assert "Traceback" not in answer.err


def test_a_baseline_that_cannot_be_read_is_named(site: Path) -> None:
    (site / "baseline.yaml").unlink()
    (site / "baseline.yaml").mkdir()
    one_line(portproof("audit", *LISTED, cwd=site), "baseline.yaml")


def test_a_database_that_cannot_be_written_is_named(site: Path) -> None:
    one_line(
        portproof("scan", *LISTED, "--database", "/proc/nothing.sqlite", cwd=site),
        "/proc/nothing.sqlite",
    )


def test_a_database_that_is_none_is_named_and_left_alone(site: Path) -> None:
    text = b"not a database, but somebody's notes" * 100
    (site / "portproof.sqlite").write_bytes(text)
    one_line(portproof("scan", *LISTED, cwd=site), "portproof.sqlite")
    assert (site / "portproof.sqlite").read_bytes() == text


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 15, 1 << 15))


def test_a_full_disk_is_one_line_and_loses_nothing_that_was_kept(site: Path) -> None:
    assert portproof("scan", *LISTED, cwd=site).code == 0
    before = portproof("runs", cwd=site).out
    one_line(portproof("scan", *LISTED, cwd=site, before=_small_files), "portproof.sqlite")
    after = portproof("runs", cwd=site).out
    kept = [line.split()[1] for line in before.splitlines() if "complete" in line]
    assert kept
    assert all(run in after for run in kept)


def test_a_host_name_that_does_not_resolve_is_unmeasured_and_the_run_goes_on(site: Path) -> None:
    answer = portproof("scan", "127.0.0.1", "gone.invalid", "-p", "1", "--dry-run", cwd=site)
    assert answer.code == 0, answer.err
    assert "gone.invalid: does not resolve" in answer.out
    assert "1 TCP" in answer.out


def test_an_evidence_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text("{}")
    one_line(portproof("report", "--from", "evidence.json", cwd=tmp_path), "evidence.json")


def test_a_report_folder_that_cannot_be_made_is_named(site: Path) -> None:
    (site / "taken").write_text("")
    answer = portproof("audit", *LISTED, "--out", "taken/reports", cwd=site)
    assert answer.code == 2
    assert "Traceback" not in answer.err
    assert "taken" in answer.err
