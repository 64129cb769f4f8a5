"""What portproof depends on: the licence table, the licence texts and the SBOM.

    python .ci/dependencies.py table FILE    Markdown, for docs/ and for readers
    python .ci/dependencies.py check FILE    exit 1 when that table does not fit the lock file
    python .ci/dependencies.py texts FILE    the licence texts themselves
    python .ci/dependencies.py sbom FILE     CycloneDX JSON, reproducible

Which packages count follows from pyproject.toml and what those packages ask for themselves, never
from what happens to be installed; their versions come from requirements.lock.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# A pin counts when one of these machines would install it: colorama (Windows) never does, and
# NumPy is pinned twice, for Python 3.11 and for what comes after it.
MACHINES = [
    {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    for python in ("3.11", "3.12", "3.13")
]

PREAMBLE = """\
# Third-party licences

Generated from `requirements.lock` by `.ci/dependencies.py table`, checked by the test suite.
portproof itself is MIT. Its wheel contains none of the packages below; pip installs them beside it.

## Why scapy stands apart

scapy is GPL-2.0-only, which by the usual reading may not be combined in one process with code
under Apache-2.0 or LGPL-3.0, which is what some of the packages below are under. So it is
imported in the raw-socket process (`python -m portproof.rawhelper`) and nowhere else: an import
contract and a test keep it out of the main process, which speaks to that one over a socket.
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """One package in the one version that the lock file allows."""

    name: str
    version: str


def main(argv: list[str]) -> int:
    """Do what the command line asks; return the exit code."""
    match argv:
        case ["table", path]:
            Path(path).write_text(table())
        case ["check", path]:
            return check(Path(path))
        case ["texts", path]:
            Path(path).write_text(texts())
        case ["sbom", path]:
            write_sbom(Path(path).resolve())
        case _:
            sys.stderr.write(f"{__doc__}")
            return 2
    return 0


def table() -> str:
    """The licences of the runtime dependencies and of each optional extra that users install."""
    runtime = closure(PROJECT["dependencies"])
    parts = [PREAMBLE, "## Always installed\n", rows(runtime)]
    for extra, requirements in user_extras():
        more = closure(requirements) - runtime
        parts += [f"## With the extra `{extra}`\n", rows(more)]
    return "\n".join(parts)


def check(path: Path) -> int:
    """Compare names and versions in the committed table with the lock file's."""
    written, expected = (
        set(re.findall(r"^\| (\S+ \| \S+) \|", text, re.MULTILINE))
        for text in (path.read_text(), table())
    )
    for row in sorted(written ^ expected):
        sys.stderr.write(f"{'missing' if row in expected else 'no longer locked'}: {row}\n")
    if written != expected:
        sys.stderr.write(f"run: .venv/bin/python .ci/dependencies.py table {path}\n")
    return int(written != expected)


def texts() -> str:
    """The licence files of everything that a user of any extra gets."""
    found = licences(everything(), "--with-license-file", "--no-license-path")
    return "\n\n".join(
        f"{package['Name']} {package['Version']}: {package['License']}\n\n{package['LicenseText']}"
        for package in found
    )


def write_sbom(path: Path) -> None:
    """Write the SBOM of portproof and its runtime dependencies, without the development tools.

    The SBOM tool reads an environment. It is given one that holds the metadata of the runtime
    packages alone, which is quicker than installing them a second time and needs no network.
    """
    names = sorted({pin.name for pin in closure(PROJECT["dependencies"])})
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch)
        (site_packages,) = Path(scratch).glob("lib/python*/site-packages")
        for metadata in map(metadata_directory, names):
            shutil.copytree(metadata, site_packages / metadata.name)
        run_tool(
            "cyclonedx_py", "environment", "--pyproject", str(ROOT / "pyproject.toml"),
            "--output-reproducible", "--output-format", "JSON", "--output-file", str(path), scratch,
        )  # fmt: skip


def closure(requirements: list[str]) -> set[Pin]:
    """All pins that these requirements lead to, directly or through others.

    Who needs whom is read from the installed metadata: the lock file's "via" comments know
    neither markers nor extras, and would count what only the development tools need.
    """
    reached: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in reached:
                reached.add((name, extra))
                waiting += needs(name, extra)
    names = {name for name, _ in reached}
    return {pin for pin in locked() if pin.name in names}


def needs(name: str, extra: str) -> Iterator[Requirement]:
    """What a package asks for on some supported machine, on its own or for one of its extras."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if applies(requirement.marker, extra):
            yield requirement


def locked() -> Iterator[Pin]:
    """Read the pins of the lock file that some supported machine would install."""
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.removesuffix("\\").strip())
            if applies(requirement.marker):
                version = str(requirement.specifier).removeprefix("==")
                yield Pin(canonicalize_name(requirement.name), version)


def applies(marker: Marker | None, extra: str = "") -> bool:
    """Tell whether any supported machine satisfies a marker, for an extra of the package or none."""
    if marker is None:
        return True
    return any(marker.evaluate({**machine, "extra": extra}) for machine in MACHINES)


def user_extras() -> Iterator[tuple[str, list[str]]]:
    """The extras that a user may install; `dev` is for those who work on portproof."""
    for extra, requirements in PROJECT["optional-dependencies"].items():
        if extra != "dev":
            yield extra, requirements


def everything() -> set[Pin]:
    """The pins of the runtime and of all extras for users."""
    return closure([*PROJECT["dependencies"], *(r for _, extra in user_extras() for r in extra)])


def rows(pins: set[Pin]) -> str:
    """A Markdown table of the pins, by name."""
    licence: dict[str, str] = {
        canonicalize_name(package["Name"]): package["License"] for package in licences(pins)
    }
    lines = ["| package | version | licence |", "|---|---|---|"]
    ordered = sorted(pins, key=lambda pin: (pin.name, pin.version))
    lines += [f"| {pin.name} | {pin.version} | {licence[pin.name]} |" for pin in ordered]
    return "\n".join([*lines, ""])


def licences(pins: set[Pin], *options: str) -> list[dict[str, str]]:
    """What the installed packages of these names declare."""
    names = sorted({distribution(pin.name).name for pin in pins})
    output = run_tool("piplicenses", "--format=json", *options, "--packages", *names)
    return list(json.loads(output))


def metadata_directory(name: str) -> Path:
    """The installed `*.dist-info` of a package."""
    for file in distribution(name).files or ():
        if file.name == "METADATA" and file.parent.suffix == ".dist-info":
            return Path(str(file.locate())).parent
    raise SystemExit(f"portproof: {name} is not installed as a wheel")


def run_tool(module: str, *arguments: str) -> str:
    """Run a tool of this environment; its complaints go to our stderr."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
