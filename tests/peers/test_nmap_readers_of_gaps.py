"""What is hard on a reader of nmap: gaps, hostile text, names, IPv6, a run that concludes nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from factories import NOON, host_outcome, planned_host, run, tls
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, Resolution, RunStatus
from portproof.render.nmap_xml import nmap_xml

CHECKOUT = Path(__file__).resolve().parents[2]
HOSTILE = "\x00\x1b[2J]]></service><port> & \"'\ud800\u202e\ufffe" + "x" * 10_000


def hosts() -> tuple[HostOutcome, ...]:
    named = planned_host("2001:db8::5", tcp="1-99,443", udp="53", name="www.example.com")
    unseen = planned_host("10.0.0.9", tcp="1-100")
    return (
        host_outcome(
            named,
            states={PortState.OPEN: "22,443", PortState.FILTERED: "50-99"},
            unmeasured={LocalFault.CONTROL_FAILED: "1-9"},
            services={
                22: Service("ssh", HOSTILE),
                443: Service("https", "nginx/1.22.1", tls=tls()),
            },
        ),
        host_outcome(named, transport=Transport.UDP, states={PortState.OPEN_FILTERED: "53"}),
        host_outcome(unseen, unmeasured={LocalFault.NO_ROUTE: "1-100"}),
    )


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    gone = Resolution(name="gone.example.com", addresses=(), at=NOON, tcp=PortSet.of(22))
    record = run(
        *hosts(),
        plan={"resolutions": (gone,)},
        status=RunStatus.INCONCLUSIVE,
        status_reason="the canary was silent",
    )
    file = tmp_path_factory.mktemp("gaps") / "out.xml"
    file.write_text("".join(nmap_xml(record, f"portproof scan {HOSTILE}")), encoding="utf-8")
    done = subprocess.run(
        [
            CHECKOUT / ".venv-peers/bin/python",
            CHECKOUT / "tests/peers/readers.py",
            file,
            "/usr/share/nmap/nmap.dtd",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_nothing_but_the_scanners_name_is_strange_to_the_dtd(read: dict[str, Any]) -> None:
    (fault,) = read["dtd"]
    assert '"portproof" for attribute scanner' in fault


@pytest.mark.parametrize("reader", ["libnmap", "ivre"])
def test_what_was_not_measured_is_no_port_to_a_reader(read: dict[str, Any], reader: str) -> None:
    found = read[reader]["hosts"] if reader == "libnmap" else read[reader]
    seen = found["2001:db8::5"]
    assert seen["ports"]["22/tcp"] == seen["ports"]["443/tcp"] == "open"
    assert seen["ports"]["53/udp"] == "open|filtered"
    assert not any(port.split("/")[0] in map(str, range(1, 10)) for port in seen["ports"])
    assert seen["names"] == ["www.example.com"]


def test_a_host_of_which_nothing_was_measured_is_up_to_no_reader(read: dict[str, Any]) -> None:
    unseen = read["libnmap"]["hosts"]["10.0.0.9"]
    assert (unseen["status"], unseen["ports"]) == ("unknown", {})
    # IVRE keeps hosts that are up, and no others.
    assert "10.0.0.9" not in read["ivre"]


def test_gaps_are_counted_under_a_state_of_their_own(read: dict[str, Any]) -> None:
    extra = {"filtered": 50, "closed": 39, "unknown": 9}
    assert read["ivre"]["2001:db8::5"]["extra"] == extra
    assert read["libnmap"]["hosts"]["2001:db8::5"]["extra"] == {"state": "unknown", "count": "9"}
    assert read["libnmap"]["hosts"]["10.0.0.9"]["extra"] == {"state": "unknown", "count": "100"}
    assert (read["libnmap"]["up"], read["libnmap"]["total"]) == (1, 2)


def test_a_service_inside_tls_is_one_to_the_reader_and_hostile_text_is_text(
    read: dict[str, Any],
) -> None:
    services = read["libnmap"]["hosts"]["2001:db8::5"]["services"]
    assert services["443/tcp"] == ["https", "product: nginx version: 1.22.1", "ssl"]
    assert "\\x1b[2J" in services["22/tcp"][1]
