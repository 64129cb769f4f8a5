"""The raw helper as a process: what it may do, how it ends, and what is said of what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import Lab, filter_rules
from portproof.model.rawwire import FrameReader, Kind, facts_of

pytestmark = pytest.mark.privileged

SWEEP = Path(__file__).parents[1] / "syn_sweep.py"
VANTAGE = Path(__file__).parents[1] / "vantage.py"
NET_RAW = 1 << 13
DROPPED = filter_rules("tcp dport 2000-65535 drop")
ONCE = {"timeout_ms": 200, "min_timeout_ms": 100, "max_retries": 0, "most_retries": 0}
# Slow enough to be met in the middle.
SLOW = {"tcp": "1000-65535", "rates": {"global_pps": 4000}, "tell": True}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lab.nft(lab.server, DROPPED)
        yield lab


def begin(lab: Lab, **asked: Any) -> subprocess.Popen[str]:
    """Start a sweep; returns once its first outcomes are there."""
    command = [sys.executable, str(SWEEP), json.dumps({"hosts": [lab.server.ipv4], **asked})]
    process = lab.popen(
        lab.client, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "probing\n"
    return process


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, complaints = process.communicate(timeout=60)
    assert "Traceback" not in complaints
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def helpers_of(parent: int) -> list[int]:
    """The raw helpers below a process, by their command line."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                above = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if b"portproof.rawhelper" in words and int(above) in (parent, *found):
                found.append(int(entry.name))
    return found


def status_of(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def sweep_process(process: subprocess.Popen[str]) -> int:
    """The sweep itself: nsenter replaces itself by it."""
    return process.pid


def test_a_working_helper_holds_no_capability_at_all(lab: Lab) -> None:
    process = begin(lab, **SLOW, processes=2)
    helpers = helpers_of(sweep_process(process))
    assert len(helpers) == 2
    for helper in helpers:
        status = status_of(helper)
        for held in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[held], 16) == 0, held
        assert int(status["CapBnd"], 16) & ~NET_RAW == 0
        assert status["NoNewPrivs"] == "1"
        if os.geteuid() == 0:
            assert status["Uid"].split() == ["65534"] * 4
            assert status["Gid"].split() == ["65534"] * 4
            assert status["Groups"] == ""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert gone(helpers)


def gone(processes: list[int]) -> bool:
    """Whether all of them end, within some seconds."""
    for _ in range(500):
        alive = [each for each in processes if Path(f"/proc/{each}").exists()]
        if all(status_of(each)["State"].startswith("Z") for each in alive):
            return True
        time.sleep(0.02)
    return False


def test_what_a_killed_helper_leaves_is_unmeasured_and_the_other_goes_on(lab: Lab) -> None:
    process = begin(lab, **{**SLOW, "tcp": "1000-9999"}, processes=2, timing=ONCE)
    helpers = helpers_of(sweep_process(process))
    os.kill(helpers[-1], signal.SIGKILL)
    result = result_of(process)
    said = result["hosts"][lab.server.ipv4]
    assert result["done"] == result["planned"] == sum(len(ports) for ports in said.values()) == 9000
    assert said["lost-worker"]
    assert len(said["filtered no-response"]) > len(said["lost-worker"])
    assert "closed reset" in said
    assert set(said) == {"lost-worker", "filtered no-response", "closed reset"}
    assert result["problem"] == "the raw helper died"


def test_without_any_helper_left_all_the_rest_is_unmeasured(lab: Lab) -> None:
    process = begin(lab, **SLOW)
    os.kill(helpers_of(sweep_process(process))[0], signal.SIGKILL)
    result = result_of(process)
    said = result["hosts"][lab.server.ipv4]
    assert result["done"] == result["planned"] == 64536
    assert len(said["lost-worker"]) > 50_000
    assert "filtered no-response" not in said


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stop_ends_the_sweep_within_a_second(lab: Lab, processes: int) -> None:
    # All are reset at once, and would take twenty seconds.
    asked = {"hosts": [lab.server.ipv4], "tcp": "1-1999", "rates": {"global_pps": 100}}
    changes = {"stop_after_s": 3.0, "processes": processes}
    command = [sys.executable, str(SWEEP), json.dumps({**asked, **changes})]
    result = json.loads(lab.run(lab.client, command).stdout.splitlines()[-1])
    assert result["complete"] is False
    assert 0 < result["done"] < 400
    assert result["ended_s"] < 3.0 + 1.0
    assert list(result["hosts"][lab.server.ipv4]) == ["closed reset"]


def test_a_helper_whose_parent_is_killed_ends(lab: Lab) -> None:
    process = begin(lab, **SLOW, processes=2)
    helpers = helpers_of(sweep_process(process))
    process.kill()
    process.communicate()
    assert gone(helpers)


def helper_told(frame: bytes) -> tuple[int, str, list[tuple[Kind, bytes]]]:
    """Start a helper alone, say one thing to it, and give how it ended and what it said."""
    import socket  # noqa: PLC0415 - only here

    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "portproof.rawhelper"],
            stdin=theirs.fileno(),
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        ours.sendall(frame)
        ours.settimeout(30)
        said = []
        reader = FrameReader()
        while received := ours.recv(1 << 16):
            said += list(reader.feed(received))
        complaint = process.communicate(timeout=30)[1]
    return process.returncode, complaint, said


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (b"\xff" * 64, "raw helper: a frame of version 255: this is version 1"),
        (b"\xff\xff\xff\x7f\x01\x01", "raw helper: a frame of 2147483647 bytes: at most 4194304"),
        (b"\x02\0\0\0\x03\x01{}", "raw helper: a parent begins with PLAN, not with STOP"),
        (b"\x02\0\0\0\x01\x01{}", "raw helper: the plan is not understood: KeyError('global_pps')"),
    ],
)
def test_a_helper_that_is_told_nonsense_says_so_in_one_line_and_ends(
    frame: bytes, line: str
) -> None:
    code, complaint, said = helper_told(frame)
    assert code == 1
    assert complaint == f"portproof {line}\n"
    assert [kind for kind, _ in said] == [Kind.FAILED]
    assert facts_of(said[0][1]) == {"problem": line}


def test_a_helper_started_by_hand_says_that_it_is_not_for_hands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portproof.rawhelper"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "portproof.rawhelper: started by portproof's scan engine, not by hand\n"


def test_without_the_capability_the_reason_is_given_and_nothing_is_claimed(lab: Lab) -> None:
    command = [sys.executable, str(SWEEP), json.dumps({"hosts": [lab.server.ipv4], "tcp": "1-50"})]
    powerless = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all", *command]
    result = json.loads(lab.run(lab.client, powerless).stdout.splitlines()[-1])
    assert result["unavailable"].startswith("the SYN engine needs CAP_NET_RAW")
    assert result["problem"] == result["unavailable"]
    assert set(result["hosts"][lab.server.ipv4]) == {"no-permission"}
    assert result["done"] == 50


def test_a_whole_run_with_this_engine_is_witnessed_and_complete(lab: Lab) -> None:
    listen = [sys.executable, "-m", "http.server", "80"]
    lab.serve(lab.server, listen, port=80)
    asked = {
        "hosts": [lab.server.ipv4],
        "tcp": "1-100,3000-3009",
        "positive": [f"{lab.server.ipv4}:80"],
        "silent": True,
        "engine": "syn",
        "timing": {"timeout_ms": 200, "min_timeout_ms": 100, "control_interval_ms": 200},
    }
    done = lab.run(lab.client, [sys.executable, str(VANTAGE), json.dumps(asked)])
    record = json.loads(done.stdout.splitlines()[-1])
    assert record["status"] == "complete"
    said = record["hosts"][f"{lab.server.ipv4}/tcp"]
    assert (said["open"], said["filtered"]) == ("80", "3000-3009")


def test_a_plan_of_a_whole_slash_8_starts_at_once_and_memory_stays_flat() -> None:
    with Lab() as lab:
        lab.run(lab.client, ["ip", "link", "delete", "cable"])  # its network is part of the /8
        lab.run(lab.client, ["ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo"])
        large = [sys.executable, str(SWEEP.parent / "syn_large.py"), "4", "2"]
        told = json.loads(lab.run(lab.client, large).stdout.splitlines()[-1])
    assert told["rows"] > 10_000
    assert told["wrong"] == 0
    assert len(told["grown_mib"]) == 3
    assert max(told["grown_mib"]) < 32


def test_the_command_line_says_when_the_other_engine_is_used_instead(tmp_path: Path) -> None:
    portproof = [sys.executable, "-P", "-m", "portproof", "scan", "127.0.0.1", "--engine", "syn"]
    powerless = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all", *portproof]
    done = subprocess.run(
        [*powerless, "--dry-run"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[0] == (
        "portproof: the SYN engine needs CAP_NET_RAW: run as root, or with it in the ambient set; "
        "the connect engine is used instead"
    )
