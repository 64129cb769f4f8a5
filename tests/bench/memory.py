"""How much the connect engine's processes grow while they carry out a plan far too large to finish.

A /8 with 100 ports each, 1.7 thousand million probes, of which as many are sent as the seconds
allow. Measured in each process: the largest resident set (VmHWM) less what it was before the engine
was made. The peer is the limit, so a ratio above 1 is room to spare.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from comparison import Comparison, output_of

from netns import Lab

LIMIT_MIB = 32.0
SECONDS = 6
SWEEP = Path(__file__).resolve().parent / "large_plan.py"


def connect_growth(rounds: int) -> Comparison:
    """Two connect processes over 10.0.0.0/8, all of it reset by the machine itself."""
    with Lab() as lab:
        lab.run(lab.client, ["ip", "link", "delete", "cable"])  # its network is part of the /8
        lab.run(lab.client, ["ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo"])
        command = [*lab.client.enter, sys.executable, str(SWEEP), str(SECONDS)]
        told = [json.loads(output_of(command)) for _ in range(min(rounds, 3))]
    growth = max(process for each in told for process in each["grown_mib"])
    wrong = [each for each in told if each["rows"] < SECONDS or each["wrong"]]
    return Comparison(
        name=f"memory, connect, /8 x 100 ports, {SECONDS} s, the largest of 3 processes",
        ours=round(growth, 2),
        peer=LIMIT_MIB,
        peer_name="limit",
        ratio=round(LIMIT_MIB / growth, 2),
        goal=1.0,
        found=f"{len(wrong)} wrong",
        truth="0 wrong",
        rounds=len(told),
        kind="memory",
        unit="MiB",
    )


COMPARISONS = (connect_growth,)
