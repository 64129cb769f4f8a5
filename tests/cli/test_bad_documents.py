"""Documents and repositories that nobody should be hurt by: one clear error, quickly, nothing changed.

Most commands run in this process, as a hundred interpreters would take minutes; what could take a
machine down runs in its own, with little memory.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from command import Answer, portproof
from git_repos import Person, Repo, document, person, row, run
from portproof.cli.group import run as run_command
from portproof.documents.approval_files import NAMESPACE as APPROVAL
from portproof.documents.approval_files import approval_bytes
from portproof.documents.approvers import NAMESPACE
from portproof.documents.ssh_signatures import SshKeygen

LITTLE_MEMORY = 700 * 1024 * 1024
"""Address space that a command has, in bytes; a third of it is its libraries."""
EMPTY = "scope: shop\nentries: []\n"

Says = Callable[..., Answer]


@pytest.fixture
def says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Says:
    """Give what runs a command in a folder, and checks that it changes nothing there."""
    for name in ("PORTPROOF_CONFIG", "PORTPROOF_DATABASE", "PORTPROOF_BASELINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str, cwd: Path = tmp_path) -> Answer:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["portproof", *arguments])
        before = state_of(cwd)
        capsys.readouterr()
        code = run_command()
        told = capsys.readouterr()
        assert state_of(cwd) == before
        assert "Traceback" not in told.out + told.err
        return Answer(code, told.out, told.err)

    return command


def state_of(folder: Path) -> dict[str, str]:
    """Give every file of a folder with the digest of its content; of others, what they are."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_file() and path.stat().st_size < 2**24
            else f"{path.lstat().st_mode} {path.lstat().st_size}"
        )
        for path in sorted(folder.rglob("*"))
    }


# ---------------------------------------------------------------- documents

TEXTS: dict[str, tuple[bytes, str]] = {
    "bytes that are no text": (b"scope: \xff\n", ":1:8: byte 0xff is not UTF-8 text"),
    "a NUL": (b"scope: a\0b\nentries: []\n", r":1:9: character '\x00' is not allowed in YAML"),
    "UTF-16": (EMPTY.encode("utf-16"), ":1:1: the file is UTF-16 text; save it as UTF-8"),
    "a torn character": (b"scope: \xe2\x82", ":1:8: byte 0xe2 is not UTF-8 text"),
    "a lone surrogate": (b"scope: \xed\xa0\x80\n", ":1:8: byte 0xed is not UTF-8 text"),
    "a key twice": (b"scope: x\nscope: y\nentries: []\n", ":2:1: duplicate key 'scope'"),
    "nothing": (b"", ":1:1: the file holds nothing"),
    "two documents": (b"scope: x\n---\nscope: y\n", ":2:1: a second document begins here"),
    "another YAML": (b"%YAML 1.1\n---\nentries: []\n", ":1:1: directives (%) are not supported"),
    "a tag": (b"scope: !!python/object:os.system x\nentries: []\n", ":1:8: tags ("),
    "a list that never ends": (b"entries: " + b"[" * 100_000, ":1:41: nested deeper than 32"),
    "a mapping that never ends": (b"entries: " + b"{a: " * 50_000, ":1:134: nested deeper than"),
    "a tab": (b"scope: x\n\tentries: []\n", ":2:1: not valid YAML: "),
    "half a list": (b"scope: x\nentries: [\n", ":3:1: not valid YAML: "),
    "ports beside a list": (
        b"entries: [{id: a, to: 192.0.2.1, from: local, ports: 22,443}]\n",
        ":1:57: '443' stands alone, without a value; a list stands in [ ]",
    ),
    "overlapping zones": (
        b"zones: [{name: a, networks: 192.0.2.0/24}, {name: b, networks: 192.0.2.1}]\nentries: []",
        "overlap",
    ),
    "an include of itself": (
        b"include: baseline.yaml\nentries: []\n",
        ":1:10: 'baseline.yaml' includes itself in the end: baseline.yaml",
    ),
    "an include of the world": (
        b"include: /etc/passwd\nentries: []\n",
        ":1:10: '/etc/passwd' is an",
    ),
    "an include outside": (b"include: ../x.yaml\nentries: []\n", ":1:10: '../x.yaml' lies outside"),
}


@pytest.mark.parametrize(("content", "told"), TEXTS.values(), ids=TEXTS.keys())
def test_a_text_that_is_no_baseline_is_one_fault_with_its_place(
    says: Says, tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "baseline.yaml").write_bytes(content)
    answer = says("baseline", "lint", "baseline.yaml")
    faults = [each for each in answer.out.splitlines() if each.startswith("baseline.yaml:")]
    assert answer.code == 2
    assert len(faults) == 1, answer
    assert told in faults[0]


def test_a_byte_order_mark_is_no_fault(says: Says, tmp_path: Path) -> None:
    (tmp_path / "baseline.yaml").write_bytes(b"\xef\xbb\xbf" + EMPTY.encode())
    assert says("baseline", "lint", "baseline.yaml").code == 0


def test_files_that_include_one_another_are_told_in_their_order(says: Says, tmp_path: Path) -> None:
    for name, included in (("baseline", "b"), ("b", "c"), ("c", "baseline")):
        (tmp_path / f"{name}.yaml").write_text(f"include: {included}.yaml\nentries: []\n")
    answer = says("baseline", "lint", "baseline.yaml")
    assert answer.code == 2
    assert "c.yaml:1:10: 'baseline.yaml' includes itself in the end: baseline.yaml → b.yaml" in (
        answer.out
    )


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_hole(path: Path) -> None:
    """Make a file of 100 MB that takes no room."""
    path.touch()
    os.truncate(path, 100_000_000)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (a_loop, "cannot be read: Too many levels of symbolic links"),
        (os.mkfifo, "is not a regular file"),
        (Path.mkdir, "is not a regular file"),
        (a_device, "is not a regular file"),
        (a_hole, "is larger than 8 MiB; is it the right file?"),
    ],
    ids=["a loop of links", "a pipe", "a folder", "a device", "100 MB"],
)
def test_what_is_no_file_to_read_is_said_at_once(
    says: Says, tmp_path: Path, make: Callable[[Path], Any], told: str
) -> None:
    make(tmp_path / "x.yaml")
    for wrong in (("lint", "x.yaml"), ("fmt", "x.yaml")):
        answer = says("baseline", *wrong)
        assert answer.code == 2
        assert f"x.yaml: {told}" in answer.out + answer.err


def test_an_included_pipe_is_said_at_the_include(says: Says, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yaml")
    (tmp_path / "baseline.yaml").write_text("include: x.yaml\nentries: []\n")
    answer = says("baseline", "lint", "baseline.yaml")
    assert "baseline.yaml:1:10: 'x.yaml' is not a regular file" in answer.out


def _little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LITTLE_MEMORY, LITTLE_MEMORY))


@pytest.mark.parametrize("kind", ["aliases", "100 MB of entries"])
def test_a_file_made_to_grow_takes_little_memory(tmp_path: Path, kind: str) -> None:
    with (tmp_path / "x.yaml").open("w") as file:
        if kind == "aliases":
            file.write("scope: &a0 ha\n")
            file.writelines(
                f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60)
            )
        else:
            file.writelines("- {id: a, ports: 1}\n" * 100_000 for _ in range(50))
    done = portproof(
        "baseline", "lint", "x.yaml", cwd=tmp_path, before=_little_memory, timeout_s=60
    )
    assert done.code == 2, done.err
    told = "are not supported: write the value out" if kind == "aliases" else "larger than 8 MiB"
    assert told in done.out
    assert "Traceback" not in done.err


# ---------------------------------------------------------------- repositories

CONFIGURATION = """\
scope: shop
baseline: baseline.yaml
vantages: vantages.yaml
approvals: {approvers: approvers.yaml, list_key: owner.pub}
"""
VANTAGES = """\
zones: [{name: office, trust: trusted}, {name: shop, trust: trusted, networks: 192.0.2.0/31}]
vantages: [{id: local, zone: office}]
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Person, Person]:
    """Give the head, who approves; the owner of the list; and a stranger."""
    folder = tmp_path_factory.mktemp("people")
    return person(folder, "head"), person(folder, "owner"), person(folder, "mallory")


@pytest.fixture
def site(tmp_path: Path, people: tuple[Person, Person, Person]) -> Repo:
    """Give a repository with an entry that the head approved by a signed merge."""
    head, owner, _ = people
    repo = Repo(tmp_path / "repo")
    repo.write(CONFIGURATION, "portproof.yaml")
    repo.write(VANTAGES, "vantages.yaml")
    repo.write(owner.public, "owner.pub")
    listed = repo.write(
        f'approvers: [{{id: {head.email}, keys: "{head.public}"}}]\n', "approvers.yaml"
    )
    sign(listed, owner, NAMESPACE)
    repo.write(document())
    repo.commit("an empty register")
    repo.git("checkout", "-q", "-b", "change")
    repo.write(document(row()))
    repo.commit("CHG-1: the shop")
    repo.git("checkout", "-q", "main")
    repo.merge("change", head.email, head.key)
    return repo


def sign(path: Path, by: Person, namespace: str) -> None:
    signature = SshKeygen().sign(path.read_bytes(), by.key, namespace)
    path.with_name(f"{path.name}.sig").write_bytes(signature)


def register(says: Says, folder: Path) -> str:
    """Give the register of approved services as people read it."""
    answer = says("baseline", "register", "--format", "md", cwd=folder)
    assert answer.code == 0, answer
    return unescape(answer.out)


def shallow(repo: Repo) -> Path:
    run(["git", "clone", "-q", "--depth=1", f"file://{repo.folder}", "copy"], repo.folder.parent)
    return repo.folder.parent / "copy"


def without_git(repo: Repo) -> Path:
    shutil.rmtree(repo.folder / ".git")
    return repo.folder


def without_a_commit(repo: Repo) -> Path:
    shutil.rmtree(repo.folder / ".git")
    repo.git("init", "-q")
    return repo.folder


def broken(repo: Repo) -> Path:
    """Break the commit that brought the entry."""
    name = repo.git("rev-parse", "change")
    path = repo.folder / ".git" / "objects" / name[:2] / name[2:]
    path.chmod(0o600)
    path.write_bytes(b"rubbish")
    return repo.folder


def headless(repo: Repo) -> Path:
    (repo.folder / ".git" / "HEAD").write_text("rubbish\n")
    return repo.folder


def inside_git(repo: Repo) -> Path:
    """Stand in the repository's own folder, where the files are no work tree's."""
    for name in ("portproof.yaml", "vantages.yaml", "baseline.yaml", "owner.pub", "approvers.yaml"):
        shutil.copy(repo.folder / name, repo.folder / ".git" / name)
    return repo.folder / ".git"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_git, "is in no git work tree"),
        (without_a_commit, "has no commit yet"),
        (shallow, "is a shallow clone: older versions are missing; git fetch --unshallow"),
        (broken, "is corrupt"),
        (headless, "is in no git work tree"),
        (inside_git, "is in no git work tree"),
    ],
)
def test_a_repository_that_cannot_tell_is_one_error_and_no_approval(
    says: Says, site: Repo, change: Callable[[Repo], Path], told: str
) -> None:
    folder = change(site)
    answer = says("baseline", "history", "web", cwd=folder)
    assert answer.code == 2
    (line,) = answer.err.splitlines()
    assert line.startswith("portproof: ")
    assert told in line
    assert "self-declared" in register(says, folder)


def as_it_is(repo: Repo) -> Path:
    return repo.folder


def detached(repo: Repo) -> Path:
    repo.git("checkout", "-q", "--detach")
    return repo.folder


def a_worktree(repo: Repo) -> Path:
    repo.git("worktree", "add", "-q", "--detach", "../beside")
    return repo.folder.parent / "beside"


def a_submodule(repo: Repo) -> Path:
    around = Repo(repo.folder.parent / "around")
    around.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.folder))
    return around.folder / "repo"


def somebody_else_s(repo: Repo) -> Path:
    for path in (repo.folder, *repo.folder.rglob("*")):
        os.lchown(path, 65534, 65534)
    return repo.folder


def grafted(repo: Repo) -> Path:
    """Have git believe that the merge came out of nothing."""
    (repo.folder / ".git" / "info" / "grafts").write_text(f"{repo.head()}\n")
    return repo.folder


def replaced(repo: Repo) -> Path:
    repo.git("replace", repo.head(), "change")
    return repo.folder


@pytest.mark.parametrize(
    "change", [as_it_is, detached, a_worktree, a_submodule, somebody_else_s, grafted, replaced]
)
def test_a_repository_of_an_unusual_kind_tells_the_same(
    says: Says, site: Repo, change: Callable[[Repo], Path]
) -> None:
    folder = change(site)
    answer = says("baseline", "history", "web", cwd=folder)
    assert answer.code == 0, answer.err
    assert "CHG-1: the shop" in answer.out
    assert "verified by git" in register(says, folder)


@pytest.mark.parametrize(
    ("here", "command", "told"),
    [
        ((), ("history", "web"), "git is not installed, or not on the PATH"),
        (("git",), ("register",), "by the configured key: ssh-keygen is not installed"),
    ],
)
def test_a_program_that_is_not_there_is_one_clear_line(
    says: Says,
    site: Repo,
    monkeypatch: pytest.MonkeyPatch,
    here: tuple[str, ...],
    command: tuple[str, ...],
    told: str,
) -> None:
    found = site.folder.parent / "bin"
    found.mkdir()
    for name in here:
        (found / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(found))
    answer = says("baseline", *command, cwd=site.folder)
    assert told in unescape(answer.out + answer.err)


# ---------------------------------------------------------------- approvals


def test_a_list_that_nobody_signed_entitles_nobody(says: Says, site: Repo) -> None:
    (site.folder / "approvers.yaml.sig").unlink()
    told = register(says, site.folder)
    assert "approvers.yaml is not signed; its owner runs: ssh-keygen -Y sign" in told
    assert "verified by git" not in told


def test_a_list_signed_by_another_key_entitles_nobody(
    says: Says, site: Repo, people: tuple[Person, Person, Person]
) -> None:
    sign(site.folder / "approvers.yaml", people[2], NAMESPACE)
    told = register(says, site.folder)
    assert "the signature approvers.yaml.sig is not by the configured key" in told
    assert "verified by git" not in told


@pytest.mark.parametrize(
    ("clock", "told"),
    [
        (4_000_000_000, "it is dated 2096-10-02T07:07:40Z, after the day that is judged"),
        (1_000_000_000, "it is dated 2001-09-09T01:47:40Z, and the content was written 2026-09-21"),
    ],
    ids=["in the future", "before what it approves"],
)
def test_an_approval_whose_commit_is_dated_falsely_is_refused_with_its_date(
    says: Says, site: Repo, people: tuple[Person, Person, Person], clock: int, told: str
) -> None:
    head = people[0]
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.clock[0] = clock
    site.merge("change", head.email, head.key)
    assert told in register(says, site.folder)


def test_an_approval_older_than_what_the_content_replaced_is_refused(
    says: Says, site: Repo, people: tuple[Person, Person, Person]
) -> None:
    head = people[0]
    signed = {"web": "0" * 64}
    told = says("baseline", "history", "web", "--format", "json", cwd=site.folder)
    signed["web"] = told.out.split('"digest": "')[1][:64]
    folder = site.folder / "approvals"
    folder.mkdir()
    content = approval_bytes(
        "shop", head.email, datetime(2026, 9, 1, tzinfo=UTC), signed, emergency=False
    )
    (folder / "web.json").write_bytes(content)
    sign(folder / "web.json", head, APPROVAL)
    assert "verified by signature" in register(says, site.folder)
    site.write(document(row(ports="8443")))
    site.commit("CHG-2: another port")
    site.write(document(row()))
    site.commit("CHG-3: back, and nobody asked again")
    said = register(says, site.folder)
    assert "it is dated 2026-09-01T00:00:00Z, and what its content replaced was written" in said
    assert "verified by signature" not in said
