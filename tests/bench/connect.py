"""The connect engine against nmap and a C floor: open, closed, filtered, and many hosts.

Ours is the product's executor as a whole process: interpreter start, controls before, during and
after, witnesses, record; nmap's is a whole process, too, with its defaults, -T4 and -T5, of which
the best median counts. Neither converses with what is open (nmap would need -sV). Against the floor
it is engine against engine, both without the start of their process. All run inside network
namespaces, where exactly the servers started here listen, so the truth is known.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from comparison import (
    Attempt,
    Comparison,
    Tried,
    against,
    as_command,
    compare,
    compiled,
    counted,
    measure,
    output_of,
)

from netns import ENVIRONMENT, Lab, Namespace, filter_rules

ONE_PROCESS, TWO_PROCESSES = 1.3, 2.1
# nmap asks a dropped port twice where others were silent, too, and ours always three times.
BEHIND_A_FILTER = 0.5
TO_THE_FLOOR, FILTERED, MANY_HOSTS, MANY_HOSTS_RECORDED = 0.75, 3.0, 1.0, 0.15
HERE = Path(__file__).resolve().parent
ENGINE = HERE / "engine.py"
VANTAGE = as_command("vantage")
# Rates that do not bind: nmap's defaults have none either.
FREE: dict[str, Any] = {
    "silent": True,
    "rates": {
        "global_pps": 1_000_000,
        "per_host_pps": 1_000_000,
        "max_connections": 5_000,
        "per_host_connections": 5_000,
    },
}
# Most ports are reset; several hundred are dropped, some rejected, as behind a real filter.
FIREWALL = filter_rules(
    "tcp dport 2000-2399 drop",
    "tcp dport 7000-7099 reject with icmpx admin-prohibited",
    "tcp dport 7100-7199 reject with icmpx port-unreachable",
    "tcp dport 7200-7299 reject with icmpx host-unreachable",
)
REDIS, WEB, NGINX = 6379, 8080, 8443
TIMEOUT_MS = 500
MANY = ip_network("10.88.0.0/18")


def all_ports_of_loopback(rounds: int) -> Iterator[Comparison]:
    """65,535 ports of 127.0.0.1, three real servers up: with one process, and with two."""
    with laboratory() as (lab, folder):
        truth = serve(lab, lab.client, folder)
        plan = {"hosts": ["127.0.0.1"], "tcp": "-", "own_controls": True, **FREE}
        yield from one_and_two(lab, "127.0.0.1", plan, truth, rounds)


def all_ports_across_a_network(rounds: int) -> Iterator[Comparison]:
    """65,535 ports of a host across a veth pair, all reset but three."""
    with laboratory() as (lab, folder):
        truth = serve(lab, lab.server, folder)
        plan = across(lab, tcp="-")
        yield from one_and_two(lab, lab.server.ipv4, plan, truth, rounds, where="veth")


def all_ports_behind_a_filter(rounds: int) -> Comparison:
    """The same with 400 ports dropped and 300 rejected."""
    with laboratory() as (lab, folder):
        truth = serve(lab, lab.server, folder)
        lab.nft(lab.server, FIREWALL)
        return compare(
            "connect, 65,535 ports, veth with drops and rejects, 1 process",
            ours(lab, {**across(lab, tcp="-"), "processes": 1}),
            nmaps(lab, "-p-", lab.server.ipv4),
            truth=truth,
            goal=BEHIND_A_FILTER,
            rounds=rounds,
        )


def the_floor(rounds: int) -> Iterator[Comparison]:
    """Engine against engine: ours with one process, and C that does nothing but the system calls."""
    with laboratory() as (lab, folder):
        program = compiled("connect", folder)
        for where, namespace, host in (
            ("loopback", lab.client, "127.0.0.1"),
            ("veth", lab.server, lab.server.ipv4),
        ):
            yield compare(
                f"connect engine, 65,535 ports, {where}, C floor",
                engine(lab, host),
                floor(lab, program, host),
                truth=serve(lab, namespace, folder),
                goal=TO_THE_FLOOR,
                rounds=rounds,
            )


def filtered_ports(rounds: int) -> Comparison:
    """4,000 dropped ports, one attempt each and half a second for an answer."""
    with laboratory() as (lab, folder):
        serve(lab, lab.server, folder)
        lab.nft(lab.server, filter_rules("tcp dport 20000-23999 drop"))
        patience = f"--initial-rtt-timeout {TIMEOUT_MS}ms --max-rtt-timeout {TIMEOUT_MS}ms"
        timing = {
            "timeout_ms": TIMEOUT_MS,
            "min_timeout_ms": TIMEOUT_MS,
            "max_retries": 0,
            "most_retries": 0,
        }
        options = f"-p {WEB},20000-23999 --max-retries 0 {patience}"
        return compare(
            "connect, 4,000 filtered ports, 0.5 s",
            ours(lab, {**across(lab, tcp=f"{WEB},20000-23999"), "timing": timing}),
            nmaps(lab, options, lab.server.ipv4),
            truth=[WEB],
            goal=FILTERED,
            rounds=rounds,
        )


def many_open_hosts(rounds: int) -> Iterator[Comparison]:
    """One open port of 16,384 hosts that one namespace answers for.

    Twice: the engine as a process of its own, which tells each open port as nmap does, and the
    whole run, which holds controls and routes against each host, and keeps an observation, evidence
    and a record of each. The second goal only guards what is there.
    """
    with laboratory() as (lab, folder):
        lab.run(lab.server, ["ip", "route", "add", "local", str(MANY), "dev", "lo"])
        lab.run(lab.server, ["sh", "-c", "echo 65535 >/proc/sys/net/core/somaxconn"])
        lab.run(lab.client, ["ip", "route", "add", str(MANY), "via", lab.server.ipv4])
        lab.serve(lab.server, [compiled("accept", folder), str(WEB)], port=WEB)
        free = {**FREE, "rates": {**FREE["rates"], "max_flows": None}}
        plan = {**across(lab, tcp=str(WEB)), **free, "hosts": [str(MANY)], "processes": 1}
        whole, alone = "whole run", "engine as a process"
        mine = {alone: hosts_by_engine(lab, str(MANY)), whole: ours(lab, plan, hosts=True)}
        peers = nmaps(lab, f"-p {WEB}", str(MANY), hosts=True)
        measured = measure({**mine, **peers}, rounds)
        for name, goal in ((alone, MANY_HOSTS), (whole, MANY_HOSTS_RECORDED)):
            yield against(
                f"connect, 16,384 open hosts, {name}",
                measured[name],
                [measured[each] for each in peers],
                truth=counted(MANY),
                goal=goal,
            )


def one_and_two(
    lab: Lab,
    host: str,
    plan: Mapping[str, object],
    truth: list[int],
    rounds: int,
    *,
    where: str = "loopback",
) -> Iterator[Comparison]:
    """Measure one process, two processes and nmap in the same rounds."""
    mine = {
        f"{count} process{'es' if count > 1 else ''}": ours(lab, {**plan, "processes": count})
        for count in (1, 2)
    }
    peers = nmaps(lab, "-p-", host)
    measured = measure({**mine, **peers}, rounds)
    for name, goal in zip(mine, (ONE_PROCESS, TWO_PROCESSES), strict=True):
        yield against(
            f"connect, 65,535 ports, {where}, {name}",
            measured[name],
            [measured[each] for each in peers],
            truth=truth,
            goal=goal,
        )


@contextmanager
def laboratory() -> Iterator[tuple[Lab, Path]]:
    """Two joined namespaces, and a folder that ends with them."""
    with tempfile.TemporaryDirectory() as name, Lab() as lab:
        folder = Path(name)
        folder.chmod(0o755)
        yield lab, folder


def across(lab: Lab, *, tcp: str) -> dict[str, Any]:
    """A plan for the server, with its web server as canary."""
    host = lab.server.ipv4
    return {"hosts": [host], "tcp": tcp, "positive": [f"{host}:{WEB}"], **FREE}


def ours(lab: Lab, plan: Mapping[str, object], *, hosts: bool = False) -> Attempt:
    """Scan with the product; our own control listener is attributed by it, and so left out."""

    def attempt() -> Iterable[int] | str:
        command = [*lab.client.enter, sys.executable, "-c", VANTAGE, json.dumps(plan)]
        record = json.loads(output_of(command).splitlines()[-1])
        if record["status"] != "complete":
            raise RuntimeError(f"our run was {record['status']}: {record['why']}")
        if hosts:
            told = record["hosts"].items()
            return counted(name.partition("/")[0] for name, each in told if "open" in each)
        return sorted(set(record["open_tcp"]) - set(record["own_ports"]))

    return attempt


def nmaps(lab: Lab, options: str, target: str, *, hosts: bool = False) -> dict[str, Attempt]:
    """Scan with nmap's defaults, and with its faster templates."""

    def attempt_with(template: str) -> Attempt:
        words = f"nmap -sT {template} -n -Pn {options} -oG - {target}".split()

        def attempt() -> Iterable[int] | str:
            told = output_of([*lab.client.enter, *words])
            if hosts:
                return counted(re.findall(r"Host: (\S+) .*/open/tcp", told))
            return sorted(int(port) for port in re.findall(r"(\d+)/open/tcp", told))

        return attempt

    return {f"nmap {each}".strip(): attempt_with(each) for each in ("", "-T4", "-T5")}


def engine(lab: Lab, host: str) -> Attempt:
    """Run our engine alone, in one process."""

    def attempt() -> Tried:
        command = [*lab.client.enter, sys.executable, str(ENGINE), host, "-", "1"]
        told = json.loads(output_of(command))
        return Tried([port for _, port in told["open"]], told["seconds"])

    return attempt


def hosts_by_engine(lab: Lab, network: str) -> Attempt:
    """Run our engine over a network, in one process whose start counts."""

    def attempt() -> str:
        command = [*lab.client.enter, sys.executable, str(ENGINE), network, str(WEB), "1"]
        return counted(address for address, _ in json.loads(output_of(command))["open"])

    return attempt


def floor(lab: Lab, program: str, host: str) -> Attempt:
    """Run the C program."""

    def attempt() -> Tried:
        words = f"{program} {host} 1 65535 1000 2000".split()
        seconds, *found = output_of([*lab.client.enter, *words]).split()
        return Tried([int(port) for port in found], float(seconds))

    return attempt


def serve(lab: Lab, namespace: Namespace, folder: Path) -> list[int]:
    """Start three real servers; gives their ports."""
    lab.serve(namespace, redis_command(), port=REDIS, timeout_s=20)
    lab.serve(namespace, [sys.executable, "-m", "http.server", str(WEB)], port=WEB)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {folder}/pid; error_log /dev/null;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; server {{ listen {NGINX}; }} }}\n",
        encoding="utf-8",
    )
    lab.serve(namespace, ["nginx", "-c", str(configuration)], port=NGINX)
    listening = lab.run(namespace, ["ss", "-Hltn"], env=ENVIRONMENT).stdout
    return sorted({int(line.split()[3].rpartition(":")[2]) for line in listening.splitlines()})


def redis_command() -> list[str]:
    """A Redis that keeps nothing."""
    options = {
        "port": str(REDIS),
        "bind": "0.0.0.0",
        "protected-mode": "no",
        "save": "",
        "dir": "/",
    }
    return [
        "redis-server",
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    ]


COMPARISONS = (
    all_ports_of_loopback,
    all_ports_across_a_network,
    all_ports_behind_a_filter,
    the_floor,
    filtered_ports,
    many_open_hosts,
)
