"""The lock file: every package with its hash, and no word about where it comes from."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = (CHECKOUT / "requirements.lock").read_text()
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
PINS = [entry for entry in re.split(r"\n(?=\S)", LOCK) if not entry.startswith("#")]


def test_the_lock_file_holds_no_address() -> None:
    assert not re.findall(r"\w+://\S*|^.*\.(?:org|com|net|io|dev)\b.*$", LOCK, re.MULTILINE)
    # Options (an index, a trusted host, a folder of wheels) may stand in requirements files too.
    assert not re.findall(r"^-.*$", LOCK, re.MULTILINE)
    assert " @ " not in LOCK


def test_every_package_is_pinned_to_one_version_with_its_hashes() -> None:
    assert len(PINS) > 30
    for entry in PINS:
        assert re.match(r"[a-z0-9-]+==[\w.]+( ;.*)? \\\n", entry), entry.splitlines()[0]
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", entry, re.MULTILINE), entry


def test_every_dependency_in_pyproject_is_locked_to_a_version_that_it_allows() -> None:
    wanted = [
        *PROJECT["project"]["dependencies"],
        *(r for extra in PROJECT["project"]["optional-dependencies"].values() for r in extra),
        *PROJECT["build-system"]["requires"],
    ]
    locked = {}
    for entry in PINS:
        pin = Requirement(entry.splitlines()[0].removesuffix("\\").strip())
        locked[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in requirements.lock"
        assert requirement.specifier.contains(version), f"{requirement}: locked is {version}"


def test_the_licence_table_names_what_the_lock_file_pins() -> None:
    script = [sys.executable, ".ci/dependencies.py", "check", "docs/third-party-licences.md"]
    done = subprocess.run(script, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_package_missing_from_the_licence_table_is_named(tmp_path: Path) -> None:
    stale = tmp_path / "licences.md"
    table = (CHECKOUT / "docs/third-party-licences.md").read_text()
    stale.write_text(re.sub(r"^\| scapy .*\n", "", table, flags=re.MULTILINE))
    script = [sys.executable, ".ci/dependencies.py", "check", str(stale)]
    done = subprocess.run(script, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "missing: scapy" in done.stderr


def test_the_sbom_names_the_runtime_dependencies_and_none_of_our_tools(tmp_path: Path) -> None:
    sbom = tmp_path / "sbom.json"
    script = [sys.executable, ".ci/dependencies.py", "sbom", str(sbom)]
    subprocess.run(script, cwd=CHECKOUT, capture_output=True, check=True)
    text = sbom.read_text()
    assert '"bomFormat": "CycloneDX"' in text
    # These two, and where it was made, are what would differ from one build to the next.
    assert not {"serialNumber", "timestamp"} & set(re.findall(r'"(\w+)":', text))
    assert str(CHECKOUT) not in text
    names = {name.lower() for name in re.findall(r'"name": "([\w.-]+)"', text)}
    assert {"portproof", "scapy", "weasyprint", "markupsafe"} <= names
    assert not {"pytest", "mypy", "ruff", "psycopg"} & names
