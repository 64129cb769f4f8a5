"""`kill -9` at any moment: everything acknowledged is there, and nothing looks complete that was not."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portproof.evidence.leaf import LeafKind
from portproof.model.ports import PortSet
from portproof.model.scan import RunRecord, RunStatus
from portproof.store import SqlStore, open_store, verify_log
from store.examples import BEGAN, HOUR, RAW_DIGEST, plan

TESTS = Path(__file__).parents[1]

IN_A_RUN = """
import sys
from store.examples import BEGAN, RAW, batch, plan, with_banner
from portproof.model.observation import PortState, Reason
from portproof.store import open_store

store = open_store(sys.argv[1], create=True)
with store.run_lock():
    listener = store.begin_run(plan(), BEGAN)
    print("acknowledged 0", flush=True)
    for port in range(1, 101):
        listener.batch(batch([port], PortState.OPEN, Reason.HANDSHAKE))
        listener.observed(with_banner(port), RAW)
        print("acknowledged", port, flush=True)
    sys.stdin.read()
"""

RUN_AFTER_RUN = """
import sys
from store.examples import BEGAN, HOUR, happened, judgement, run
from portproof.model.finding import FindingEventKind
from portproof.store import open_store

store = open_store(sys.argv[1], create=True)
for number in range(1, 10_000):
    name = f"run-{number}"
    run(store, name, [22], at=BEGAN + number * HOUR)
    kind = FindingEventKind.SEEN if number > 1 else FindingEventKind.OPENED
    store.apply_events(name, [happened(kind, name)], [judgement()])
    print("acknowledged", number, flush=True)
"""


def acknowledged_before_kill(script: str, place: Path, *, lines: int, pause_s: float) -> int:
    """Start a script, let it acknowledge some things, and kill it a moment later."""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(TESTS)},
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(pause_s)
        process.kill()
        said += process.stdout.readlines()
    whole = [line for line in said if line.endswith("\n")]
    assert whole, "it never got that far"
    return int(whole[-1].split()[1])


def open_ports(record: RunRecord) -> PortSet:
    (host,) = record.hosts
    return next(iter(host.states.values()), PortSet.empty())


def heads_agree(store: SqlStore) -> bool:
    return verify_log(store) == []


@pytest.mark.parametrize("attempt", range(4))
def test_a_run_killed_while_it_measures_loses_nothing_acknowledged(
    place: Path, attempt: int
) -> None:
    chance = random.Random(attempt)
    lines, pause_s = chance.randint(1, 80), chance.uniform(0, 0.01)
    acknowledged = acknowledged_before_kill(IN_A_RUN, place, lines=lines, pause_s=pause_s)
    with open_store(place) as store:
        (shown,) = store.runs()
        assert (shown.status, shown.finished) == (RunStatus.INTERRUPTED, None)
        record = store.load_run("run-1")
        # One more may have been kept, and killed before it could say so.
        assert len(open_ports(record)) in (acknowledged, acknowledged + 1)
        assert PortSet.from_iterable(range(1, acknowledged + 1)) <= open_ports(record)
        (host,), (coverage,) = record.hosts, record.coverage
        assert len(host.observations) >= acknowledged
        # The last one's batch may have been kept, and not yet what was said on its connection.
        assert {each.evidence for each in host.observations[:acknowledged]} <= {RAW_DIGEST}
        assert coverage.missing == 100 - len(open_ports(record))
        assert not record.conclusive
        assert heads_agree(store)


@pytest.mark.parametrize("attempt", range(3))
def test_runs_killed_anywhere_are_whole_or_interrupted(place: Path, attempt: int) -> None:
    chance = random.Random(attempt)
    lines, pause_s = chance.randint(1, 15), chance.uniform(0, 0.03)
    acknowledged = acknowledged_before_kill(RUN_AFTER_RUN, place, lines=lines, pause_s=pause_s)
    with open_store(place) as store:
        assert heads_agree(store)
        complete = [each.id for each in store.runs() if each.status is RunStatus.COMPLETE]
        assert {f"run-{number}" for number in range(1, acknowledged + 1)} <= set(complete)
        assert all(each.status is not RunStatus.RUNNING for each in store.runs())
        (finding,) = store.findings()
        assert finding.times_seen == len(store.finding_events(finding.fingerprint)) >= acknowledged


def test_the_next_run_goes_on_after_a_kill(place: Path) -> None:
    acknowledged_before_kill(IN_A_RUN, place, lines=5, pause_s=0)
    with open_store(place) as store:
        with store.run_lock():
            store.begin_run(plan("run-2"), BEGAN + HOUR)
        with store.database.reading() as session:
            sql = "SELECT kind FROM leaf ORDER BY seq"
            kinds = list(session.connection().exec_driver_sql(sql).scalars())
        assert kinds == [LeafKind.RUN_BEGUN, LeafKind.RUN_INTERRUPTED, LeafKind.RUN_BEGUN]
        assert heads_agree(store)
