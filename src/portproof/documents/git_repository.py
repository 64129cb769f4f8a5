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
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from portproof.documents.bounded import Ended, run_bounded
from portproof.errors import ApprovalError
from portproof.model.approval import Commit

_ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_NO_LAZY_FETCH": "1",
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
    f"core.sshCommand={_NOWHERE}",
    "protocol.allow=never",  # a partial clone would fetch what it lacks
    "log.showSignature=false",
    "log.follow=false",  # would leave out commits
    "i18n.logOutputEncoding=UTF-8",
    "gpg.format=ssh",
    "gpg.minTrustLevel=undefined",
    f"gpg.program={_NOWHERE}",  # `git_signatures` names one program, where it wants one
    f"gpg.openpgp.program={_NOWHERE}",
    f"gpg.x509.program={_NOWHERE}",
    f"gpg.ssh.program={_NOWHERE}",
    "gpg.ssh.revocationFile=",
)
_FORMAT: Final = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cI%x00%B%x00"
_FIELDS: Final = 7
LARGEST_MESSAGE: Final = 4096
"""Characters of a commit message that are kept."""
MOST_COMMITS: Final = 50_000
"""That changed a baseline; a history with more is looked at up to here."""
_BLAMED: Final = re.compile(r"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?")


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
            said = found.err.strip().rpartition("\n")[2]
            why = "" if "not a git repository" in said else f" ({said})"
            raise ApprovalError(f"{folder} is in no git work tree{why}")
        top, shallow = found.out.decode(errors="surrogateescape").splitlines()[:2]
        self.top = self._folder = Path(top)
        self.shallow = shallow == "true"

    def require_whole(self) -> None:
        """Refuse a clone that lacks the older part of its history.

        Raises:
            ApprovalError: it does.
        """
        if self.shallow:
            raise ApprovalError(
                f"{self.top} is a shallow clone: older versions are missing; "
                "git fetch --unshallow brings them"
            )

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
        """Give the id and the size of a regular file in a commit; None when it is not there.

        Raises:
            ApprovalError: the commit cannot be read, or the file is missing, as in a partial clone.
        """
        found = self._checked("ls-tree", "-l", "-z", "--full-tree", commit, "--", path)
        for line in found.decode(errors="surrogateescape").split("\0"):
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

        Raises:
            ApprovalError: git fails.
        """
        # The empty file name takes back those of `blame.ignoreRevsFile`, which would blame others.
        done = self._checked(
            "blame", "--porcelain", "--no-textconv", "--root", "--ignore-revs-file=", commit,
            "--", path,
        )  # fmt: skip
        blamed = dict(_blamed(done.decode(errors="replace")))
        # Asked for by themselves: blame gives the names that a .mailmap says, not the commits'.
        told = self._checked(
            "log", f"--format={_FORMAT}", "-z", "--no-walk=unsorted", "--stdin",
            given="\n".join({*blamed.values()}).encode(),
        )  # fmt: skip
        commits = {each.id: each for each in _commits(told)}
        return {line: commits[name] for line, name in blamed.items()}

    def headers(self, commit: str) -> bytes:
        """Give what stands above the message of a commit, signature included.

        Raises:
            ApprovalError: there is no such commit.
        """
        return self._checked("cat-file", "commit", commit).partition(b"\n\n")[0]

    def verify(self, commit: str, *settings: str, home: Path | None = None) -> Ended:
        """Have git verify the signature of a commit; gives what it said, for `git_signatures` to read.

        `settings` name the program and its keys; `home` is the folder that GnuPG takes them from.

        Raises:
            ApprovalError: git or the program takes too long.
        """
        given = [part for each in settings for part in ("-c", each)]
        more = {} if home is None else {"GNUPGHOME": str(home)}
        return self._run(*given, "verify-commit", "--raw", commit, environment=more)

    def _checked(self, *arguments: str, given: bytes = b"") -> bytes:
        done = self._run(*arguments, given=given)
        if done.code:
            said = done.err.strip().splitlines()
            raise ApprovalError(f"git {arguments[0]}: {said[-1] if said else f'code {done.code}'}")
        return done.out

    def _run(
        self,
        *arguments: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        settings = [part for each in _SETTINGS for part in ("-c", each)]
        command = ["git", "--no-pager", "-C", str(self._folder), *settings, *arguments]
        return run_bounded(command, given=given, environment=_ENVIRONMENT | dict(environment or {}))


def _blamed(told: str) -> Iterator[tuple[int, str]]:
    """Read git's porcelain: the line of a commit's name, and at last the content, after a tab."""
    name, line = "", 0
    for text in told.split("\n"):
        if text.startswith("\t"):
            yield line, name
        elif found := _BLAMED.fullmatch(text):
            name, line = found[1], int(found[2])


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
