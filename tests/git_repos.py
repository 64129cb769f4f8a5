"""Real git repositories and real SSH keys, made for one test and independent of this machine's own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from portproof.model.approval import Approver, Approvers

_START = 1_790_000_000
"""Seconds since 1970 (September 2026) of the first commit; each later one is a minute younger."""


class SignsForGit(Protocol):
    """A key that is no OpenSSH one (`gnupg_keys`): what git needs to sign with it."""

    @property
    def settings(self) -> list[str]: ...


Key: TypeAlias = Path | SignsForGit


@dataclass(frozen=True)
class Person:
    """Somebody with an address and a key."""

    email: str
    key: Path

    @property
    def public(self) -> str:
        return " ".join(self.key.with_suffix(".pub").read_text().split()[:2])

    def approver(self, **changes: object) -> Approver:
        return Approver(**({"id": self.email, "keys": (self.public,)} | changes))  # type: ignore[arg-type]


def person(folder: Path, name: str) -> Person:
    """Make somebody with a new key."""
    key = folder / "keys" / name
    key.parent.mkdir(exist_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], folder)
    return Person(f"{name}@example.com", key)


def trusted(*approvers: Approver, **changes: object) -> Approvers:
    """Give a list of approvers whose signature was verified."""
    held = {"approvers": approvers, "file": "approvers.yaml"} | changes
    return Approvers(**held)  # type: ignore[arg-type]


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a program without this machine's git configuration; gives what it says."""
    held = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    held |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", **environment}
    done = subprocess.run(
        command, cwd=folder, env=held, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@dataclass
class Repo:
    """A repository in `folder`, on the branch main."""

    folder: Path
    clock: list[int] = field(default_factory=lambda: [_START])

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", ".")

    def write(self, text: str, name: str = "baseline.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self, message: str, by: str = "author@example.com", key: Key | None = None) -> str:
        """Commit all there is, signed when a key is given; gives the commit's id."""
        self.git("add", "-A")
        self._as(by, key, "commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def merge(self, branch: str, by: str, key: Key | None = None) -> str:
        """Merge a branch into this one with a commit of its own."""
        self._as(by, key, "merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, **environment: str) -> str:
        return run(["git", *arguments], self.folder, **environment)

    def _as(self, by: str, key: Key | None, verb: str, *arguments: str) -> None:
        self.clock[0] += 60
        when = f"{self.clock[0]} +0000"
        name = by.partition("@")[0]
        settings = ["-c", f"user.name={name}", "-c", f"user.email={by}"]
        if isinstance(key, Path):
            settings += ["-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"]
        elif key is not None:
            settings += key.settings
        signing = [] if key is None else ["-S"]
        self.git(
            *settings, verb, *signing, *arguments, GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when
        )


def document(*entries: str, head: str = "") -> str:
    """Give a baseline of the scope `shop` with the entries given as flow mappings or blocks."""
    listed = "".join(f"\n  - {each}" for each in entries) or " []"
    return f"scope: shop\n{head}entries:{listed}\n"


def row(name: str = "web", **changes: str) -> str:
    """Give one entry on one line, asked for by asker@example.com."""
    approval = {
        "requester": "asker@example.com",
        "approver": "head@example.com",
        "approved_on": "2026-09-01",
        "review_by": "2027-09-01",
        "ticket": "CHG-1",
    }
    keys = {
        "id": name,
        "hosts": "192.0.2.1",
        "ports": "443",
        "zones": "office",
        "owner": "web-team",
        "justification": "Orders come in here.",
    }
    for key, value in changes.items():
        (approval if key in approval or key == "emergency" else keys)[key] = value
    told = ", ".join(f"{key}: {value}" for key, value in approval.items() if value)
    held = ", ".join(f"{key}: {value}" for key, value in keys.items() if value)
    return f"{{{held}, approval: {{{told}}}}}"
