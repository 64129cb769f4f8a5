from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from evidence_parts import open_port
from evidence_samples import hostile, inconclusive, little, much, typical
from portproof.errors import EvidenceError, RenderError
from portproof.model.evidence import EvidenceDocument, FindingInfo, OpenPortInfo, ReportInfo
from portproof.render.evidence_json import (
    evidence_bytes,
    evidence_digest,
    read_evidence,
    write_evidence,
)

SAMPLES = {each.__name__: each for each in (little, typical, inconclusive, hostile, much)}
SCHEMA_FILE = Path(__file__).parents[2] / "policies/schema/evidence.schema.json"
whole = st.integers(min_value=0, max_value=2**53 - 1)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_was_written_is_read_back_equal(name: str, tmp_path: Path) -> None:
    document = SAMPLES[name]()
    write_evidence(document, tmp_path / "evidence.json")
    assert read_evidence(tmp_path / "evidence.json") == document


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    report=st.builds(ReportInfo, log_size=whole),
    findings=st.lists(
        st.builds(FindingInfo, times_seen=whole, reopened=whole, trace=st.just(())), max_size=3
    ),
    port=st.builds(
        OpenPortInfo, port=whole, attempts=whole, rtt_us=st.none() | whole, certificate=st.none()
    ),
)
def test_any_document_survives_the_round_trip(
    report: ReportInfo, findings: list[FindingInfo], port: OpenPortInfo, tmp_path: Path
) -> None:
    base = little()
    hosts = (replace(base.hosts[0], observations=(port,)),)
    document = replace(base, report=report, findings=tuple(findings), hosts=hosts)
    write_evidence(document, tmp_path / "evidence.json")
    assert read_evidence(tmp_path / "evidence.json") == document


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_fits_the_published_schema(name: str) -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    Draft202012Validator(schema).validate(json.loads(evidence_bytes(SAMPLES[name]())))


def test_the_digest_that_is_told_is_that_of_the_file(tmp_path: Path) -> None:
    told = write_evidence(little(), tmp_path / "evidence.json")
    assert told == hashlib.sha256((tmp_path / "evidence.json").read_bytes()).hexdigest()
    assert told == evidence_digest(little())


def test_a_file_laid_out_by_a_person_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(json.loads(evidence_bytes(little())), indent=4))
    assert read_evidence(path) == little()


def test_text_that_is_not_unicode_cannot_become_evidence(tmp_path: Path) -> None:
    base = little()
    seen = open_port("192.0.2.10:21/tcp", 21, product="caf\udce9")
    document = replace(base, hosts=(replace(base.hosts[0], observations=(seen,)),))
    with pytest.raises(EvidenceError, match="lone surrogate"):
        write_evidence(document, tmp_path / "evidence.json")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_made_and_nothing_else_is_left_in_it(tmp_path: Path) -> None:
    write_evidence(little(), tmp_path / "a/b/evidence.json")
    assert [each.name for each in (tmp_path / "a/b").iterdir()] == ["evidence.json"]


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(RenderError, match=r"^cannot write .*out/evidence\.json: [A-Z].*$"):
        write_evidence(little(), tmp_path / "out/evidence.json")


def changed(document: EvidenceDocument, change: Any) -> bytes:
    plain = json.loads(evidence_bytes(document))
    change(plain)
    return json.dumps(plain).encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b'{"schema": ', r":1:12: not JSON: "),
        (b"[]", r"not an evidence document: it has no \$\.schema"),
        (b'{"schema": "portproof.evidence/2"}', r"\$\.schema is 'portproof\.evidence/2'.*reads 'portproof\.evidence/1'"),
        (b'{"schema": "a", "schema": "b"}', "the key 'schema' stands twice"),
        (b"[" * 200_000, "nested too deeply"),
        (changed(little(), lambda plain: plain["report"].pop("id")), r"\$\.report\.id: "),
        (changed(little(), lambda plain: plain["summary"].update(planned="7")), r"\$\.summary\.planned: "),
        (changed(little(), lambda plain: plain["summary"].update(planned=7.5)), r"\$\.summary\.planned: "),
        (changed(little(), lambda plain: plain["hosts"][0].update(colour="red")), r"\$\.hosts\[0\]\.colour: .* no such field"),
        (changed(little(), lambda plain: plain.update(signature={})), r"\$\.signature: .* no such field"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_evidence_is_one_line_that_names_the_place(
    content: bytes, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match=problem) as raised:
        read_evidence(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"^cannot read .*: No such file or directory$"):
        read_evidence(tmp_path / "evidence.json")
