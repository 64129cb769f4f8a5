"""The connect engine against `nmap -sT -p- -n -Pn`: loopback, and a network with a firewall.

Ours is the product's executor as a whole process: interpreter start, controls before, during and
after, witnesses, record. Neither converses with what is open (nmap would need -sV). Both run inside network namespaces, where exactly
the servers started here listen, so the truth is known.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from comparison import Attempt, Comparison, compare, output_of

from netns import ENVIRONMENT, Lab, Namespace, filter_rules

GOAL = 2.0
VANTAGE = Path(__file__).resolve().parents[1] / "vantage.py"
# Rates that do not bind: nmap's defaults have none either.
FREE = {"silent": True, "rates": {"global_pps": 1_000_000, "per_host_pps": 1_000_000}}
# Most ports are reset; several hundred are dropped, some rejected, as behind a real filter.
FIREWALL = filter_rules(
    "tcp dport 2000-2399 drop",
    "tcp dport 7000-7099 reject with icmpx admin-prohibited",
    "tcp dport 7100-7199 reject with icmpx port-unreachable",
    "tcp dport 7200-7299 reject with icmpx host-unreachable",
)
REDIS, WEB, NGINX = 6379, 8080, 8443


def on_loopback(rounds: int) -> Comparison:
    """All ports of 127.0.0.1, three real servers up."""
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        truth = serve(lab, lab.client, Path(folder))
        plan = {"hosts": ["127.0.0.1"], "tcp": "-", "own_controls": True, **FREE}
        return compare(
            "connect, 65,535 ports, loopback",
            ours(lab, plan),
            nmap(lab, "127.0.0.1"),
            truth=truth,
            goal=GOAL,
            rounds=rounds,
        )


def across_a_network(rounds: int) -> Comparison:
    """All ports of a host across a veth pair: 400 dropped, 300 rejected, the rest reset."""
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        truth = serve(lab, lab.server, Path(folder))
        lab.nft(lab.server, FIREWALL)
        host = lab.server.ipv4
        plan = {"hosts": [host], "tcp": "-", "positive": [f"{host}:{REDIS}"], **FREE}
        return compare(
            "connect, 65,535 ports, veth with drops and rejects",
            ours(lab, plan),
            nmap(lab, host),
            truth=truth,
            goal=GOAL,
            rounds=rounds,
        )


def ours(lab: Lab, plan: Mapping[str, object]) -> Attempt:
    """Scan with the product; our own control listener is attributed by it, and so left out."""

    def attempt() -> list[int]:
        command = [*lab.client.enter, sys.executable, str(VANTAGE), json.dumps(plan)]
        record = json.loads(output_of(command).splitlines()[-1])
        if record["status"] != "complete":
            raise RuntimeError(f"our run was {record['status']}: {record['why']}")
        return sorted(set(record["open_tcp"]) - set(record["own_ports"]))

    return attempt


def nmap(lab: Lab, host: str) -> Attempt:
    """Scan with nmap's defaults."""
    command = [*lab.client.enter, "nmap", "-sT", "-p-", "-n", "-Pn", "-oG", "-", host]

    def attempt() -> list[int]:
        return sorted(int(port) for port in re.findall(r"(\d+)/open/tcp", output_of(command)))

    return attempt


def serve(lab: Lab, namespace: Namespace, folder: Path) -> list[int]:
    """Start three real servers; gives their ports."""
    folder.chmod(0o755)
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
