"""One port, judged by the same file: proposed, then approved in one environment alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from command import portproof
from listeners import listener
from site_documents import APPROVAL, Site

BASELINE = """\
scope: test-site
include: web.yaml
environments:
  prod:
    entries:
      web: {status: approved}
"""
WEB = """\
templates:
  shop: {from: internet, tier: 2, owner: web team, justification: needed by the shop}
entries:
  - {id: web, use: shop, to: 127.0.0.1, ports: %d, status: proposed, approval: %s}
"""


def test_a_proposed_port_is_unapproved_until_an_environment_approves_it(tmp_path: Path) -> None:
    site = Site(folder=tmp_path, networks=["127.0.0.1"], targets=["127.0.0.1"], ports="1")
    with listener() as port:
        site.ports = str(port)
        folder = site.write()
        (folder / "baseline.yaml").write_text(BASELINE, encoding="utf-8")
        (folder / "web.yaml").write_text(WEB % (port, APPROVAL), encoding="utf-8")
        assert portproof("scan", cwd=folder).code == 0
    code, told = checked(folder)
    assert (code, told["register"]) == (1, [])
    (found,) = told["findings"]
    assert found["because"].endswith("entry web does not match: it is proposed, not approved.")
    code, told = checked(folder, "--environment", "prod")
    assert (code, [each["id"] for each in told["register"]]) == (0, ["web"])
    (named,) = (each for each in told["documents"] if each["kind"] == "baseline")
    assert named["version"] == "environment prod"
    unknown = portproof("check", "--environment", "prd", cwd=folder)
    assert unknown.code == 2
    assert unknown.err.startswith("portproof: baseline.yaml:3:1: there is no environment 'prd'")


def checked(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Judge the last run; gives the exit code and the evidence."""
    answer = portproof("check", "--format", "json", *options, cwd=folder)
    return answer.code, json.loads(answer.out)
