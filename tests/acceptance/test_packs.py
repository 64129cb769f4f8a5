"""A run from elsewhere, as its people see it: a vantage without a database, and home."""

from __future__ import annotations

import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from command import Answer, portproof
from portproof.cli.group import cli
from portproof.cli.resume import resume
from portproof.errors import PackError
from portproof.packs.keys import load_key, new_key
from site_documents import Site

ADDRESS = "127.0.0.91"
PORTS = "20100-20140"
OPEN, ANOTHER = 20_110, 20_120


@contextmanager
def listening(*ports: int, visited: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Accept on ports of the target, and greet as an FTP server does; `visited` hears of each visit."""
    servers = [socket.create_server((ADDRESS, port)) for port in ports]

    def greet(server: socket.socket) -> None:
        while True:
            try:
                visitor, _ = server.accept()
            except OSError:
                return
            visited()
            with visitor, suppress(OSError):
                visitor.sendall(b"220 ready\r\n")

    threads = [threading.Thread(target=greet, args=(each,)) for each in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()


@dataclass
class World:
    """Two machines: folders with the same documents, of which home has the vantage's public key."""

    vantage: Path
    home: Path

    def scan(self, name: str, *options: str) -> Answer:
        """Scan at the vantage into a pack, and carry it home."""
        arguments = ["scan", "--out", name, "--key", "key", *options]
        return self.run(*arguments)

    def here(self, *arguments: str) -> Answer:
        """Run a command at home and in this process, which spares it a second: it sends nothing."""
        with chdir(self.home):
            done = CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
        return Answer(done.return_value, done.stdout, done.stderr)

    def run(self, *arguments: str) -> Answer:
        """Run a command at the vantage, and carry its packs home."""
        done = portproof(*arguments, cwd=self.vantage)
        for pack in self.vantage.glob("*.pack"):
            shutil.copy(pack, self.home / pack.name)
        return done


@contextmanager
def begun(world: World, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command under way at the vantage; it does not outlive the block."""
    command = [sys.executable, "-m", "portproof", *arguments]
    with subprocess.Popen(
        command, cwd=world.vantage, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def await_outcomes(path: Path, process: subprocess.Popen[bytes], count: int) -> None:
    """Wait until the working file holds that many outcomes, and a checkpoint after them."""
    deadline = time.monotonic() + 60
    while kept(path) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kept(path: Path) -> int:
    """Count the outcomes before the last checkpoint, as whoever reads the file's frames does."""
    data = path.read_bytes() if path.exists() else b""
    at, count, sure = data.find(b"\n") + 1, 0, 0
    while at and at + 9 <= len(data):
        kind, length, _ = struct.unpack_from("<BII", data, at)
        body = data[at + 9 : at + 9 + length]
        at += 9 + length
        if at > len(data):
            break
        if kind == 2:
            count += len(zlib.decompress(body)) // 19
        elif kind == 5:
            sure = count
    return sure


@pytest.fixture
def world(tmp_path: Path) -> World:
    for name in ("vantage", "home"):
        (tmp_path / name).mkdir()
        Site(tmp_path / name, networks=["127.0.0.91/32"], targets=[ADDRESS], ports=PORTS).write()
    world = World(tmp_path / "vantage", tmp_path / "home")
    line = new_key(world.vantage / "key").public.line()
    vantages = world.home / "vantages.yaml"
    text = vantages.read_text()
    vantages.write_text(text.replace("a test}", f'a test, key: "{line}"}}'))
    return world


def test_two_runs_come_home_are_judged_and_compared(world: World) -> None:
    with listening(OPEN):
        first = world.scan("first.pack")
    with listening(OPEN, ANOTHER):
        second = world.scan("second.pack")
    assert (first.code, second.code) == (0, 0)
    assert "wrote first.pack" in first.err
    assert sorted(each.suffix for each in world.vantage.iterdir()) == sorted(
        ["", ".pack", ".pack", *[".yaml"] * 5]
    )
    _touch(world.home / "first.pack", world.home / "touched.pack")
    names = ("first.pack", "second.pack", "first.pack", "touched.pack")
    taken = portproof("import", *names, cwd=world.home)
    assert taken.out.count(" from vantage outside is complete\n") == 2
    assert re.search(r"^first\.pack: run \S+ is already here$", taken.out, re.MULTILINE)
    assert (taken.code, taken.err.count("\n")) == (2, 1)
    assert taken.err.startswith("portproof: touched.pack: ")
    judged = portproof("check", "--format", "json", cwd=world.home)
    assert judged.code == 1
    document = json.loads(judged.out)
    assert document["vantage"]["id"] == "outside"
    where = json.dumps(document["findings"])
    assert f"{ADDRESS}:{OPEN}/tcp" in where
    assert f"{ADDRESS}:{ANOTHER}/tcp" in where
    compared = portproof("diff", cwd=world.home)
    assert compared.code == 1
    assert re.search(rf"^\+{ADDRESS}:{ANOTHER}/tcp +open", compared.out, re.MULTILINE)


def test_a_stopped_scan_packs_what_it_has(world: World) -> None:
    canary = (
        f'{{id: canary, kind: positive, endpoint: "{ADDRESS}:{OPEN}", networks: ["{ADDRESS}"]}}'
    )
    for folder in (world.vantage, world.home):
        path = folder / "authorisation.yaml"
        path.write_text(path.read_text().replace("controls: []", f"controls: [{canary}]"))
    stop = world.vantage / "stop"
    # The canary is asked first: whoever hears it knows that the run is under way.
    with listening(OPEN, visited=stop.touch):
        stopped = world.scan("run.pack", "--stop-file", "stop", "--max-rate", "25")
    assert stopped.code == 130
    assert "interrupted: the pack holds what was measured" in stopped.err
    assert "`portproof resume run.pack --out ANOTHER --key FILE` goes on with it" in stopped.err
    stop.unlink()
    with listening(OPEN):
        rest = world.run("resume", "run.pack", "--out", "rest.pack", "--key", "key")
    assert (rest.code, "wrote rest.pack" in rest.err) == (0, True)
    taken = world.here("import", "run.pack", "rest.pack")
    assert (taken.code, "is interrupted" in taken.out, "is complete" in taken.out) == (
        0,
        True,
        True,
    )
    assert world.here("runs").out.count("continues") == 1


def test_a_scan_that_was_killed_goes_on_and_one_pack_tells_of_all_of_it(world: World) -> None:
    for folder in (world.vantage, world.home):
        path = folder / "authorisation.yaml"
        path.write_text(path.read_text().replace("global_pps: 20000", "global_pps: 30"))
    unfinished = world.vantage / "run.pack.unfinished"
    with listening(OPEN):
        with begun(world, "scan", "--out", "run.pack", "--key", "key") as process:
            await_outcomes(unfinished, process, 10)
            process.kill()
        again = world.run("scan", "--out", "run.pack", "--key", "key")
        done = world.run("resume", "--out", "run.pack", "--key", "key", "--format", "jsonl")
    assert again.code == 2
    (line,) = again.err.splitlines()
    assert "run.pack.unfinished: keeps a run into run.pack that was cut short" in line
    assert "(`portproof resume --out run.pack --key FILE`), or delete it" in line
    assert (done.code, unfinished.exists()) == (0, False)
    assert re.search(
        r"^continued run \S+: [1-9]\d* endpoints carried over, ", done.err, re.MULTILINE
    )
    (coverage,) = json.loads(done.out.splitlines()[0])["coverage"]
    assert coverage["planned"] == coverage["measured"] == 41
    assert coverage["carried"] >= 10
    assert coverage["carried"] + coverage["repeated"] <= 41
    taken = world.here("import", "run.pack")
    assert (taken.code, "is complete" in taken.out) == (0, True), taken.err
    judged = json.loads(world.here("check", "--format", "json").out)
    assert f"{ADDRESS}:{OPEN}/tcp" in json.dumps(judged["findings"])
    assert f"{coverage['carried']} endpoints carried over" in judged["run"]["carried_over"]


def test_what_cannot_be_gone_on_with_is_one_clear_error(world: World) -> None:
    with listening(OPEN):
        assert world.scan("whole.pack").code == 0
    new_key(world.vantage / "another")
    sealed = ["--out", "run.pack", "--key"]
    for arguments, why in [
        ([*sealed, "key"], "run.pack.unfinished: is not there: no scan into"),
        (["whole.pack", *sealed, "key"], "its run is complete, not interrupted"),
        (["whole.pack", *sealed, "another"], "it is not signed with the key of"),
        (["none.pack", *sealed, "key"], "none.pack: cannot be read: No such file"),
        (["--out", "whole.pack", "--key", "key"], "is there already; a pack is never overwritten"),
    ]:
        with chdir(world.vantage), pytest.raises(PackError, match=re.escape(why)) as refused:
            resume.main(arguments, standalone_mode=False)
        assert "\n" not in str(refused.value)
    assert not list(world.vantage.glob("run.pack*"))


def test_what_cannot_be_packed_is_said_before_a_packet_leaves(world: World) -> None:
    (world.vantage / "open").write_bytes((world.vantage / "key").read_bytes())
    (world.vantage / "open").chmod(0o644)
    for arguments, why in [
        (["--out", "run.pack"], "name the vantage's key with --key"),
        (["--out", "run.pack", "--key", "open"], "others may read it (mode 0644); chmod 600 it"),
    ]:
        done = portproof("scan", *arguments, cwd=world.vantage)
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert why in line
    assert not list(world.vantage.glob("*.sqlite*"))


def test_a_key_is_made_and_a_dry_run_writes_no_pack(world: World) -> None:
    made = portproof("keys", "new", "--out", "another", cwd=world.vantage)
    key = load_key(world.vantage / "another").public
    assert made.out == f"fingerprint: {key.fingerprint}\nkey: {key.line()}\n"
    shown = portproof("scan", "--dry-run", "--out", "run.pack", "--key", "key", cwd=world.vantage)
    assert (shown.code, shown.out.endswith("nothing was sent\n")) == (0, True)
    assert not (world.vantage / "run.pack").exists()


def _touch(pack: Path, path: Path) -> None:
    """Write the pack with one bit of its plan changed."""
    data = bytearray(pack.read_bytes())
    data[data.index(b"plan.json") + 60] ^= 1
    path.write_bytes(data)
