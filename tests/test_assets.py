from __future__ import annotations

from pathlib import Path

import pytest

from portproof.assets import _shipped, policies_dir
from portproof.errors import SettingsError


def test_policies_are_found_in_this_checkout() -> None:
    assert (policies_dir() / "facts.yaml").is_file()


def test_a_wheel_has_them_inside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "portproof"
    (package / "policies").mkdir(parents=True)
    assert _shipped("policies", package) == package / "policies"


def test_a_checkout_has_them_beside_src(tmp_path: Path) -> None:
    package = tmp_path / "src" / "portproof"
    package.mkdir(parents=True)
    (tmp_path / "reports").mkdir()
    assert _shipped("reports", package) == tmp_path / "reports"


def test_a_folder_of_someone_else_beside_a_wheel_is_not_taken(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "site-packages" / "portproof"
    package.mkdir(parents=True)
    (tmp_path / "lib" / "policies").mkdir()
    with pytest.raises(SettingsError, match=r"policies.*install portproof again"):
        _shipped("policies", package)
