"""Who acts: a name, and where it comes from. Nothing here proves a name; each says so in print."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess

from portproof.errors import SettingsError
from portproof.model.finding import Actor, IdentitySource
from portproof.settings import JOB_USERS, job_user

_GIT_TIMEOUT_S = 10


def who_acts(source: IdentitySource | None = None) -> Actor:
    """Give who acts by that source; None: the user of the CI job if this is one, else of the system.

    Raises:
        SettingsError: the source names nobody.
    """
    if source is None:
        source = IdentitySource.CI if job_user() else IdentitySource.OS_USER
    return Actor(name=_NAMED_BY[source](), source=source)


def _job_user() -> str:
    name = job_user()
    if not name:
        raise SettingsError(f"no CI job names its user: none of {', '.join(JOB_USERS)} is set")
    return name


def _system_user() -> str:
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user often has no name
        return f"uid {number}"


def _git_user() -> str:
    git = shutil.which("git")
    if git is None:
        raise SettingsError("git is not installed here; name yourself by another source (--as)")
    asked = [git, "config", "--get", "user.email"]
    done = subprocess.run(  # noqa: S603 - a fixed command, found on the path
        asked, capture_output=True, text=True, check=False, timeout=_GIT_TIMEOUT_S
    )
    if done.returncode or not done.stdout.strip():
        raise SettingsError("git knows no user.email here; set it, or use another source (--as)")
    return done.stdout.strip()


_NAMED_BY = {
    IdentitySource.OS_USER: _system_user,
    IdentitySource.GIT: _git_user,
    IdentitySource.CI: _job_user,
}
