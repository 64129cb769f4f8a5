"""Who acts, and that nobody is taken at their word."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from portproof.bootstrap.identity import who_acts
from portproof.errors import SettingsError
from portproof.model.finding import IdentitySource
from portproof.settings import JOB_USERS


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No CI job, and a git that knows only what the test says."""
    for name in JOB_USERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)


def test_whoever_runs_it_acts_under_the_name_that_the_system_knows() -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    assert str(who_acts()) == f"{user} (os-user, self-declared)"


def test_in_a_ci_job_it_is_the_user_that_the_job_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_USER_LOGIN", "net-team")
    assert str(who_acts()) == "net-team (ci, self-declared)"
    assert who_acts(IdentitySource.OS_USER).source is IdentitySource.OS_USER


def test_git_names_its_configured_user(tmp_path: Path) -> None:
    (tmp_path / "gitconfig").write_text("[user]\n\temail = owner@example.com\n")
    assert str(who_acts(IdentitySource.GIT)) == "owner@example.com (git, self-declared)"


def test_a_source_that_names_nobody_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"git knows no user\.email here"):
        who_acts(IdentitySource.GIT)
    with pytest.raises(SettingsError, match="no CI job names its user"):
        who_acts(IdentitySource.CI)
