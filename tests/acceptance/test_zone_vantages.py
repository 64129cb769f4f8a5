"""A vantage in each zone: their packs come home, each sees what its zone may, and drift is told apart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from netns import Namespace
from portproof.packs.keys import new_key
from zone_story import CANARY_PORT, Story, baseline, entry
from zoned import TARGET, ZonedLab

pytestmark = pytest.mark.privileged
WEB, ADMIN, NEW = 80, 8080, 8081
QUICK = ("--timeout", "100", "--max-retries", "0")
BOUNDARY = (
    f"tcp dport {{ {CANARY_PORT}, {WEB}, {NEW} }} accept",
    f"ip saddr 10.99.1.0/24 tcp dport {ADMIN} accept",
    f"ip daddr {TARGET} drop",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[ZonedLab]:
    with ZonedLab() as lab:
        yield lab


@dataclass(frozen=True)
class Away:
    """A machine in another zone: the same documents, a key of its own, and no database."""

    name: str
    zone: Namespace
    folder: Path
    home: Story

    def pack(self, name: str, *options: str) -> str:
        """Scan into a pack, carry it home, take it in; gives the run's id."""
        ask = ("scan", "--vantage", self.name, "--out", name, "--key", "key", *QUICK, *options)
        self.home.portproof(self.zone, *ask, cwd=self.folder, code=0)
        assert not list(self.folder.glob("*.sqlite*"))
        shutil.copy(self.folder / name, self.home.folder / name)
        taken = self.home.here("import", name).out.split()
        assert taken[0] == f"{name}:"
        return taken[taken.index("run") + 1]


def away(home: Story, name: str, zone: Namespace) -> Away:
    folder = home.folder.with_name(name)
    shutil.copytree(home.folder, folder)
    line = new_key(folder / "key").public.line()
    known = (home.folder / "vantages.yaml").read_text()
    with_key = known.replace(f"{{id: {name}, ", f'{{id: {name}, key: "{line}", ')
    home.put("vantages.yaml", with_key)
    return Away(name, zone, folder, home)


def test_each_zone_sees_its_own_and_only_like_runs_are_compared(
    lab: ZonedLab, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    home = Story(tmp_path / "home", lab)
    home.documents(vantage="desk", ports=f"{WEB},{ADMIN}-{ADMIN + 3}")
    home.put("baseline.yaml", baseline(entry("web", str(WEB), zones="internet, office, cde")))
    outside, insider = away(home, "outside", lab.internet), away(home, "insider", lab.insider)
    lab.boundary(*BOUNDARY)
    with home.peer(WEB, ADMIN):
        first = outside.pack("first.pack")
        inside = insider.pack("inside.pack")
        desk = home.scan(lab.office, *QUICK)
    # The office reaches the administration as well; inside, it is nobody's boundary.
    assert seen(home, first, code=0) == {}
    assert seen(home, desk.id, code=1) == {f"{TARGET}:{ADMIN}/tcp from office": "high"}
    assert seen(home, inside, code=1) == {f"{TARGET}:{ADMIN}/tcp from cde": "low"}
    assert sorted(each["zone"] for each in home.findings()) == ["cde", "office"]

    with home.peer(WEB, ADMIN, NEW):
        second = outside.pack("second.pack")
    told = home.here("diff", first, second, "--strict", code=1).out.splitlines()
    changed = [each.split() for each in told if TARGET in each]
    assert changed == [
        [f"-{TARGET}:{NEW}/tcp", "closed", "reset"],
        [f"+{TARGET}:{NEW}/tcp", "open", "syn-ack"],
    ]
    refused = home.here("diff", first, inside, code=2).out
    assert " the later run is from insider in zone cde\n" in refused
    assert "the vantages differ: outside in internet, then insider in cde" in refused
    assert TARGET not in refused
    again = home.here("import", "first.pack").out
    assert again == f"first.pack: run {first} is already here\n"


def seen(home: Story, run: str, *, code: int) -> dict[str, str]:
    """Judge a run at home; gives what deviates, and from where, with its severity."""
    found = home.judged("--run", run, code=code)["findings"]
    return {f"{each['endpoint']} from {each['zone']}": each["severity"] for each in found}
