"""What git and ssh-keygen can say of an entry: real repositories, real keys."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from git_repos import Key, Person, Repo, document, person, row, run, trusted
from gnupg_keys import gnupg
from portproof.documents import load_baseline
from portproof.documents.approval_files import NAMESPACE, approval_bytes
from portproof.documents.git_history import digest_of_entry
from portproof.documents.provenance import Sought, read_provenance
from portproof.documents.ssh_signatures import SshKeygen
from portproof.model.approval import Approver, Approvers, Level, Means, Provenance, Trace
from portproof.policy.approval import Standing, standing

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOAD = partial(load_baseline, vantages=None)


@pytest.fixture
def head(tmp_path: Path) -> Person:
    return person(tmp_path, "head")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def look(
    repo: Repo, approvers: Approvers, *, recorded: str = "", name: str = "baseline.yaml"
) -> Provenance:
    """Give the provenance of the baseline as it stands in the work tree."""
    sought = Sought(
        load=LOAD,
        approvers=approvers,
        folder=repo.folder / "approvals",
        history=True,
        recorded=recorded,
    )
    return read_provenance(LOAD(repo.folder / name), sought)


def traced(repo: Repo, approvers: Approvers, entry: str = "web", **how: str) -> Trace:
    return look(repo, approvers, **how).traces[entry]


def judged(repo: Repo, approvers: Approvers, **how: str) -> Standing:
    """Judge the approval of the entry `web`."""
    found = LOAD(repo.folder / how.get("name", "baseline.yaml")).entry("web")
    assert found is not None
    return standing(found, look(repo, approvers, **how), zones=("cde",), needed=1, at=AT)


def proposed_and_merged(repo: Repo, by: str, key: Key | None) -> str:
    """Have author@example.com bring the entry on a branch, and somebody merge it."""
    repo.write(document())
    repo.commit("an empty register")
    repo.git("checkout", "-q", "-b", "change")
    repo.write(document(row()))
    repo.commit("CHG-1: the shop")
    repo.git("checkout", "-q", "main")
    return repo.merge("change", by, key)


def test_a_merge_signed_by_an_approver_other_than_the_author_verifies_the_entry(
    repo: Repo, head: Person
) -> None:
    merge = proposed_and_merged(repo, head.email, head.key)
    held = judged(repo, trusted(head.approver()))
    assert held.level is Level.GIT
    assert f"signed merge {merge[:12]}" in held.told


def test_an_unsigned_merge_leaves_the_name_self_declared_and_says_why(
    repo: Repo, head: Person
) -> None:
    proposed_and_merged(repo, head.email, None)
    held = judged(repo, trusted(head.approver()))
    assert held.level is Level.SELF_DECLARED
    assert "it is not signed" in held.told


def test_a_forged_author_name_with_a_stranger_s_key_verifies_nothing(
    repo: Repo, head: Person, tmp_path: Path
) -> None:
    mallory = person(tmp_path, "mallory")
    proposed_and_merged(repo, head.email, mallory.key)
    held = judged(repo, trusted(head.approver()))
    assert held.level is Level.SELF_DECLARED
    assert "not by a key of the approvers list" in held.told


def test_a_signed_follow_up_commit_that_records_the_approval_verifies_it(
    repo: Repo, head: Person
) -> None:
    repo.write(document(row(status="proposed", approver="", approved_on="")))
    brought = repo.commit("CHG-1: proposed")
    repo.write(document(row()))
    repo.commit("approve the shop", head.email, head.key)
    (claim,) = traced(repo, trusted(head.approver())).claims
    assert (claim.means, claim.refused, claim.author) == (
        Means.FOLLOW_UP,
        "",
        "author@example.com",
    )
    found = traced(repo, trusted(head.approver())).brought
    assert found is not None
    assert found.commit.id == brought


def test_a_later_signed_commit_that_does_not_touch_the_entry_approves_nothing(
    repo: Repo, head: Person
) -> None:
    repo.write(document(row()))
    repo.commit("CHG-1: the shop")
    repo.write(document(row(), row("other", hosts="192.0.2.9")))
    repo.commit("CHG-2: another", head.email, head.key)
    assert traced(repo, trusted(head.approver())).claims == ()


@pytest.mark.parametrize("alias", ["Head@Example.com", "author@example.com"])
def test_nobody_approves_by_signature_what_he_or_she_wrote(
    repo: Repo, head: Person, alias: str
) -> None:
    proposed_and_merged(repo, head.email, head.key)
    held = judged(repo, trusted(head.approver(aliases=("author@example.com",))))
    assert held.level is Level.SELF_DECLARED
    assert "is the author of the commit that brought it" in held.told


def test_one_key_does_not_both_write_and_approve(repo: Repo, head: Person) -> None:
    repo.write(document(row(status="proposed")))
    repo.commit("CHG-1: proposed", "author@example.com", head.key)
    repo.write(document(row()))
    repo.commit("approve", head.email, head.key)
    held = judged(repo, trusted(head.approver()))
    assert "the key that signed it is the one that signed the content" in held.told


def test_a_change_after_the_approval_needs_a_new_one(repo: Repo, head: Person) -> None:
    proposed_and_merged(repo, head.email, head.key)
    repo.write(document(row(ports="8443")))
    repo.commit("CHG-3: another port")
    assert judged(repo, trusted(head.approver())).level is Level.SELF_DECLARED


def test_a_tag_that_stands_for_more_hosts_is_a_changed_entry(repo: Repo, head: Person) -> None:
    shop = row(hosts="tag:web")
    one = "assets: [{id: one, addresses: 192.0.2.1, tags: [web]}]\n"
    two = "assets: [{id: one, addresses: [192.0.2.1, 192.0.2.2], tags: [web]}]\n"
    repo.write(document(shop, head=one))
    repo.commit("CHG-1")
    repo.write(document(shop, head=two))
    last = repo.commit("CHG-2")
    found = traced(repo, trusted(head.approver())).brought
    assert found is not None
    assert found.commit.id == last


def test_formatting_and_comments_are_no_new_content(repo: Repo, head: Person) -> None:
    merge = proposed_and_merged(repo, head.email, head.key)
    repo.write(f"# a comment\n{document(row())}")
    last = repo.commit("comments", "other@example.com")
    held = judged(repo, trusted(head.approver()))
    assert held.level is Level.GIT
    assert merge[:12] in held.told
    assert last != merge


def test_a_rebase_changes_commits_and_not_who_wrote_them(repo: Repo, head: Person) -> None:
    repo.write(document())
    repo.commit("an empty register")
    repo.git("checkout", "-q", "-b", "change")
    repo.write(document(row()))
    repo.commit("CHG-1: the shop")
    repo.git("checkout", "-q", "main")
    repo.write("a note\n", "README")
    repo.commit("a note")
    rebase = ["-c", f"user.email={head.email}", "-c", "user.name=head", "rebase", "-q", "main"]
    repo.git(*rebase, "change")
    repo.git("checkout", "-q", "main")
    repo.merge("change", head.email, head.key)
    held = judged(repo, trusted(head.approver()))
    assert held.level is Level.GIT
    assert held.refused == ()


def test_an_entry_is_followed_over_a_renamed_file_and_into_an_include(
    repo: Repo, head: Person
) -> None:
    repo.write(document(row(), row("other", hosts="192.0.2.9")), "old.yaml")
    first = repo.commit("CHG-1")
    repo.git("mv", "old.yaml", "baseline.yaml")
    repo.commit("a better name")
    repo.write(document(row("other", hosts="192.0.2.9"), head="include: [parts/web.yaml]\n"))
    repo.write("entries:\n  - " + row() + "\n", "parts/web.yaml")
    repo.commit("one file for each team")
    for name in ("web", "other"):
        found = traced(repo, trusted(head.approver()), name).brought
        assert found is not None
        assert found.commit.id == first, name


def test_the_last_touch_is_that_of_the_entry_s_own_lines(repo: Repo, head: Person) -> None:
    block = (
        "id: web\n    hosts: 192.0.2.1\n    ports: 443\n    zones: office\n    justification: {}"
    )
    repo.write(document(block.format("first"), row("other", hosts="192.0.2.9")))
    repo.commit("CHG-1", "one@example.com")
    repo.write(document(block.format("second"), row("other", hosts="192.0.2.9")))
    second = repo.commit("CHG-2", "two@example.com")
    repo.write(document(block.format("second"), row("other", hosts="192.0.2.8")))
    third = repo.commit("CHG-3", "three@example.com")
    found = look(repo, trusted(head.approver())).traces
    touched = {name: each.touched and each.touched.id for name, each in found.items()}
    assert touched == {"web": second, "other": third}


@pytest.mark.parametrize("dirty", ["", "# a comment\n"])
def test_without_the_history_the_last_touch_is_told_all_the_same(repo: Repo, dirty: str) -> None:
    repo.write(document(row()))
    first = repo.commit("CHG-1")
    repo.write(dirty + document(row()))
    sought = Sought(load=LOAD, approvers=Approvers(), folder=repo.folder, history=False)
    trace = read_provenance(LOAD(repo.folder / "baseline.yaml"), sought).traces["web"]
    assert trace.touched is not None
    assert (trace.touched.id, trace.brought) == (first, None)


# ---------------------------------------------------------------- what git cannot tell


def test_a_folder_without_git_is_one_sentence(tmp_path: Path, head: Person) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "baseline.yaml").write_text(document(row()))
    sought = Sought(
        load=LOAD, approvers=trusted(head.approver()), folder=folder / "approvals", history=True
    )
    found = read_provenance(LOAD(folder / "baseline.yaml"), sought)
    (statement,) = found.statements
    assert "is in no git work tree" in statement
    assert found.traces["web"].untold


def test_a_shallow_clone_keeps_approvals_self_declared(
    repo: Repo, head: Person, tmp_path: Path
) -> None:
    proposed_and_merged(repo, head.email, head.key)
    run(["git", "clone", "-q", "--depth=1", f"file://{repo.folder}", "copy"], tmp_path)
    shutil.rmtree(repo.folder)
    (tmp_path / "copy").rename(repo.folder)
    held = judged(repo, trusted(head.approver()))
    assert held.level is Level.SELF_DECLARED
    assert "the clone is shallow" in held.told


def test_an_uncommitted_change_is_said_and_nothing_older_speaks_for_it(
    repo: Repo, head: Person
) -> None:
    proposed_and_merged(repo, head.email, head.key)
    repo.write(document(row(ports="8443")))
    found = look(repo, trusted(head.approver()))
    assert found.statements == ("1 entry differs from the commit that is checked out.",)
    assert found.traces["web"].uncommitted
    assert judged(repo, trusted(head.approver())).level is Level.SELF_DECLARED


def test_a_file_that_was_never_committed_is_said(repo: Repo, head: Person) -> None:
    repo.write("x", "README")
    repo.commit("a note")
    repo.write(document(row()))
    (statement,) = look(repo, trusted(head.approver())).statements
    assert "is not in the commit that is checked out" in statement


def test_a_repository_without_a_commit_is_said(repo: Repo, head: Person) -> None:
    repo.write(document(row()))
    (statement,) = look(repo, trusted(head.approver())).statements
    assert "has no commit yet" in statement


def test_a_link_that_leads_out_of_the_work_tree_is_followed_to_where_it_leads(
    repo: Repo, head: Person, tmp_path: Path
) -> None:
    outside = tmp_path / "elsewhere.yaml"
    outside.write_text(document(row()))
    (repo.folder / "baseline.yaml").symlink_to(outside)
    repo.commit("a link")
    (statement,) = look(repo, trusted(head.approver())).statements
    assert "is in no git work tree" in statement


def test_a_rewritten_history_is_said_and_believed_no_more(repo: Repo, head: Person) -> None:
    seen = proposed_and_merged(repo, head.email, head.key)
    repo.git("reset", "-q", "--hard", "HEAD^1")
    repo.write(document(row()))
    repo.commit("as if it had always been there", head.email, head.key)
    held = judged(repo, trusted(head.approver()), recorded=seen)
    assert held.level is Level.SELF_DECLARED
    assert f"is another branch's: commit {seen[:12]}" in held.told


def test_an_older_checkout_is_no_rewritten_history(repo: Repo, head: Person) -> None:
    proposed_and_merged(repo, head.email, head.key)
    repo.write("a note", "README")
    later = repo.commit("a note")
    repo.git("checkout", "-q", "HEAD^1")
    assert judged(repo, trusted(head.approver()), recorded=later).level is Level.GIT
    assert look(repo, trusted(head.approver()), recorded=later).anchor == later


def test_a_replaced_commit_is_not_believed(repo: Repo, head: Person) -> None:
    merge = proposed_and_merged(repo, head.email, None)
    repo.git("checkout", "-q", "-b", "forged", f"{merge}^1")
    repo._as(head.email, head.key, "merge", "-q", "--no-ff", "-m", "forged", "change")
    repo.git("replace", merge, "HEAD")
    repo.git("checkout", "-q", "main")
    assert judged(repo, trusted(head.approver())).level is Level.SELF_DECLARED


def test_an_older_version_that_cannot_be_read_ends_nothing(repo: Repo, head: Person) -> None:
    repo.write("entries: [")
    repo.commit("broken")
    repo.write(document(row()))
    mended = repo.commit("CHG-1: mended")
    found = traced(repo, trusted(head.approver())).brought
    assert found is not None
    assert found.commit.id == mended


def test_a_repository_s_own_programs_are_never_run(
    repo: Repo, head: Person, tmp_path: Path
) -> None:
    proposed_and_merged(repo, head.email, head.key)
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n")
    trap.chmod(0o755)
    repo.write("*.yaml diff=trap filter=trap\n", ".gitattributes")
    with gnupg() as known:
        repo.commit("attributes, signed by OpenPGP", key=known.key("stranger"))
        (tmp_path / "keys.asc").write_text(known.export())
    for hook in ("reference-transaction", "post-index-change", "fsmonitor-watchman"):
        shutil.copy(trap, repo.folder / ".git" / "hooks" / hook)
    for name in (
        "core.fsmonitor", "diff.trap.textconv", "filter.trap.clean", "filter.trap.smudge",
        "gpg.ssh.program", "gpg.program", "diff.external", "core.pager", "core.sshCommand",
        "gpg.openpgp.program", "gpg.x509.program", "diff.trap.command", "filter.trap.process",
        "core.alternateRefsCommand", "core.askPass", "core.editor", "credential.helper",
    ):  # fmt: skip
        repo.git("config", name, str(trap))
    listed = trusted(head.approver(), keyring=tmp_path / "keys.asc")
    assert judged(repo, listed).level is Level.GIT
    assert not sprung.exists()


def test_what_a_partial_clone_lacks_is_fetched_by_no_program(
    repo: Repo, head: Person, tmp_path: Path
) -> None:
    sprung = tmp_path / "sprung"
    proposed_and_merged(repo, head.email, head.key)
    repo.write(document(row(ports="8443")))
    repo.commit("CHG-2")
    lost = repo.git("rev-parse", "HEAD^:baseline.yaml")
    (repo.folder / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"), ("protocol.ext.allow", "always"),
        ("remote.origin.url", f"ext::sh -c 'touch% {sprung}'"),
    ):  # fmt: skip
        repo.git("config", name, value)
    (statement,) = look(repo, trusted(head.approver())).statements
    assert statement.startswith("Git cannot tell where entries come from: git ")
    assert not sprung.exists()


def test_a_repository_s_settings_put_no_change_on_somebody_else(repo: Repo, head: Person) -> None:
    repo.write(document(row(ports="8443")))
    repo.commit("CHG-1", "dev@example.com")
    repo.write(document(row()))
    change = repo.commit("CHG-2", "mallory@example.com")
    repo.write("Head <head@example.com> <mallory@example.com>\n", ".mailmap")
    repo.write(f"{change}\n", "ignored")
    repo.commit("names")
    repo.git("config", "blame.ignoreRevsFile", str(repo.folder / "ignored"))
    repo.git("config", "log.follow", "true")
    repo.git("config", "log.mailmap", "true")
    found = traced(repo, trusted(head.approver()))
    assert found.touched is not None
    assert found.brought is not None
    assert (found.touched.id, found.touched.email) == (change, "mallory@example.com")
    assert (found.brought.commit.id, found.brought.commit.author) == (change, "mallory")


# ---------------------------------------------------------------- OpenPGP


@pytest.mark.parametrize(
    ("entitled", "told"),
    [
        ({}, ""),
        ({"ends": datetime(2026, 9, 1, tzinfo=UTC)}, "ended 2026-09-01T00:00:00Z"),
        ({"begins": datetime(2026, 11, 1, tzinfo=UTC)}, "is entitled from 2026-11-01T00:00:00Z"),
        ({"zones": ("office",)}, "is not entitled to zone cde"),
    ],
)
def test_an_openpgp_merge_verifies_an_entry_within_the_entitlement_of_its_key(
    repo: Repo, tmp_path: Path, entitled: dict[str, Any], told: str
) -> None:
    with gnupg() as known:
        key = known.key("head")
        proposed_and_merged(repo, "head@example.com", key)
        (tmp_path / "keys.asc").write_text(known.export())
    head = Approver(id="head@example.com", keys=(key.name,), **entitled)
    held = judged(repo, trusted(head, keyring=tmp_path / "keys.asc"))
    assert held.level is (Level.SELF_DECLARED if told else Level.GIT)
    assert (told or f"{key.name}, 2026-09-21T") in held.told


def test_a_gpg_key_that_wrote_the_content_does_not_approve_it(repo: Repo, tmp_path: Path) -> None:
    with gnupg() as known:
        key = known.key("head")
        repo.write(document(row(status="proposed", approver="", approved_on="")))
        repo.commit("CHG-1: proposed", "author@example.com", key)
        repo.write(document(row()))
        repo.commit("approved", "head@example.com", key)
        (tmp_path / "keys.asc").write_text(known.export())
    head = Approver(id="head@example.com", keys=(key.name,))
    held = judged(repo, trusted(head, keyring=tmp_path / "keys.asc"))
    assert "the key that signed it is the one that signed the content" in held.told


# ---------------------------------------------------------------- detached signatures


def signed(repo: Repo, by: Person, digest: str, *, scope: str = "shop", at: datetime = AT) -> Path:
    content = approval_bytes(scope, by.email, at, {"web": digest}, emergency=False)
    path = repo.folder / "approvals" / "web.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.with_name("web.json.sig").write_bytes(SshKeygen().sign(content, by.key, NAMESPACE))
    return path


def test_a_detached_signature_over_the_content_verifies_it_without_any_repository(
    repo: Repo, head: Person
) -> None:
    repo.write(document(row()))
    approvers = trusted(head.approver())
    signed(repo, head, traced(repo, approvers).digest)
    held = judged(repo, approvers)
    assert held.level is Level.SIGNED
    assert "web.json" in held.told


def test_a_detached_signature_says_nothing_of_changed_content(repo: Repo, head: Person) -> None:
    repo.write(document(row()))
    approvers = trusted(head.approver())
    signed(repo, head, traced(repo, approvers).digest)
    repo.write(document(row(review_by="2028-09-01")))
    assert judged(repo, approvers).level is Level.SELF_DECLARED


def test_an_altered_approval_is_refused_with_the_reason(repo: Repo, head: Person) -> None:
    repo.write(document(row()))
    approvers = trusted(head.approver())
    path = signed(repo, head, traced(repo, approvers).digest)
    path.write_bytes(path.read_bytes().replace(b"false", b"true"))
    held = judged(repo, approvers)
    assert held.level is Level.SELF_DECLARED
    assert "is not verified" in held.told


def test_a_signature_for_another_purpose_is_no_approval(repo: Repo, head: Person) -> None:
    repo.write(document(row()))
    approvers = trusted(head.approver())
    path = signed(repo, head, traced(repo, approvers).digest)
    other = SshKeygen().sign(path.read_bytes(), head.key, "git")
    path.with_name("web.json.sig").write_bytes(other)
    assert judged(repo, approvers).level is Level.SELF_DECLARED


def test_an_approval_of_another_scope_approves_nothing_here(repo: Repo, head: Person) -> None:
    repo.write(document(row()))
    approvers = trusted(head.approver())
    signed(repo, head, traced(repo, approvers).digest, scope="elsewhere")
    assert "it is of the scope 'elsewhere'" in judged(repo, approvers).told


def test_rubbish_in_the_folder_of_approvals_is_no_approval(repo: Repo, head: Person) -> None:
    repo.write(document(row()))
    for name, content in (("a.json", b"\xff\xfe"), ("b.json", b"[]"), ("c.json", b'{"at": 1}')):
        path = repo.folder / "approvals" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert traced(repo, trusted(head.approver())).claims == ()


def test_without_a_signed_list_no_signature_verifies_anything(repo: Repo, head: Person) -> None:
    proposed_and_merged(repo, head.email, head.key)
    unsigned = trusted(head.approver(), unsigned="approvers.yaml is not signed")
    held = judged(repo, unsigned)
    assert held.level is Level.SELF_DECLARED
    assert look(repo, unsigned).statements == (
        "The list of approvers entitles nobody: approvers.yaml is not signed.",
    )


def test_a_text_that_looks_like_another_entry_is_not_taken_for_one(
    repo: Repo, head: Person
) -> None:
    web = "id: web\n    hosts: 192.0.2.1\n    ports: 443\n    zones: office\n    justification: {}"
    feigned = web.format('"said\n  - id: other\n    hosts: 192.0.2.9"')
    repo.write(document(feigned))
    first = repo.commit("CHG-1")
    repo.write(document(feigned, row("other", hosts="192.0.2.9")))
    second = repo.commit("CHG-2")
    found = look(repo, trusted(head.approver())).traces
    brought = {name: each.brought and each.brought.commit.id for name, each in found.items()}
    assert brought == {"web": first, "other": second}


def test_the_content_that_was_signed_by_an_older_portproof_has_the_same_digest(
    tmp_path: Path,
) -> None:
    path = tmp_path / "baseline.yaml"
    path.write_text(document(row(), row("range", hosts="192.0.2.10-11")))
    entries = LOAD(path).entries
    assert [digest_of_entry(each, "shop") for each in entries] == [
        "180712efb1ff770cdd30f923cfdabfd9e03e22f21c3bd85364921595c3d23de6",
        "79e88b7c85330e82f1e7cb91a9d0baa65773012f0e09994136d93bc775b2374e",
    ]
