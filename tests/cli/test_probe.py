"""`portproof probe`: one endpoint, now; its exit code says what was found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from command import Answer, portproof
from listeners import listener
from site_documents import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Site(
        tmp_path_factory.mktemp("probe"),
        networks=["127.0.0.5", "::1"],
        targets=["127.0.0.5"],
        ports="1",
    ).write()


@pytest.fixture(scope="module")
def open_port() -> Iterator[int]:
    """A port of 127.0.0.5 where somebody listens."""
    with listener(address="127.0.0.5") as port:
        yield port


def asked(site: Path, endpoint: str, *options: str) -> tuple[int, list[dict[str, object]]]:
    answer = portproof("probe", endpoint, "--format", "json", *options, cwd=site)
    assert "Traceback" not in answer.err
    return answer.code, json.loads(answer.out)


def rows(answer: Answer) -> list[list[str]]:
    assert "Traceback" not in answer.err
    return [line.split() for line in answer.out.splitlines() if line.strip()][2:]


def test_an_open_port_exits_0(site: Path, open_port: int) -> None:
    answer = portproof("probe", f"127.0.0.5:{open_port}", cwd=site)
    (row,) = rows(answer)
    assert row[:3] == [f"127.0.0.5:{open_port}/tcp", "open", "syn-ack"]
    assert answer.code == 0


def test_a_closed_port_exits_1_and_its_reset_is_the_reason(site: Path) -> None:
    answer = portproof("probe", "127.0.0.5:1", cwd=site)
    (row,) = rows(answer)
    assert row[:3] == ["127.0.0.5:1/tcp", "closed", "reset"]
    assert answer.code == 1


def test_a_udp_port_without_a_protocol_probe_is_not_measured_and_exits_3(site: Path) -> None:
    code, (found,) = asked(site, "127.0.0.5:9", "--udp")
    assert code == 3
    assert found["endpoint"] == "127.0.0.5:9/udp"
    assert (found["measured"], found["fault"]) == (False, "not-probed")
    assert "state" not in found


def test_a_closed_udp_port_with_a_protocol_probe_exits_1(site: Path) -> None:
    code, (found,) = asked(site, "127.0.0.5:123", "--udp")
    assert (code, found["state"], found["reason"]) == (1, "closed", "port-unreach")


def test_a_name_that_does_not_resolve_exits_3_and_is_named(site: Path) -> None:
    answer = portproof("probe", "gone.invalid:80", cwd=site)
    assert answer.code == 3
    assert "not measured" in answer.err
    assert "gone.invalid" in answer.err
    assert rows(answer) == []


def test_outside_the_authorisation_it_is_refused_and_the_refusal_is_kept(site: Path) -> None:
    answer = portproof("probe", "127.0.0.6:1", cwd=site)
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.err.splitlines()
    assert line.startswith("portproof: refused (outside): 127.0.0.6")
    with closing(sqlite3.connect(site / "portproof.sqlite")) as database:
        kept = database.execute("SELECT code, subject FROM refusal").fetchall()
    assert kept == [("outside", "127.0.0.6")]


def test_several_ports_are_asked_at_once_and_one_that_is_not_open_exits_1(
    site: Path, open_port: int
) -> None:
    code, found = asked(site, f"127.0.0.5:1,{open_port}")
    assert code == 1
    assert {each["endpoint"]: each["state"] for each in found} == {
        "127.0.0.5:1/tcp": "closed",
        f"127.0.0.5:{open_port}/tcp": "open",
    }


def test_an_ipv6_address_is_written_in_brackets(site: Path) -> None:
    with listener(address="::1") as port:
        code, (found,) = asked(site, f"[::1]:{port}")
    assert (code, found["endpoint"], found["state"]) == (0, f"[::1]:{port}/tcp", "open")


def test_without_a_port_the_user_is_told_how_to_write_one(site: Path) -> None:
    answer = portproof("probe", "127.0.0.5", cwd=site)
    assert answer.code == 2
    assert "HOST:PORT" in answer.err


def test_nothing_but_a_refusal_is_kept(site: Path) -> None:
    assert asked(site, "127.0.0.5:1")[0] == 1
    with closing(sqlite3.connect(site / "portproof.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM run").fetchone() == (0,)
