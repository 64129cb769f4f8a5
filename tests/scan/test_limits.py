"""How many sockets there may be; tried in processes of their own, because limits are per process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

LIMITED = """
import resource, sys
soft, hard, wanted = (int(word) for word in sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from portproof.scan.limits import fit_connections
print(fit_connections(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def fitted(soft: int, hard: int, wanted: int) -> tuple[int, int]:
    command = [sys.executable, "-c", LIMITED, str(soft), str(hard), str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    connections, limit = done.stdout.split()
    return int(connections), int(limit)


STARVED = """
import json, resource, socket, sys, time
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.scan import Rates, Timing
from portproof.scan.identify import IdentifyRequest, identify
left, port = int(sys.argv[1]), int(sys.argv[2])
host, told = ip_address("127.0.0.1"), []
hoard = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        hoard.append(socket.socket())
except OSError:
    for _ in range(left):
        hoard.pop().close()
timing = Timing(dialogue_timeout_ms=100, udp_timeout_ms=100, max_retries=0)
identify(
    [IdentifyRequest(Endpoint(host, Transport.TCP, port))], timing=timing, max_connections=1,
    per_host=1, stop=lambda: False, on_result=lambda found: told.append(["tcp", found.asked]),
)
print(json.dumps(told))
"""


def test_the_soft_limit_is_raised_as_far_as_is_needed() -> None:
    connections, limit = fitted(64, 1024, 500)
    assert connections == 500
    assert 500 < limit < 1024


def test_the_hard_limit_narrows_the_scan_and_leaves_some_to_others() -> None:
    connections, limit = fitted(64, 128, 4_000)
    assert limit == 128
    assert 40 < connections < 100


def test_where_nothing_is_left_one_is_tried_all_the_same() -> None:
    assert fitted(16, 16, 4_000)[0] == 1


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (0, []),
        (1, [["tcp", False]]),
        (3, [["tcp", True]]),
    ],
)
def test_without_descriptors_nobody_is_asked_and_nothing_breaks(
    left: int, told: list[list[object]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-X", "dev", "-c", STARVED]
        done = subprocess.run(
            [*command, str(left), str(server.getsockname()[1])],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    assert json.loads(done.stdout) == told
    assert "never awaited" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr
