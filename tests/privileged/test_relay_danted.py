"""A light vantage through danted: what it opens, what it says of the rest, and what that is worth."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from netns import ENVIRONMENT, Lab
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import RunRecord, RunStatus
from portproof.store import open_store
from privileged.jump import TARGETS, site_behind
from servers.certificates import self_made
from servers.danted import PORT, danted
from servers.process import program
from site_documents import Site

pytestmark = pytest.mark.privileged

SOCKS = f"{{socks5: '10.99.1.2:{PORT}'}}"
LOGIN = SOCKS.replace("}", ", user: audit, password_file: word}")
USER = ("audit", "pass:word")
HTTP, CLOSED, RESET, UNREACHABLE, PROHIBITED, BLOCKED, DROPPED, MAIL, TLS = (
    8080, 8081, 8082, 8083, 8084, 8085, 8090, 8091, 8443,
)  # fmt: skip
PORTS = "8080-8085,8090-8091,8443"
RULES = f"""
table inet more {{
  chain arriving {{ type filter hook input priority 0;
    tcp dport {RESET} reject with tcp reset
    tcp dport {UNREACHABLE} reject with icmpx type port-unreachable
    tcp dport {PROHIBITED} reject with icmpx type admin-prohibited
  }}
}}
"""
MAIL_SERVER = f"""
import socketserver
class Greeting(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"220 mail.example ESMTP Postfix\\r\\n")
        self.request.recv(100)
        self.request.sendall(b"221 2.0.0 Bye\\r\\n")
socketserver.ThreadingTCPServer(("10.77.0.2", {MAIL}), Greeting).serve_forever()
"""
# Dials through the proxy as the product does, and tells what the proxy said of each endpoint.
WORDS = """
import ipaddress, json, select, sys
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.way import Way, WayKind
from portproof.scan.relay_tunnel import Tunnel
asked = json.loads(sys.argv[1])
way = Way(kind=WayKind.SOCKS5, host=asked["host"], port=asked["port"], **asked["login"])
said = {}
with Tunnel(way) as tunnel:
    for port in asked["ports"]:
        target = Endpoint(ipaddress.ip_address(asked["target"]), Transport.TCP, port)
        dial, ended = tunnel.dial(target), None
        while ended is None:
            poller = select.poll()
            poller.register(dial.sock, select.POLLOUT if dial.sends else select.POLLIN)
            if not poller.poll(20_000):
                break
            ended = dial.go_on()
        said[port] = [ended.opened, ended.said] if ended else None
        dial.close()
print(json.dumps(said))
"""


@contextmanager
def behind_danted(
    folder: Path, through: str, *, user: tuple[str, str] | None = None
) -> Iterator[tuple[Lab, Site]]:
    """The site behind a jump host, with more ports and danted in front of it."""
    with site_behind(folder, through, ports=PORTS) as (lab, site):
        lab.nft(lab.server, RULES)
        pair = self_made(folder)
        tls = [program("openssl"), "s_server", "-quiet", "-www", "-accept", f"10.77.0.2:{TLS}"]
        tls += ["-cert", str(pair.certificate), "-key", str(pair.key)]
        lab.serve(lab.server, tls, port=TLS)
        lab.serve(lab.server, [sys.executable, "-c", MAIL_SERVER], port=MAIL)
        with danted(lab, TARGETS, blocked=[BLOCKED], user=user):
            yield lab, site


def portproof(lab: Lab, site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portproof", *arguments]
    return lab.run(lab.client, command, check=False, cwd=site.folder, env=ENVIRONMENT)


def words(lab: Lab, *ports: int, target: str = TARGETS[0]) -> dict[int, list[object]]:
    """What danted says of ports of a target."""
    asked = {"host": "10.99.1.2", "port": PORT, "ports": ports, "target": target, "login": {}}
    told = lab.run(lab.client, [sys.executable, "-c", WORDS, json.dumps(asked)]).stdout
    return {int(port): said for port, said in json.loads(told).items()}


def newest(site: Site) -> RunRecord:
    with open_store(site.folder / "portproof.sqlite") as store:
        return store.load_run(store.runs(limit=1)[0].id)


def test_danted_says_the_same_of_what_is_closed_and_of_what_a_firewall_rejects(
    tmp_path: Path,
) -> None:
    with behind_danted(tmp_path, SOCKS) as (lab, _):
        said = words(lab, HTTP, CLOSED, RESET, UNREACHABLE, PROHIBITED, BLOCKED)
        assert said[HTTP] == [True, "succeeded"]
        for port in (CLOSED, RESET, UNREACHABLE):
            assert said[port] == [False, "connection refused (5)"]
        assert said[PROHIBITED][0] is False
        assert said[BLOCKED] == [False, "not allowed by its ruleset (2)"]
        for nowhere in ("203.0.113.1", "2001:db8::1"):
            assert words(lab, 80, target=nowhere) == {80: [False, "network unreachable (3)"]}


@dataclass(frozen=True)
class Seen:
    """What came of one scan through danted, with a user and password."""

    record: RunRecord
    findings: str
    told: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("site")
    (folder / "word").write_text("pass:word\n")
    with behind_danted(folder, LOGIN, user=USER) as (lab, site):
        done = portproof(lab, site, "scan", "--timeout", "200")
        judged = json.loads(portproof(lab, site, "check", "--format", "json").stdout)
    assert done.returncode == 0, done.stderr
    return Seen(newest(site), json.dumps(judged["findings"]), done.stderr)


def test_a_scan_through_danted_finds_what_is_open_and_claims_nothing_of_the_rest(
    seen: Seen,
) -> None:
    assert seen.told == ""
    opened = {"10.77.0.2": f"{HTTP},{MAIL},{TLS}", "fd77::2": f"{HTTP}"}
    for each in seen.record.hosts:
        told = {state: str(ports) for state, ports in each.states.items()}
        assert told == {PortState.OPEN: opened[str(each.host.address)]}
        assert set(each.reasons) == {Reason.PROXY_CONNECTED}
        assert set(each.unmeasured) == {LocalFault.PROXY_CANNOT_TELL}
        for port in (CLOSED, RESET, UNREACHABLE, PROHIBITED, BLOCKED, DROPPED):
            assert port in each.unmeasured[LocalFault.PROXY_CANNOT_TELL]
    assert {each.as_expected for each in seen.record.samples} == {True}
    assert f"10.77.0.2:{MAIL}/tcp" in seen.findings
    assert f":{CLOSED}/tcp" not in seen.findings


def test_a_banner_and_a_certificate_come_through_danted(seen: Seen) -> None:
    told = {
        each.endpoint.port: each.service
        for host in seen.record.hosts
        for each in host.observations
        if str(host.host.address) == TARGETS[0]
    }
    mail, tls, http = (told[port] for port in (MAIL, TLS, HTTP))
    assert mail is not None
    assert tls is not None
    assert http is not None
    assert (http.name, mail.name) == ("http", "smtp")
    assert tls.tls is not None


def test_danted_that_does_not_let_us_in_makes_the_run_inconclusive(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("wrong")
    with behind_danted(tmp_path, LOGIN, user=USER) as (lab, site):
        assert words(lab, HTTP) == {HTTP: [False, "it takes none of our ways to log in"]}
        done = portproof(lab, site, "scan", "--timeout", "200")
    record = newest(site)
    assert (done.returncode, record.status) == (3, RunStatus.INCONCLUSIVE)
    assert not any(ports for each in record.hosts for ports in each.states.values())
    heard = " ".join(each.seen for each in record.samples)
    assert "it refused the user or password" in heard
