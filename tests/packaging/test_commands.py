"""The commands around the project: what make offers, and what the gates do when something fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def test_make_alone_lists_every_command() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    offered = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert offered is not None
    done = subprocess.run(["make"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make (\w+) +\S", done.stdout, re.MULTILINE)
    assert listed == offered[1].split()


@pytest.mark.parametrize(
    ("test_recipe", "status", "last_line"),
    [
        ("echo 2 passed in 0.01s", 0, "2 passed in 0.01s"),
        ("echo 1 failed, 2 passed in 0.02s; exit 1", 2, "1 failed, 2 passed in 0.02s"),
        ("echo no tests ran in 0.03s; exit 5", 2, "no tests ran in 0.03s"),
    ],
)
def test_the_gate_keeps_the_exit_status_and_ends_with_the_closing_line(
    tmp_path: Path, test_recipe: str, status: int, last_line: str
) -> None:
    done = run_gate(tmp_path, f"check:\n\t@echo checked\ntest:\n\t@{test_recipe}\n")
    assert done.returncode == status
    assert done.stdout.splitlines()[0] == "checked"
    assert done.stdout.splitlines()[-1] == last_line


def test_the_gate_runs_no_tests_after_a_failed_check(tmp_path: Path) -> None:
    done = run_gate(tmp_path, "check:\n\t@exit 1\ntest:\n\t@echo 2 passed in 0.01s\n")
    assert done.returncode != 0
    assert "passed" not in done.stdout


def test_without_root_missing_packages_are_named_in_one_line(tmp_path: Path) -> None:
    # An empty dpkg database: nothing is installed on this machine, as far as it knows.
    (tmp_path / "status").touch()
    done = subprocess.run(
        [*as_nobody(), "bash", "-s", "runtime", "test"],
        input=(CHECKOUT / ".ci/packages").read_text(),
        env={**os.environ, "DPKG_ADMINDIR": str(tmp_path)},
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "apt-get install" in line
    assert {"libpango-1.0-0", "nginx-light", "nftables"} <= set(line.split())


def test_with_everything_there_no_package_manager_is_asked() -> None:
    # The suite runs after `make test` has installed both sets, so this must be silent and quick,
    # also for somebody who could install nothing.
    done = subprocess.run(
        [*as_nobody(), "bash", "-s", "runtime", "test"],
        input=(CHECKOUT / ".ci/packages").read_text(),
        env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def run_gate(folder: Path, makefile: str) -> subprocess.CompletedProcess[str]:
    """Run `.ci/run` over a project whose two commands do what the test says."""
    (folder / ".ci").mkdir()
    shutil.copy(CHECKOUT / ".ci/run", folder / ".ci/run")
    (folder / "Makefile").write_text(makefile)
    # Without the variables by which an outer make tells an inner one that it is nested.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MA")}
    return subprocess.run(
        [str(folder / ".ci/run")], env=environment, capture_output=True, text=True, check=False
    )


def as_nobody() -> list[str]:
    """A command prefix that gives up root, where there is root to give up."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
