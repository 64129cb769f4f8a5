"""Other people's programs: ended in time, with all they started, and kept from what is not theirs."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic, sleep

import pytest

from portproof.documents.bounded import Limits, run_bounded
from portproof.errors import ApprovalError


def test_what_it_is_given_and_what_it_says_go_through_whole() -> None:
    given = bytes(range(256)) * 10_000
    done = run_bounded(["cat"], given=given)
    assert (done.code, done.out, done.err) == (0, given, "")


def test_a_program_that_is_not_there_is_one_line() -> None:
    with pytest.raises(
        ApprovalError, match=r"^no-such-program is not installed, or not on the PATH$"
    ):
        run_bounded(["no-such-program"])


def test_a_hanging_program_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    command = ["sh", "-c", f"sleep 600 & echo $! > {noted}; wait"]
    with pytest.raises(ApprovalError, match=r"^sh took longer than 2 s$"):
        run_bounded(command, limits=Limits(time_s=2.0))
    assert ended(int(noted.read_text()))


def ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie of somebody who does not ask; waits for it for long."""
    last = monotonic() + 30
    while monotonic() < last:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        sleep(0.02)
    return False


@pytest.mark.parametrize("where", ["1", "2"])
def test_a_program_that_says_too_much_is_ended_while_it_goes_on(where: str) -> None:
    with pytest.raises(ApprovalError, match=r"^sh said more than 1 MiB$"):
        run_bounded(["sh", "-c", f"yes >&{where}"], limits=Limits(output=2**20))


def test_it_gets_no_variables_of_the_caller_s_but_path_and_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GIT_DIR", "GIT_CONFIG_COUNT", "LD_PRELOAD", "GNUPGHOME", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "/nonexistent")
    told = run_bounded(["env"], environment={"GIT_PAGER": "cat"}).out.decode().split()
    names = {each.partition("=")[0] for each in told}
    assert names <= {"PATH", "HOME", "LC_ALL", "TZ", "GIT_PAGER", "PWD", "SHLVL", "_"}


def test_a_program_of_the_folder_one_stands_in_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "git"
    trap.write_text("#!/bin/sh\necho trapped\n")
    trap.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join((".", "", os.environ["PATH"])))
    assert b"git version" in run_bounded(["git", "--version"]).out


def test_it_has_no_terminal_to_ask_on() -> None:
    done = run_bounded(["sh", "-c", "exec </dev/tty"])
    assert done.code != 0
