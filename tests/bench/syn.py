"""The SYN engine against masscan, zmap, nmap -sS and a C floor, on the same namespaces.

Where all is dropped, what counts is sending: two million probes, each sent once, and the seconds
between the first and the last of them as the interface counts them, for every contestant alike
(what comes before and after differs too much: masscan starts at once and waits ten seconds at the
end, we load scapy and wait for silence). Where all is open, or one host is asked for each port, whole
processes count, with their defaults; zmap waits one second for answers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

from comparison import Attempt, Comparison, Tried, against, compiled, counted, measure, output_of

from netns import Lab

HERE = Path(__file__).resolve().parent
ENGINE = HERE / "syn_engine.py"
WIRE = HERE / "wire.py"
NETWORK = ip_network("10.88.0.0/16")
PORTS = 32
NOTHING = counted([])
# One sending each, as the peers do it, and as short a wait at the end.
ONCE = {"timeout_ms": 200, "min_timeout_ms": 100, "max_retries": 0, "most_retries": 0}
DROP_ALL = """
table inet bench {
  chain arriving {
    type filter hook prerouting priority -300; policy accept;
    ip daddr 10.88.0.0/16 drop
  }
}
"""
# Listens on port 80 of every address; nobody accepts, the kernel's queue answers for it.
LISTEN = "import socket, time; s = socket.create_server(('', 80), backlog=65535); time.sleep(3600)"
ROOMY = ("net.core.somaxconn=65535", "net.ipv4.tcp_max_syn_backlog=262144")


def all_dropped(rounds: int) -> Iterable[Comparison]:
    """Two million probes into nothing."""
    with routed_lab() as (lab, mac), tempfile.TemporaryDirectory() as folder:
        lab.nft(lab.server, DROP_ALL)
        floor = floor_of(lab, mac, Path(folder))
        spread = {"network": str(NETWORK), "tcp": f"1-{PORTS}", "timing": ONCE}
        measured = measure(
            {
                "one": on_the_wire(lab, ours(lab, spread)),
                "two": on_the_wire(lab, ours(lab, {**spread, "processes": 2})),
                "masscan": on_the_wire(lab, masscan(lab, mac)),
                "C": on_the_wire(lab, floor),
            },
            rounds,
        )
    peer = [measured["masscan"]]
    name = "syn, 2,097,152 probes dropped"
    return (
        against(f"{name}, 1 process, masscan", measured["one"], peer, truth=NOTHING, goal=1.2),
        against(f"{name}, 2 processes, masscan", measured["two"], peer, truth=NOTHING, goal=1.9),
        against(
            f"{name}, 1 process, C floor",
            measured["one"],
            [measured["C"]],
            truth=NOTHING,
            goal=0.85,
        ),
    )


def all_open(rounds: int) -> Iterable[Comparison]:
    """A /16 of which each host answers."""
    with routed_lab() as (lab, mac):
        lab.run(lab.server, ["ip", "route", "add", "local", str(NETWORK), "dev", "lo"])
        lab.run(lab.server, ["sysctl", "-q", "-w", *ROOMY], check=False)
        lab.serve(lab.server, [sys.executable, "-c", LISTEN], port=80)
        spread = {"network": str(NETWORK), "tcp": "80"}
        measured = measure(
            {
                "one": ours(lab, spread),
                "two": ours(lab, {**spread, "processes": 2}),
                "zmap -T1": zmap(lab, mac, threads=1),
                "zmap -T2": zmap(lab, mac, threads=2),
            },
            rounds,
        )
    truth = counted(f"{host}:80" for host in NETWORK)
    name = "syn, 65,536 open hosts"
    return (
        against(
            f"{name}, 1 process, zmap",
            measured["one"],
            [measured["zmap -T1"]],
            truth=truth,
            goal=1.1,
        ),
        against(
            f"{name}, 2 processes, zmap",
            measured["two"],
            [measured["zmap -T2"]],
            truth=truth,
            goal=1.4,
        ),
    )


def one_host(rounds: int) -> Comparison:
    """Each port of one host, one of them open."""
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-c", LISTEN], port=80)
        host = lab.server.ipv4
        measured = measure(
            {
                # What the product takes for so many probes on two cores.
                "ours": ours(lab, {"network": f"{host}/32", "tcp": "-", "processes": 2}),
                "nmap": nmap(lab, host),
            },
            rounds,
        )
    truth = counted([f"{host}:80"])
    name = "syn, 65,535 ports of one host"
    return against(name, measured["ours"], [measured["nmap"]], truth=truth, goal=1.0)


COMPARISONS = (all_dropped, all_open, one_host)


@contextmanager
def routed_lab() -> Iterator[tuple[Lab, str]]:
    """Give a laboratory whose server is the router to the network, and the server's link address."""
    with Lab() as lab:
        server = lab.server.ipv4
        lab.run(lab.client, ["ip", "route", "add", str(NETWORK), "via", server])
        shown = lab.run(lab.server, ["ip", "link", "show", "cable"]).stdout
        found = re.search(r"link/ether (\S+)", shown)
        if found is None:
            raise RuntimeError(f"no link address in {shown!r}")
        # Peers that answer no ARP themselves, or wait for it, are not to be held back by it.
        lab.run(
            lab.server, ["ip", "neigh", "replace", lab.client.ipv4, *_lladdr(lab), "dev", "cable"]
        )
        yield lab, found.group(1)


def _lladdr(lab: Lab) -> list[str]:
    shown = lab.run(lab.client, ["ip", "link", "show", "cable"]).stdout.split()
    return ["lladdr", shown[shown.index("link/ether") + 1]]


def on_the_wire(lab: Lab, attempt: Attempt) -> Attempt:
    """Have an attempt measured by what leaves the client: the seconds that sending takes."""
    probes = str(NETWORK.num_addresses * PORTS)
    command = [*lab.client.enter, sys.executable, str(WIRE), "cable", probes]

    def watched() -> Tried:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
            if watch.stdout is None or watch.stdout.readline() != "watching\n":
                raise RuntimeError("the wire is not watched")
            tried = attempt()
            seconds = watch.stdout.readline()
        if not seconds:
            raise RuntimeError("not every probe left")
        return Tried(tried.found if isinstance(tried, Tried) else tried, float(seconds))

    return watched


def ours(lab: Lab, asked: Mapping[str, object]) -> Attempt:
    """Sweep with our engine."""

    def attempt() -> str:
        said = output_of([*lab.client.enter, sys.executable, str(ENGINE), json.dumps(asked)])
        return str(json.loads(said.splitlines()[-1])["found"])

    return attempt


def masscan(lab: Lab, mac: str) -> Attempt:
    """Send with masscan, as fast as it goes, until it says that all is sent.

    It waits for many seconds afterwards, whatever `--wait` says.
    """
    options = ["--rate", "10000000", "-e", "cable", "--router-mac", mac.replace(":", "-")]
    source = ["--adapter-ip", lab.client.ipv4, "-oG", "/dev/null"]
    command = [*lab.client.enter, "masscan", str(NETWORK), f"-p1-{PORTS}", *options, *source]

    def attempt() -> str:
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            said = b""
            while process.stderr is not None and b"waiting" not in said:
                piece = os.read(process.stderr.fileno(), 4096)
                if not piece:
                    raise RuntimeError(f"masscan ended early: {said[-200:]!r}")
                said = said[-4096:] + piece
            process.kill()
        return NOTHING

    return attempt


def zmap(lab: Lab, mac: str, *, threads: int) -> Attempt:
    """Scan with zmap, as fast as it goes."""
    options = ["-p", "80", "-i", "cable", "-G", mac, "-S", lab.client.ipv4, "-T", str(threads)]
    waits = ["-r", "0", "--cooldown-time", "1", "-q", "-b", "/dev/null", "-o", "-"]
    command = [*lab.client.enter, "zmap", str(NETWORK), *options, *waits]

    def attempt() -> str:
        return counted(f"{host}:80" for host in output_of(command).split() if host[0].isdigit())

    return attempt


def nmap(lab: Lab, host: str) -> Attempt:
    """Scan with nmap -sS and its defaults."""
    command = [*lab.client.enter, "nmap", "-sS", "-p-", "-n", "-Pn", "-oG", "-", host]

    def attempt() -> str:
        return counted(
            f"{host}:{port}" for port in re.findall(r"(\d+)/open/tcp", output_of(command))
        )

    return attempt


def floor_of(lab: Lab, mac: str, folder: Path) -> Attempt:
    """Send the same number of frames from C."""
    own = _lladdr(lab)[1]
    spread = [str(NETWORK[0]), str(NETWORK.num_addresses), str(PORTS)]
    program = [compiled("syn", folder), "cable", own, mac, lab.client.ipv4, *spread]

    def attempt() -> str:
        output_of([*lab.client.enter, *program])
        return NOTHING

    return attempt
