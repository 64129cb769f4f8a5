from __future__ import annotations

import json
from typing import Any

from evidence_samples import hostile, inconclusive, little, typical
from portproof.model.evidence import EvidenceDocument
from portproof.render.jsonl import to_jsonl


def lines_of(document: EvidenceDocument) -> list[dict[str, Any]]:
    return [json.loads(line) for line in to_jsonl(document).splitlines()]


def test_the_first_line_says_what_the_others_rest_on() -> None:
    first, *others = lines_of(inconclusive())
    assert first["type"] == "config"
    assert first["status"] == "inconclusive"
    assert "config" not in {each["type"] for each in others}


def test_an_observation_has_the_keys_that_filters_expect() -> None:
    seen = lines_of(little())[1]
    expected = {
        "type": "observation", "host": "www.example.com", "ip": "192.0.2.10", "port": 443, "protocol": "tcp", "tls": True,
        "timestamp": "2026-11-20T22:14:03Z", "state": "open", "reason": "syn-ack", "service": "http", "entry": "web-public", "own": False,
    }  # fmt: skip
    assert {key: seen[key] for key in expected} == expected


def test_what_was_not_measured_has_a_line_of_its_own() -> None:
    gaps = [each for each in lines_of(typical()) if each["type"] == "unmeasured"]
    assert {"type": "unmeasured", "host": "2001:db8:10::20", "ip": "2001:db8:10::20", "protocol": "tcp", "ports": "-", "fault": "no-route"} in gaps  # fmt: skip


def test_findings_and_unknowns_follow() -> None:
    kinds = [each["type"] for each in lines_of(typical())]
    assert kinds.count("finding") == len(typical().findings)
    assert kinds.count("unknown") == len(typical().unknown)


def test_each_line_is_ascii_and_one_line() -> None:
    for line in to_jsonl(hostile()).splitlines():
        assert line.isascii()
        assert line.isprintable()
