"""`portproof doctor` finds what would fail later, and says for each gap what to do."""

from __future__ import annotations

import resource
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from command import Answer, portproof
from site_documents import Site

HEADINGS = ("part", "health", "found", "remedy")


@dataclass(frozen=True)
class Row:
    health: str
    found: str
    remedy: str


def diagnoses(answer: Answer) -> dict[str, Row]:
    """Read the table that people see; a cell may go on over several lines."""
    assert "Traceback" not in answer.err, answer.err
    heading, _, *lines = answer.out.strip("\n ").splitlines()
    heading = " " * (lines[0].index(lines[0].split()[0])) + heading.lstrip()
    starts = [heading.index(each) for each in HEADINGS]
    cells: list[list[str]] = []
    for line in filter(str.strip, lines):
        parts = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        if parts[0]:
            cells.append(parts)
        else:
            cells[-1] = [f"{a} {b}".strip() for a, b in zip(cells[-1], parts, strict=True)]
    return {part: Row(*rest) for part, *rest in cells}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Site(tmp_path, networks=["127.0.0.5"], targets=["127.0.0.5"], ports="1").write()


def rewrite(path: Path, **lines: str) -> None:
    """Put `name: text` in place of each named line of a document."""
    told = [
        f"{name}: {lines[name]}" if (name := line.split(":")[0]) in lines else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(told) + "\n")


def test_before_init_what_is_missing_is_limited_and_each_has_its_remedy(tmp_path: Path) -> None:
    answer = portproof("doctor", cwd=tmp_path)
    found = diagnoses(answer)
    assert answer.code == 0, answer
    for part in ("configuration", "documents", "authorisation"):
        assert found[part].health == "limited"
        assert "portproof init" in found[part].remedy
    assert found["database"].health == "good"
    assert not list(tmp_path.iterdir())
    assert len(found) == 12
    assert all(bool(each.remedy) == (each.health != "good") for each in found.values())


def test_after_init_the_documents_the_authorisation_and_the_database_are_good(
    tmp_path: Path,
) -> None:
    assert portproof("init", "-t", "127.0.0.5", cwd=tmp_path).code == 0
    answer = portproof("doctor", cwd=tmp_path)
    found = diagnoses(answer)
    assert answer.code == 0, answer
    parts = ("configuration", "documents", "authorisation", "database")
    assert {part: found[part].health for part in parts} == dict.fromkeys(parts, "good")
    assert "vantage local, zone local" in found["documents"].found
    assert "the first scan makes it" in found["database"].found


def test_a_broken_document_is_named_with_its_line(site: Path) -> None:
    (site / "baseline.yaml").write_text("scope: x\nentires: []\n")
    answer = portproof("doctor", cwd=site)
    documents = diagnoses(answer)["documents"]
    assert (answer.code, documents.health) == (1, "broken")
    assert "baseline.yaml:2:1" in documents.found
    assert "correct each file at the place named" in documents.remedy


def test_a_vantage_that_nobody_declared_is_found_before_a_scan_needs_it(site: Path) -> None:
    rewrite(site / "portproof.yaml", vantage="moon")
    answer = portproof("doctor", cwd=site)
    documents = diagnoses(answer)["documents"]
    assert (answer.code, documents.health) == (1, "broken")
    assert "'moon'" in documents.found
    assert "portproof.yaml" in documents.remedy


@pytest.mark.parametrize(
    ("first", "last", "found", "remedy"),
    [
        ("2020-01-01", "2020-12-31", "expired", "renew it"),
        ("2090-01-01", "2099-12-31", "not in force yet", "wait for its first day"),
    ],
)
def test_an_authorisation_out_of_its_time_is_broken(
    site: Path, first: str, last: str, found: str, remedy: str
) -> None:
    rewrite(site / "authorisation.yaml", valid_from=first, valid_until=last)
    answer = portproof("doctor", cwd=site)
    authorisation = diagnoses(answer)["authorisation"]
    assert (answer.code, authorisation.health) == (1, "broken")
    assert found in authorisation.found
    assert remedy in authorisation.remedy
    assert "network team" in authorisation.remedy


def test_a_leaf_that_was_changed_breaks_the_database(site: Path) -> None:
    assert portproof("scan", cwd=site).code == 0
    before = diagnoses(portproof("doctor", cwd=site))["database"]
    assert before.health == "good"
    assert "2 leaves verified" in before.found
    with closing(sqlite3.connect(site / "portproof.sqlite")) as database, database:
        database.execute("DROP TRIGGER leaf_no_update")
        database.execute("UPDATE leaf SET data = CAST(data || ' ' AS BLOB) WHERE seq = 1")
    answer = portproof("doctor", cwd=site)
    after = diagnoses(answer)["database"]
    assert (answer.code, after.health) == (1, "broken")
    assert "leaf 1: its bytes do not match their hash" in after.found
    assert "restore a backup" in after.remedy


@pytest.mark.parametrize("place", ["/proc/x.sqlite", "nowhere/x.sqlite", "folder"])
def test_a_place_where_no_database_can_be_made_is_broken(site: Path, place: str) -> None:
    (site / "folder").mkdir()
    answer = portproof("doctor", "--database", place, cwd=site)
    database = diagnoses(answer)["database"]
    assert (answer.code, database.health) == (1, "broken")
    assert place in database.found
    assert "check that the folder is there and writable" in database.remedy
    assert "--database" in database.remedy


def test_a_database_of_a_later_portproof_is_broken_and_not_to_be_upgraded(site: Path) -> None:
    assert portproof("scan", cwd=site).code == 0
    with closing(sqlite3.connect(site / "portproof.sqlite")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database = diagnoses(portproof("doctor", cwd=site))["database"]
    assert database.health == "broken"
    assert "9999" in database.found
    assert "install the portproof that made it" in database.remedy


def test_few_descriptors_limit_how_many_connections_are_open_at_once(tmp_path: Path) -> None:
    answer = portproof("doctor", cwd=tmp_path, before=_few_descriptors)
    descriptors = diagnoses(answer)["descriptors"]
    assert (answer.code, descriptors.health) == (0, "limited")
    assert "of 256" in descriptors.found
    assert "LimitNOFILE=" in descriptors.remedy


def _few_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
