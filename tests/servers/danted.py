"""Dante's danted: a SOCKS5 server of the wide world, in a namespace of a laboratory.

It opens connections for whoever comes over the cable, except to the ports that a rule blocks. With
users, it asks the operating system about them; so it gets a root directory of its own, with itself,
its libraries and password files, and nothing of the machine is laid over or changed.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netns import Lab
from servers.process import program

PORT = 1080
_CONFIGURATION = """\
logoutput: stderr
internal: {address} port = {port}
{external}
external.rotation: route
clientmethod: none
socksmethod: {method}
user.privileged: root
user.unprivileged: nobody
timeout.connect: 30
client pass {{ from: 10.99.1.0/24 to: 0.0.0.0/0 }}
{blocked}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 command: connect }}
socks pass {{ from: 0.0.0.0/0 to: ::/0 command: connect }}
"""
# danted does not wait for its children; in a process namespace of its own the kernel does.
_ALONE = ("unshare", "--pid", "--fork", "--kill-child")
_NOBODY = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"


@contextmanager
def danted(
    lab: Lab,
    external: Sequence[str],
    *,
    blocked: Sequence[int] = (),
    user: tuple[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run danted on the laboratory's server; it connects from the `external` addresses.

    `blocked` ports it refuses by its own rules; `user` is a name and password, without which it
    lets nobody in.
    """
    with tempfile.TemporaryDirectory(prefix="pp-", dir="/tmp") as name:
        home = Path(name)
        home.chmod(0o755)
        configuration = home / "danted.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                address=lab.server.ipv4,
                port=PORT,
                method="username" if user else "none",
                external="\n".join(f"external: {each}" for each in external),
                blocked="\n".join(_blocking(port) for port in blocked),
            )
        )
        server = program("danted")
        argv = [server, "-f", str(configuration), "-p", str(home / "pid"), "-N", "1"]
        if user is not None:
            _write_users(home / "etc", *user)
            _copy_program(home, server)
            argv = [
                program("chroot"),
                str(home),
                server,
                "-f",
                "/danted.conf",
                "-p",
                "/pid",
                "-N",
                "1",
            ]
        yield lab.serve(lab.server, [*_ALONE, *argv], port=PORT)


def _blocking(port: int) -> str:
    return "\n".join(
        f"socks block {{ from: 0.0.0.0/0 to: {network} port = {port} }}"
        for network in ("0.0.0.0/0", "::/0")
    )


def _copy_program(home: Path, server: str) -> None:
    """Copy a program and the libraries it loads to the same places under another root."""
    told = subprocess.run([program("ldd"), server], capture_output=True, text=True, check=True)
    loaded = {word for word in told.stdout.split() if word.startswith("/")}
    for each in (server, *sorted(loaded)):
        place = home / each.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(each, place)
    (home / "tmp").mkdir()
    (home / "dev").mkdir()
    os.mknod(home / "dev" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))


def _write_users(home: Path, name: str, password: str) -> None:
    home.mkdir()
    (home / "nsswitch.conf").write_text("passwd: files\nshadow: files\ngroup: files\n")
    hashed = subprocess.run(
        [program("openssl"), "passwd", "-6", password], capture_output=True, text=True, check=True
    ).stdout.strip()
    (home / "passwd").write_text(
        f"root:x:0:0:root:/root:/bin/sh\n{_NOBODY}{name}:x:4242:4242::/nonexistent:/bin/false\n"
    )
    shadow = home / "shadow"
    shadow.write_text(f"root:*:19000:0:99999:7:::\n{name}:{hashed}:19000:0:99999:7:::\n")
    shadow.chmod(0o600)
