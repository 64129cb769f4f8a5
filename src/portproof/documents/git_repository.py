"""A git repository, read through git's own executable and in no way changed.

Whoever can write to a repository can put programs into its configuration: file-system monitors,
hooks, filters, text converters, signature programs, transports. So only plumbing is called that
reads objects, never the work tree; everything that runs a program is switched off on the command
line, which wins over the repository's configuration; and neither the user's nor the machine's
configuration is read. Replaced objects and grafts are ignored, and so is the commit-graph file: the
history is what the commits say of their parents. With all of that off, a repository that belongs to
another user (a container's checkout) is as harmless as one's own, and is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from portproof.documents.bounded import Ended, run_bounded
from portproof.errors import ApprovalError
from portproof.model.approval import Commit

_ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PAGER": "cat",
}
_NOWHERE: Final = "/nonexistent/portproof"
_SETTINGS: Final = (
    "safe.directory=*",
    "core.commitGraph=false",
    "core.fsmonitor=false",
    f"core.hooksPath={_NOWHERE}",
    f"core.attributesFile={_NOWHERE}",
    "protocol.allow=never",  # a partial clone would fetch what it lacks
    "log.showSignature=false",
    "gpg.format=ssh",
    f"gpg.program={_NOWHERE}",
    f"gpg.openpgp.program={_NOWHERE}",
    f"gpg.x509.program={_NOWHERE}",
    "gpg.ssh.program=ssh-keygen",
    "gpg.ssh.revocationFile=",
)
_FORMAT: Final = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cI%x00%B%x00"
_FIELDS: Final = 7
LARGEST_MESSAGE: Final = 4096
"""Characters of a commit message that are kept."""
MOST_COMMITS: Final = 50_000
"""That changed a baseline; a history with more is looked at up to here."""
_GOOD: Final = re.compile(
    r'^Good "git" signature for (\S+) with \S+ key (SHA256:\S+)$', re.MULTILINE
)
_BLAMED: Final = re.compile(r"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What git says of a commit's signature."""

    principal: str = ""
    key: str = ""
    """SHA256 fingerprint; empty when the signature is not verified."""
    refused: str = ""
    """Why not; empty when it is."""


class Repository:
    """The repository that a folder lies in."""

    def __init__(self, folder: Path) -> None:
        """Find it.

        Raises:
            ApprovalError: git is not installed, or the folder lies in no work tree.
        """
        self._folder = folder
        found = self._run("rev-parse", "--show-toplevel", "--is-shallow-repository")
        if found.code:
            raise ApprovalError(f"{folder} is in no git work tree")
        top, shallow = found.out.decode(errors="surrogateescape").splitlines()[:2]
        self.top = self._folder = Path(top)
        self.shallow = shallow == "true"
        self._signatures: dict[tuple[str, str], Signature] = {}

    def head(self) -> str:
        """Give the commit that is checked out.

        Raises:
            ApprovalError: there is none yet.
        """
        return self.resolve("HEAD")

    def resolve(self, name: str) -> str:
        """Give the full id of a commit.

        Raises:
            ApprovalError: the repository has no such commit.
        """
        found = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        if found.code:
            what = "no commit yet" if name == "HEAD" else f"no commit {name[:12]}"
            raise ApprovalError(f"the repository {self.top} has {what}")
        return found.out.decode().strip()

    def is_ancestor(self, earlier: str, later: str) -> bool:
        """Whether one commit lies in the history of another (a commit lies in its own)."""
        return self._run("merge-base", "--is-ancestor", earlier, later).code == 0

    def inside(self, path: Path) -> str:
        """Give a file's path in the work tree, with slashes.

        Raises:
            ApprovalError: it lies outside.
        """
        try:
            return path.resolve().relative_to(self.top.resolve()).as_posix()
        except ValueError:
            raise ApprovalError(f"{path} lies outside the work tree {self.top}") from None

    def line(self, tip: str, paths: Sequence[str], *, without: str = "") -> tuple[Commit, ...]:
        """Give the commits that changed the paths on the line of first parents, newest first.

        `without` leaves out what is in that commit's history.

        Raises:
            ApprovalError: git fails.
        """
        excluded = [f"^{without}"] if without else []
        done = self._checked(
            "log", f"--format={_FORMAT}", "-z", "--first-parent", "--no-show-signature",
            f"--max-count={MOST_COMMITS}", tip, *excluded, "--", *paths,
        )  # fmt: skip
        return tuple(_commits(done))

    def commit(self, name: str) -> Commit:
        """Give one commit.

        Raises:
            ApprovalError: there is none.
        """
        done = self._checked(
            "log", f"--format={_FORMAT}", "-z", "--no-walk", "--no-show-signature", name, "--"
        )
        return next(_commits(done))

    def blob(self, commit: str, path: str) -> tuple[str, int] | None:
        """Give the id and the size of a regular file in a commit; None when it is not there."""
        found = self._run("ls-tree", "-l", "-z", "--full-tree", commit, "--", path)
        for line in found.out.decode(errors="surrogateescape").split("\0"):
            meta, _, name = line.partition("\t")
            if name == path:
                mode, kind, blob, size = meta.split()
                return (blob, int(size)) if kind == "blob" and mode.startswith("100") else None
        return None

    def content(self, blob: str) -> bytes:
        """Give the bytes of a file by the id of its blob.

        Raises:
            ApprovalError: it is missing, as in a partial clone.
        """
        return self._checked("cat-file", "blob", blob)

    def renamed_from(self, commit: str, path: str) -> str | None:
        """Give the name that a file had before this commit gave it its own; None when it is new."""
        done = self._checked(
            "diff-tree", "-r", "-z", "-M", "--no-ext-diff", "--no-textconv", "--name-status",
            "--diff-filter=R", f"{commit}^1", commit,
        )  # fmt: skip
        told = done.decode(errors="surrogateescape").split("\0")
        pairs = zip(told[1::3], told[2::3], strict=False)
        return next((before for before, after in pairs if after == path), None)

    def blame(self, commit: str, path: str) -> dict[int, Commit]:
        """Give, for each line of a file in a commit, 1-based, the commit that last changed it.

        Of that commit the message is its first line only, and its parents are not told.

        Raises:
            ApprovalError: git fails.
        """
        done = self._checked(
            "blame", "--porcelain", "--no-textconv", "--root", commit, "--", path
        ).decode(errors="replace")
        return dict(_blamed(done))

    def signature(self, commit: str, signers: str) -> Signature:
        """Have git verify the signature of a commit against an allowed-signers text."""
        known = self._signatures.get((commit, signers))
        if known is None:
            known = self._signatures[commit, signers] = self._verified(commit, signers)
        return known

    def _verified(self, commit: str, signers: str) -> Signature:
        headers = self._checked("cat-file", "commit", commit).partition(b"\n\n")[0]
        kind = re.search(rb"^gpgsig(?:-sha256)? -----BEGIN ([A-Z ]+)-----$", headers, re.MULTILINE)
        if kind is None:
            return Signature(refused="it is not signed")
        if kind[1] != b"SSH SIGNATURE":
            what = kind[1].decode().lower()
            return Signature(refused=f"its signature ({what}) is of no kind that is verified: SSH")
        with TemporaryDirectory(prefix="portproof-") as folder:
            allowed = Path(folder) / "allowed_signers"
            allowed.write_text(signers, encoding="utf-8")
            setting = f"gpg.ssh.allowedSignersFile={allowed}"
            done = self._run("-c", setting, "verify-commit", "--raw", commit)
        good = _GOOD.findall(done.err)
        if done.code or len(good) != 1:
            return Signature(refused="its signature is not by a key of the approvers list")
        return Signature(principal=good[0][0], key=good[0][1])

    def _checked(self, *arguments: str) -> bytes:
        done = self._run(*arguments)
        if done.code:
            said = done.err.strip().splitlines()
            raise ApprovalError(f"git {arguments[0]}: {said[-1] if said else f'code {done.code}'}")
        return done.out

    def _run(self, *arguments: str) -> Ended:
        settings = [part for each in _SETTINGS for part in ("-c", each)]
        command = ["git", "--no-pager", "-C", str(self._folder), *settings, *arguments]
        return run_bounded(command, environment=_ENVIRONMENT)


def _blamed(told: str) -> Iterator[tuple[int, Commit]]:
    """Read git's porcelain: what is said of a commit stands where it is named first."""
    said: dict[str, dict[str, str]] = {}
    name, line = "", 0
    for text in told.split("\n"):
        if text.startswith("\t"):  # the content of the line ends what is said of it
            yield line, _blamed_commit(name, said[name])
        elif found := _BLAMED.fullmatch(text):
            name, line = found[1], int(found[2])
            said.setdefault(name, {})
        elif name:
            key, _, value = text.partition(" ")
            said[name].setdefault(key, value)


def _blamed_commit(name: str, said: dict[str, str]) -> Commit:
    return Commit(
        id=name,
        author=said.get("author", ""),
        email=said.get("author-mail", "").strip("<>"),
        at=datetime.fromtimestamp(int(said["author-time"]), UTC),
        committed=datetime.fromtimestamp(int(said["committer-time"]), UTC),
        message=said.get("summary", ""),
    )


def _commits(told: bytes) -> Iterator[Commit]:
    parts = told.decode(errors="replace").split("\0")
    # `-z` ends each commit with one more NUL, which begins the next one's first field.
    step = _FIELDS + 1
    for at in range(0, len(parts) - _FIELDS, step):
        name, parents, author, email, authored, committed, message = parts[at : at + _FIELDS]
        yield Commit(
            id=name.strip(),
            author=author,
            email=email,
            at=datetime.fromisoformat(authored).astimezone(UTC),
            committed=datetime.fromisoformat(committed).astimezone(UTC),
            message=message[:LARGEST_MESSAGE].strip(),
            parents=tuple(parents.split()),
        )
