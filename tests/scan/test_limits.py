"""How many sockets there may be; tried in processes of their own, because limits are per process."""

from __future__ import annotations

import subprocess
import sys

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
