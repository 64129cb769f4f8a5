"""A baseline change is proposed, merged by another key, audited, and its history rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from socket import create_server, socket
from threading import Thread
from typing import Any

from command import portproof
from git_repos import Repo, person, row
from portproof.documents.approvers import NAMESPACE
from portproof.documents.ssh_signatures import SshKeygen

DOCUMENTS = {
    "portproof.yaml": """\
scope: shop
baseline: baseline.yaml
vantages: vantages.yaml
authorisation: authorisation.yaml
targets: [127.0.0.1]
ports: 18080-18083
approvals: {approvers: approvers.yaml, list_key: owner.pub}
""",
    "vantages.yaml": """\
zones: [{name: local, trust: trusted, networks: 127.0.0.0/8}]
vantages: [{id: local, zone: local}]
""",
    "authorisation.yaml": """\
id: a
owner: net-team
contact: net-team
networks: [127.0.0.1]
valid_from: 2020-01-01
valid_until: 2099-12-31
rates: {global_pps: 20000, per_host_pps: 20000}
""",
}


def entry(**changes: str) -> str:
    held = {"hosts": "127.0.0.1", "ports": "18080", "zones": "local", "review_by": "2099-01-01"}
    return f"scope: shop\nentries:\n  - {row('web', **(held | changes))}\n"


def evidence(repo: Repo) -> Any:
    done = portproof("audit", "--exit-zero", "--out", str(repo.folder / "out"), cwd=repo.folder)
    assert done.code == 0, done.err
    return json.loads((repo.folder / "out" / "evidence.json").read_text())


def _hang_up(server: socket) -> None:
    """Accept and close, so that nothing waits for a greeting; ends with the listener."""
    while server.fileno() >= 0:
        try:
            server.accept()[0].close()
        except OSError:
            return


def test_the_reports_follow_who_approved_and_what_happened_to_the_history(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    head, owner = person(tmp_path, "head"), person(tmp_path, "owner")
    for name, text in DOCUMENTS.items():
        repo.write(text, name)
    repo.write("out/\n*.sqlite*\n", ".gitignore")
    repo.write(owner.public, "owner.pub")
    listed = repo.write(
        f'approvers: [{{id: {head.email}, keys: "{head.public}"}}]\n', "approvers.yaml"
    )
    signature = SshKeygen().sign(listed.read_bytes(), owner.key, NAMESPACE)
    listed.with_name("approvers.yaml.sig").write_bytes(signature)
    repo.write(entry(ports="18081"))
    repo.commit("CHG-1: the shop")
    repo.git("checkout", "-q", "-b", "change")
    repo.write(entry())
    change = repo.commit("another port", "dev@example.com")
    repo.git("checkout", "-q", "main")
    repo.merge("change", head.email, head.key)

    with create_server(("127.0.0.1", 18082)) as server:
        Thread(target=_hang_up, args=(server,), daemon=True).start()
        document = evidence(repo)
        assert document["summary"]["approvals"] == "1 verified by git."
        assert document["register"][0]["approval_level"] == "verified by git"
        found = {each["rule"]: each for each in document["findings"]}
        assert set(found) == {"unapproved-exposure", "baseline-change-untracked"}
        nearest = found["unapproved-exposure"]
        assert "it covers 18080, not 18082" in nearest["nearest"]
        assert nearest["blame"] == {
            "entry": "web",
            "location": "baseline.yaml:3:5",
            "commit": change[:12],
            "author": "dev <dev@example.com>",
            "date": nearest["blame"]["date"],
            "note": "",
        }
        assert change[:12] in (repo.folder / "out" / "report.html").read_text()
        shown = portproof("check", "--exit-zero", cwd=repo.folder).out
        assert "nearest entry web at baseline.yaml:3:5" in shown

        repo.git("reset", "-q", "--hard", "HEAD^1")
        repo.write(entry())
        repo.commit("CHG-2: as if it had always been there", head.email, head.key)
    again = portproof("check", "--exit-zero", "--format", "json", cwd=repo.folder)
    rewritten = json.loads(again.out)
    assert rewritten["register"][0]["approval_level"] == "self-declared"
    assert "The history was rewritten" in rewritten["summary"]["approvals"]

    titles = [each["title"] for each in rewritten["findings"]]
    assert "The history of the baseline is another one than earlier runs recorded" in titles
    told = portproof("baseline", "history", "web", cwd=repo.folder)
    assert told.code == 2
    assert told.err.startswith("portproof: the history was rewritten, or is another branch's")
    assert len(told.err.splitlines()) == 1
    # The same content stands in another commit now, and the run judged by it is told with it.
    assert "CHG-2: as if it had always been there" in told.out
    assert f", of commit {change[:12]}\n" in told.out
