"""Light vantages: a real sshd and real SOCKS5 servers, in namespaces that only they connect."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netns import ENVIRONMENT, Lab
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import RunRecord, RunStatus
from portproof.store import open_store
from privileged.jump import SOCKS_PORT, SSH_PORT, site_behind, sshd
from site_documents import Site

pytestmark = pytest.mark.privileged

SOCKS = f"{{socks5: '10.99.1.2:{SOCKS_PORT}'}}"
CANNOT_TELL = LocalFault.PROXY_CANNOT_TELL


def portproof(lab: Lab, site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portproof", *arguments]
    environment = ENVIRONMENT | {"COLUMNS": "160", "NO_COLOR": "1"}
    return lab.run(lab.client, command, check=False, cwd=site.folder, env=environment)


def newest(site: Site) -> RunRecord:
    with open_store(site.folder / "portproof.sqlite") as store:
        return store.load_run(store.runs(limit=1)[0].id)


def told(record: RunRecord, transport: Transport = Transport.TCP) -> list[tuple[str, str, str]]:
    """Each host's open ports, and those of which the proxy could not tell; nothing else may be."""
    found = []
    for each in record.hosts:
        if each.transport is transport:
            assert set(each.states) <= {PortState.OPEN}
            assert set(each.unmeasured) <= {CANNOT_TELL}
            assert set(each.reasons) <= {Reason.PROXY_CONNECTED}
            opened = str(each.states.get(PortState.OPEN, ""))
            found.append((str(each.host.address), opened, str(each.unmeasured.get(CANNOT_TELL))))
    return found


EXPECTED = [
    ("10.77.0.2", "8080", "8081-8085,8090"),
    ("fd77::2", "8080", "8081-8085,8090"),
]


@contextmanager
def socks_server(lab: Lab, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A SOCKS5 server on the jump host."""
    program = str(Path(__file__).parents[1] / "servers" / "socks.py")
    argv = [sys.executable, program, lab.server.ipv4, str(SOCKS_PORT), *options]
    yield lab.serve(lab.server, argv, port=SOCKS_PORT)


def test_an_ssh_jump_host_opens_what_is_open_and_tells_nothing_of_the_rest(tmp_path: Path) -> None:
    with site_behind(tmp_path, "to be said") as (lab, site), sshd(lab, tmp_path) as through:
        _go_through(site, through)
        done = portproof(lab, site, "scan", "--timeout", "200")
        assert (done.returncode, done.stderr) == (0, "")
        left = lab.run(lab.client, ["pgrep", "-f", "StreamLocalBindMask"], check=False)
    record = newest(site)
    assert told(record) == EXPECTED
    assert told(record, Transport.UDP) == [("10.77.0.2", "", "53"), ("fd77::2", "", "53")]
    services = {o.service.name for h in record.hosts for o in h.observations if o.service}
    assert services == {"http"}
    assert (record.plan.engine, str(record.plan.through)[:4]) == ("relay", "ssh ")
    assert str(record.plan.through).endswith("@10.99.1.2:2222")
    assert {each.as_expected for each in record.samples} == {True}
    assert {each.loss_ppm for each in record.coverage} == {None}
    assert left.stdout == ""


def test_an_unknown_host_key_ends_it_before_anything_is_asked(tmp_path: Path) -> None:
    with site_behind(tmp_path, "to be said") as (lab, site), sshd(lab, tmp_path) as through:
        (tmp_path / "known hosts").write_text("")
        _go_through(site, through)
        done = portproof(lab, site, "scan")
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "Host key verification failed" in done.stderr
    with open_store(site.folder / "portproof.sqlite") as store:
        assert store.runs() == []


def test_the_raw_record_says_which_socks_server_an_open_port_rests_on(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("pass:word\n")
    through = SOCKS.replace("}", ", user: audit, password_file: word}")
    who = ("--user", "audit", "--password", "pass:word")
    with site_behind(tmp_path, through) as (lab, site), socks_server(lab, *who):
        assert portproof(lab, site, "scan", "--timeout", "200").returncode == 0
    assert told(newest(site)) == EXPECTED
    with open_store(site.folder / "portproof.sqlite") as store:
        seen = [o for h in newest(site).hosts for o in h.observations]
        raw = store.raw(seen[0].evidence or "").decode()
    assert '"proxy_said":"succeeded"' in raw
    assert '"through":"socks5 audit@10.99.1.2:1080"' in raw


def test_a_proxy_that_says_yes_to_everything_proves_nothing_open(tmp_path: Path) -> None:
    with site_behind(tmp_path, SOCKS) as (lab, site), socks_server(lab, "--yes-to-all"):
        done = portproof(lab, site, "scan", "--timeout", "200")
    record = newest(site)
    assert (done.returncode, record.status) == (3, RunStatus.INCONCLUSIVE)
    assert "something on the way" in record.status_reason
    assert not any(ports for each in record.hosts for ports in each.states.values())


def test_a_proxy_that_dies_in_the_middle_makes_the_run_inconclusive(tmp_path: Path) -> None:
    with site_behind(tmp_path, SOCKS, ports="8080-8380") as (lab, site), socks_server(lab) as proxy:
        command = [sys.executable, "-m", "portproof", "scan", "--max-rate", "300"]
        scan = lab.popen(lab.client, command, cwd=site.folder, stdout=subprocess.DEVNULL)
        _await_batches(site.folder / "portproof.sqlite")
        proxy.kill()
        proxy.wait()
        assert scan.wait(timeout=60) == 3
    record = newest(site)
    assert record.status is RunStatus.INCONCLUSIVE
    assert "positive control gate-4 failed" in record.status_reason
    assert "Connection refused" in " ".join(each.seen for each in record.samples)


def test_openssh_is_a_socks_server_too(tmp_path: Path) -> None:
    """`ssh -D` on a TCP port: it hangs up without a word on what it cannot open."""
    own = "{socks5: '127.0.0.1:1081'}"
    with site_behind(tmp_path, own) as (lab, site), sshd(lab, tmp_path) as through:
        login = through.split("ssh: ")[1].split(",")[0]
        known = f'UserKnownHostsFile="{tmp_path}/known hosts"'
        argv = ["ssh", "-N", "-D", "127.0.0.1:1081", "-o", known, "-o", "LogLevel=QUIET"]
        argv += ["-o", "BatchMode=yes", "-i", str(tmp_path / "id"), "-p", str(SSH_PORT), login]
        lab.serve(lab.client, argv, port=1081)
        assert portproof(lab, site, "scan", "--timeout", "200").returncode == 0
    assert told(newest(site)) == EXPECTED


def _go_through(site: Site, through: str) -> None:
    path = site.folder / "vantages.yaml"
    path.write_text(path.read_text().replace("to be said", through))


def _await_batches(database: Path) -> None:
    """Wait until the run has acknowledged outcomes: it is under way, and not over."""
    deadline = time.monotonic() + 60
    query = "SELECT count(*) FROM journal_entry WHERE kind = 'batch'"
    while time.monotonic() < deadline:
        if database.exists():
            connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            try:
                if connection.execute(query).fetchone()[0]:
                    return
            except sqlite3.OperationalError:
                pass  # the tables are being made
            finally:
                connection.close()
        time.sleep(0.02)
    raise AssertionError("the run never acknowledged an outcome")
