"""Settings: the only reader of the environment, and how it, the file and the options combine.

An option wins over the environment, the environment over `portproof.yaml`, the file over the
defaults. Paths in the file are relative to the file, all others to the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from portproof.errors import SettingsError
from portproof.model.finding import Severity
from portproof.model.settings import SettingsDocument
from portproof.model.source import EnvironmentSecret, FileSecret, SecretRef

CONFIG_NAME = "portproof.yaml"
DATABASE_NAME = "portproof.sqlite"
STOP_NAME = "portproof.stop"

_PATHS = {
    "PORTPROOF_BASELINE": "baseline",
    "PORTPROOF_AUTHORISATION": "authorisation",
    "PORTPROOF_WAIVERS": "waivers",
    "PORTPROOF_VANTAGES": "vantages",
}
_TEXTS = {
    "PORTPROOF_DATABASE": "database",
    "PORTPROOF_VANTAGE": "vantage",
    "PORTPROOF_ENVIRONMENT": "environment",
    "PORTPROOF_OPERATOR": "operator",
}
VARIABLES = ("PORTPROOF_CONFIG", "PORTPROOF_FAIL_ON", *_PATHS, *_TEXTS)
"""Every environment variable that is read; `doctor` lists them."""


JOB_USERS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID")
"""Who started a job, as GitHub, GitLab and Jenkins (with its build-user plug-in) say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says; None where it says nothing."""

    database: str | None = None
    baseline: Path | None = None
    environment: str | None = None
    authorisation: Path | None = None
    waivers: Path | None = None
    vantages: Path | None = None
    vantage: str | None = None
    fail_on: Severity | None = None
    stop_file: Path | None = None


def find_config(explicit: Path | None) -> Path | None:
    """Give the configuration file: the option, then PORTPROOF_CONFIG, then ./portproof.yaml.

    None when none was named and there is none here.

    Raises:
        SettingsError: one was named and is not a file.
    """
    named = explicit or (
        Path(os.environ["PORTPROOF_CONFIG"]) if os.environ.get("PORTPROOF_CONFIG") else None
    )
    if named is None:
        here = Path(CONFIG_NAME)
        return here if here.is_file() else None
    if not named.is_file():
        raise SettingsError(
            f"{named}: there is no such configuration file; `portproof init` writes one"
        )
    return named


def combine(document: SettingsDocument, overrides: Overrides) -> SettingsDocument:
    """Lay the environment and the options over the file.

    Raises:
        SettingsError: PORTPROOF_FAIL_ON is no severity.
    """
    held = replace(document, **_environment(os.environ))
    given = {name: getattr(overrides, name) for name in Overrides.__dataclass_fields__}
    return replace(held, **{name: value for name, value in given.items() if value is not None})


def job_user() -> str:
    """Give the user that the environment of a CI job names; empty: this is none, or it names nobody."""
    return next((os.environ[name] for name in JOB_USERS if os.environ.get(name)), "")


def reveal(reference: SecretRef) -> str:
    """Give the secret that a document refers to; it is for sending, never for keeping or printing.

    Raises:
        SettingsError: the variable is not set or empty, or the file cannot be read.
    """
    match reference:
        case EnvironmentSecret(name=name):
            secret = os.environ.get(name, "")
            if not secret:
                raise SettingsError(f"the environment variable {name} is not set")
            return secret
        case FileSecret(path=path):
            return _read_secret(path)


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"the secret's file {path} cannot be read") from None
    if not secret:
        raise SettingsError(f"the secret's file {path} is empty")
    return secret


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        field: Path(environ[name]) for name, field in _PATHS.items() if environ.get(name)
    }
    found |= {field: environ[name] for name, field in _TEXTS.items() if environ.get(name)}
    if environ.get("PORTPROOF_FAIL_ON"):
        found["fail_on"] = _severity(environ["PORTPROOF_FAIL_ON"])
    return found


def _severity(text: str) -> Severity:
    try:
        return Severity(text.lower())
    except ValueError:
        raise SettingsError(
            f"PORTPROOF_FAIL_ON={text}: expected one of {', '.join(Severity)}"
        ) from None
