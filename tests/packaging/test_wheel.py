"""What is built and shipped: all of the product, nothing of a customer, and it starts by itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# What lies about in a checkout that is being worked in, and what git ignores.
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist", "build", "demo-out",
    "bench-out", "out", "*.key", "*.sqlite*",
)  # fmt: skip
# Named by patterns in .gitignore, in the two folders whose files are shipped.
PLANTED = ("reports/out/customer.html", "policies/secret.key", "policies/findings.sqlite")
HEAVY = {"scapy", "sqlalchemy", "sqlmodel", "numpy", "weasyprint"}


@dataclass(frozen=True, slots=True)
class Built:
    """A checkout, and what was built from it."""

    checkout: Path
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The source distribution and the wheel made from it, of a checkout with planted secrets."""
    checkout = tmp_path_factory.mktemp("build") / "checkout"
    shutil.copytree(CHECKOUT, checkout, ignore=NOT_COPIED)
    for name in PLANTED:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("a customer's, not ours to ship")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"], cwd=checkout)
    run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", "direct"], checkout
    )
    (wheel,) = (checkout / "direct").glob("*.whl")
    (sdist,) = (checkout / "dist").glob("*.tar.gz")
    return Built(checkout, wheel, sdist)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `portproof` command of an environment that was empty before the wheel came."""
    home = tmp_path_factory.mktemp("empty")
    venv.create(home)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    run([*pip, "install", "--no-index", "--no-deps", str(built.wheel)], cwd=home)
    # The dependencies, and only those, are lent by the environment that runs the tests: to install
    # 30 packages again would take a minute and a network. A .pth file of the lender is not obeyed
    # when it is reached this way, so its own portproof stays out of sight.
    (site_packages,) = home.glob("lib/python*/site-packages")
    (site_packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "portproof"


def test_the_wheel_ships_nothing_that_git_ignores(built: Built) -> None:
    shipped = "\n".join(zipfile.ZipFile(built.wheel).namelist())
    assert not [name for name in PLANTED if Path(name).name in shipped]
    assert "a customer's" not in everything_in(built.wheel)


def test_the_source_distribution_ships_nothing_that_git_ignores(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        shipped = "\n".join(archive.getnames())
    assert not [name for name in PLANTED if Path(name).name in shipped]


def test_the_wheel_ships_every_policy_and_every_template(built: Built) -> None:
    shipped = set(zipfile.ZipFile(built.wheel).namelist())
    ours = {
        f"portproof/{file.relative_to(built.checkout)}"
        for folder in ("policies", "reports")
        for file in (built.checkout / folder).rglob("*")
        if file.is_file() and str(file.relative_to(built.checkout)) not in PLANTED
    }
    assert ours
    assert ours <= shipped


def test_the_wheel_carries_the_code_its_licence_and_nothing_else(built: Built) -> None:
    shipped = zipfile.ZipFile(built.wheel).namelist()
    assert {name.split("/")[0] for name in shipped} == {"portproof", "portproof-0.1.0.dist-info"}
    assert "portproof-0.1.0.dist-info/licenses/LICENSE" in shipped
    assert "portproof/py.typed" in shipped


def test_the_wheel_is_the_same_whether_built_from_a_checkout_or_a_source_distribution(
    built: Built,
) -> None:
    (through_sdist,) = (built.checkout / "dist").glob("*.whl")
    assert through_sdist.read_bytes() == built.wheel.read_bytes()


def test_the_command_of_the_wheel_runs_outside_of_any_checkout(
    installed: Path, tmp_path: Path
) -> None:
    assert "0.1.0" in run([str(installed), "--version"], cwd=tmp_path)
    assert "Usage: portproof" in run([str(installed), "--help"], cwd=tmp_path)


def test_the_command_of_the_wheel_runs_the_wheels_code(installed: Path, tmp_path: Path) -> None:
    python = str(installed.with_name("python"))
    where = run([python, "-c", "import portproof; print(portproof.__file__)"], cwd=tmp_path)
    assert Path(where).is_relative_to(installed.parents[1])


def test_the_command_of_the_wheel_audits_and_reports_with_the_policies_it_ships(
    installed: Path, tmp_path: Path
) -> None:
    command = str(installed)
    run([command, "init", "-t", "127.0.0.5"], cwd=tmp_path)
    run([command, "audit", "-p", "1", "--report", "html", "--report", "json"], cwd=tmp_path)
    out = tmp_path / "portproof-out"
    assert {each.name for each in out.iterdir()} == {"evidence.json", "report.html"}
    evidence = json.loads((out / "evidence.json").read_text())
    assert evidence["run"]["status"] == "complete"
    # The frameworks are read from the policies, the page is drawn from the templates.
    assert {each["id"] for each in evidence["frameworks"]} == {"pci-dss", "soc2-tsc"}
    assert evidence["summary"]["sentence"] in (out / "report.html").read_text()


def test_help_imports_nothing_heavy(installed: Path, tmp_path: Path) -> None:
    python = str(installed.with_name("python"))
    traced = subprocess.run(
        [python, "-X", "importtime", str(installed), "--help"],
        cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = set(re.findall(r"\| +([A-Za-z_]\w*)", traced.stderr))
    assert "portproof" in imported
    assert not imported & HEAVY


def run(command: list[str], cwd: Path) -> str:
    """Run a command to its end; its output, or an error that shows it."""
    done = subprocess.run(
        command, cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Our environment without what would lead Python back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def everything_in(wheel: Path) -> str:
    """All files of a wheel as one text."""
    archive = zipfile.ZipFile(wheel)
    return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
