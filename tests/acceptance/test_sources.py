"""Targets appear, retire, answer all the same: one story through the command line."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from command import Answer, portproof
from portproof.cli.group import cli
from site_documents import APPROVAL, Site

PORT = 8080


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path, networks=["127.0.0.0/29"], targets=["127.0.0.1"], ports=f"{PORT}")
    made.write()
    config = tmp_path / "portproof.yaml"
    config.write_text(config.read_text() + "sources: sources.yaml\n")
    (tmp_path / "sources.yaml").write_text(
        "schema: portproof.sources/1\nsources:\n"
        "  - {name: cmdb, csv: {path: assets.csv}}\n"
        "  - {name: elsewhere, static: [{id: far, hosts: 192.0.2.1}]}\n"
    )
    return made


def register(site: Site, *rows: str) -> None:
    (site.folder / "assets.csv").write_text("\n".join(["id,address", *rows]) + "\n")


@contextmanager
def listening(address: str) -> Iterator[None]:
    """Accept and close connections until the block ends: one that says nothing is waited for."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, PORT))
        server.listen(64)
        thread = Thread(target=_serve, args=(server,))
        thread.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        connection.close()


def test_a_retired_target_that_answers_is_a_fact_of_the_report(site: Site) -> None:
    register(site, "web-1,127.0.0.1", "web-2,127.0.0.2")
    with listening("127.0.0.1"):
        first = portproof("scan", "--from-sources", cwd=site.folder)
        assert first.code == 0, first
        assert "targets of the sources: 2 scan at once" in first.err
        assert "refused: elsewhere/far (192.0.2.1): it lies outside authorisation" in first.err
        register(site, "web-2,127.0.0.2")
        out = ("--out", "out", "--report", "json")
        second = portproof("audit", "--from-sources", *out, cwd=site.folder)
    assert "1 listed, 1 retired, rescanned" in second.err
    assert "retired_still_answering: cmdb/web-1 (127.0.0.1)" in second.err
    evidence = json.loads((site.folder / "out" / "evidence.json").read_text())
    told = {
        (each["fact"], each["subject"])
        for framework in evidence["frameworks"]
        for control in framework["controls"]
        for each in control["exceptions"]
    }
    assert ("unknown_asset", f"127.0.0.1:{PORT}/tcp from internet") in told
    (retired,) = (
        each for each in evidence["findings"] if each["rule"] == "retired-still-answering"
    )
    assert (retired["asset"], retired["severity"]) == ("cmdb/web-1", "high")
    assert "Retired target answers" in second.out
    assert ("scope_drift", "elsewhere/far") in told
    listed = portproof("sources", "show", cwd=site.folder)
    assert "web-1" not in listed.out
    assert "1 retired target not shown" in listed.err
    assert "rescans until" in portproof("sources", "show", "--retired", cwd=site.folder).out


def test_an_approval_stays_with_its_target_when_the_address_changes_hands(site: Site) -> None:
    site.entries = [approved("127.0.0.1")]
    site.waivers = []
    write(site)
    register(site, "web-1,127.0.0.1", "web-2,127.0.0.2")
    with listening("127.0.0.1"):
        audited(site, code=0)
        register(site, "web-1,127.0.0.3", "web-2,127.0.0.1")
        told = audited(site, code=1)
        assert "Exposure whose approval does not hold" in told
        site.entries = [approved("id:cmdb/web-2")]
        write(site)
        because = reasons(site)
    assert "was approved on 2026-01-01 for cmdb/web-1, which had this address until" in because
    assert "; it now belongs to cmdb/web-2" in because
    register(site, "web-1,127.0.0.3", "web-2,127.0.0.2")
    with listening("127.0.0.2"):
        audited(site, code=0)  # the approval by id follows it


def approved(host: str) -> str:
    return (
        f'{{id: web, hosts: ["{host}"], ports: "{PORT}", zones: [internet], tier: 2, '
        f"owner: web team, justification: needed, approval: {APPROVAL}}}"
    )


def write(site: Site) -> None:
    """Write the documents again; the sources stay named."""
    site.write()
    config = site.folder / "portproof.yaml"
    config.write_text(config.read_text() + "sources: sources.yaml\n")


def audited(site: Site, *, code: int) -> str:
    """Audit what the sources list, at the severity that counts here; gives what it prints."""
    report = ("--out", "out", "--report", "json", "--fail-on", "medium")
    answer = portproof("audit", "--from-sources", *report, cwd=site.folder)
    assert answer.code == code, answer
    return answer.out


def reasons(site: Site) -> str:
    """Everything that the findings of the last report say."""
    evidence = json.loads((site.folder / "out" / "evidence.json").read_text())
    return " ".join(each["because"] for each in evidence["findings"])


def test_a_broken_or_suddenly_empty_source_retires_nothing_and_exits_3(site: Site) -> None:
    register(site, "web-1,127.0.0.1", "web-2,127.0.0.2")
    assert here(site, "sources", "fetch").code == 0
    register(site)
    empty = here(site, "sources", "fetch")
    assert (empty.code, len(empty.err.splitlines())) == (3, 1)
    assert "source cmdb shrunk: it suddenly lists nothing, the last list had 2" in empty.err
    (site.folder / "assets.csv").unlink()
    scan = portproof("scan", "--from-sources", cwd=site.folder)
    assert scan.code == 3
    assert "assets.csv: it cannot be read" in scan.err
    assert "targets of the sources: 2 scan at once" in scan.err
    register(site)
    accepted = here(site, "sources", "fetch", "--accept-shrink")
    assert (accepted.code, accepted.err) == (0, "")
    assert "2 retired" in accepted.out


def test_what_is_exported_is_a_source_that_lists_the_same(site: Site) -> None:
    register(site, "web-1,127.0.0.1")
    here(site, "sources", "fetch")
    exported = site.folder / "sd.json"
    assert here(site, "sources", "export", "--out", str(exported)).code == 0
    groups = json.loads(exported.read_text())
    assert [each["labels"]["portproof_id"] for each in groups] == ["cmdb/web-1", "elsewhere/far"]
    shown = here(site, "sources", "show", "cmdb/web-1", "--format", "json")
    assert json.loads(shown.out)[0]["retired"] is None
    assert "cmdb" in here(site, "sources", "list").out


def test_a_source_that_is_not_in_the_document_is_one_line_and_exit_2(site: Site) -> None:
    answer = portproof("sources", "fetch", "nope", cwd=site.folder)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "portproof: there is no source 'nope'; there are: cmdb, elsewhere\n"


def here(site: Site, *arguments: str) -> Answer:
    """Run a command in this process: for those that need no exit code of a mistake."""
    given = [*arguments, "--config", str(site.folder / "portproof.yaml")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        result = CliRunner().invoke(cli, given, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return Answer(result.return_value, result.stdout, result.stderr)
