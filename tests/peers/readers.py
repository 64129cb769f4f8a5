"""What python-libnmap and IVRE make of nmap XML, as JSON: run by the interpreter of .venv-peers.

    .venv-peers/bin/python tests/peers/readers.py FILE

With a second argument, a DTD, the file is held against it first, and the faults are told.
"""

from __future__ import annotations

import json
import sys
import xml.sax
from typing import Any

from ivre.xmlnmap import Nmap2Txt
from libnmap.parser import NmapParser
from lxml import etree


def main() -> None:
    told: dict[str, Any] = {"libnmap": by_libnmap(sys.argv[1]), "ivre": by_ivre(sys.argv[1])}
    if len(sys.argv) > 2:
        told["dtd"] = faults_by_dtd(sys.argv[1], sys.argv[2])
    sys.stdout.write(json.dumps(told, default=str))


def by_libnmap(file: str) -> dict[str, Any]:
    report = NmapParser.parse_fromfile(file)
    return {
        "up": report.hosts_up,
        "total": report.hosts_total,
        "hosts": {
            host.address: {
                "status": host.status,
                "names": host.hostnames,
                "ports": {f"{each.port}/{each.protocol}": each.state for each in host.services},
                "services": {
                    f"{each.port}/{each.protocol}": [each.service, each.banner, each.tunnel]
                    for each in host.services
                },
                "extra": (host._extras.get("extraports") or {}).get("state"),
            }
            for host in report.hosts
        },
    }


def by_ivre(file: str) -> dict[str, Any]:
    handler = Nmap2Txt(file, None, filehash="0" * 64)
    xml.sax.parse(file, handler)
    return {
        host["addr"]: {
            "status": host["state"],
            "names": [each["name"] for each in host.get("hostnames", [])],
            "ports": {
                f"{each['port']}/{each['protocol']}": each["state_state"]
                for each in host.get("ports", [])
            },
            "services": {
                f"{each['port']}/{each['protocol']}": [
                    each.get(f"service_{part}") for part in ("name", "product", "version")
                ]
                for each in host.get("ports", [])
            },
            "extra": {state: each["total"] for state, each in host.get("extraports", {}).items()},
        }
        for host in handler._db
    }


def faults_by_dtd(file: str, dtd_file: str) -> list[str]:
    dtd = etree.DTD(dtd_file)
    dtd.validate(etree.parse(file))
    return [f"{each.line}: {each.message}" for each in dtd.error_log]


if __name__ == "__main__":
    main()
