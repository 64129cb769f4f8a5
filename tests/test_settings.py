"""Options win over the environment, the environment over the file, the file over defaults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from portproof.errors import SettingsError
from portproof.model.finding import Severity
from portproof.model.settings import SettingsDocument
from portproof.settings import Overrides, combine, find_config

FILE = SettingsDocument(baseline=Path("file.yaml"), vantage="file", fail_on=Severity.LOW)


def test_the_file_holds_where_nothing_else_is_said() -> None:
    assert combine(FILE, Overrides()) == FILE


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTPROOF_BASELINE", "env.yaml")
    monkeypatch.setenv("PORTPROOF_FAIL_ON", "HIGH")
    expected = replace(FILE, baseline=Path("env.yaml"), fail_on=Severity.HIGH)
    assert combine(FILE, Overrides()) == expected


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTPROOF_VANTAGE", "env")
    assert combine(FILE, Overrides(vantage="option")).vantage == "option"


def test_a_severity_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTPROOF_FAIL_ON", "terrible")
    with pytest.raises(
        SettingsError, match="PORTPROOF_FAIL_ON=terrible: expected one of info, low"
    ):
        combine(FILE, Overrides())


def test_a_configuration_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such configuration file"):
        find_config(tmp_path / "portproof.yaml")


def test_the_configuration_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PORTPROOF_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert find_config(None) is None
    (tmp_path / "portproof.yaml").write_text("scope: shop\n")
    assert find_config(None) == Path("portproof.yaml")
