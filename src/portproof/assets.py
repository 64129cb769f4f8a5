"""Finds the shipped data: `policies/` and `reports/`, in a wheel or in a checkout.

In a wheel they lie inside the package (`portproof/policies`); in a checkout, and in an editable
install of it, at the root, beside `src/`.
"""

from __future__ import annotations

from pathlib import Path

from portproof.errors import SettingsError

_PACKAGE = Path(__file__).resolve().parent


def policies_dir() -> Path:
    """Give the folder of rules, facts, frameworks, examples and schemas.

    Raises:
        SettingsError: this installation has none.
    """
    return _shipped("policies")


def reports_dir() -> Path:
    """Give the folder of report templates.

    Raises:
        SettingsError: this installation has none.
    """
    return _shipped("reports")


def _shipped(name: str, package: Path = _PACKAGE) -> Path:
    places = [package / name]
    # Only a source tree has `src` here: beside a wheel, this would be a folder of someone else.
    if package.parent.name == "src":
        places.append(package.parent.parent / name)
    for place in places:
        if place.is_dir():
            return place
    looked = " or ".join(str(place) for place in places)
    raise SettingsError(
        f"the folder '{name}' of this installation is missing (looked for {looked}); "
        "install portproof again"
    )
