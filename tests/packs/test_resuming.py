"""What a vantage keeps beside its pack until it is sealed, and how it goes on with what was cut short."""

from __future__ import annotations

import os
import random
import resource
import signal
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from factories import NOON, planned_host, scan_plan
from packs.packed import FORMS, RAW, FixedClock, a_key, keeper_at, pack_of, seen, small_run
from portproof.errors import EvidenceError, PackError
from portproof.model.carried import Checkpoint, carry_over
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import ControlSample, HostOutcome, RunRecord, RunStatus, ScanPlan
from portproof.packs.keeper import ResumingKeeper
from portproof.packs.keys import SigningKey
from portproof.packs.reading import open_pack
from portproof.packs.working import Kind, WorkingFile, working_path
from store.examples import batch

STARTED = NOON - timedelta(minutes=5)
PLAN = scan_plan(hosts=(planned_host(tcp="1-100"),))
CHECKPOINT = Checkpoint(drawn=(), witnesses=())


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return a_key(tmp_path)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return tmp_path / "run.pack"


def cut_short(pack: Path, key: SigningKey, plan: ScanPlan = PLAN) -> Path:
    """Leave the working file of a run behind that died after a checkpoint and one batch more."""
    keeper = keeper_at(pack, key)
    with keeper.run_lock():
        listener = keeper.begin_run(plan, STARTED)
        listener.batch(batch([22], state=PortState.OPEN, reason=Reason.HANDSHAKE))
        listener.observed(seen(), RAW)
        listener.batch(batch([1, 2], state=PortState.FILTERED, reason=Reason.NO_RESPONSE))
        listener.sampled(ControlSample(control_id="c", at_ms=10, as_expected=True, seen="open"))
        listener.checkpoint(CHECKPOINT)
        listener.batch(batch([3], state=PortState.FILTERED, reason=Reason.NO_RESPONSE))
    return working_path(pack)


def resuming(pack: Path, key: SigningKey, source: Path | None = None) -> ResumingKeeper:
    return ResumingKeeper(pack, key, source, forms=FORMS, clock=FixedClock())


def left_over(pack: Path, key: SigningKey, source: Path | None = None) -> RunRecord:
    keeper = resuming(pack, key, source)
    with keeper.run_lock():
        return keeper.interrupted()


def only_host(record: RunRecord) -> HostOutcome:
    (outcome,) = record.hosts
    return outcome


def test_a_run_that_died_is_told_as_far_as_it_was_acknowledged(pack: Path, key: SigningKey) -> None:
    cut_short(pack, key)
    record = left_over(pack, key)
    assert (record.status, record.plan, record.started) == (RunStatus.INTERRUPTED, PLAN, STARTED)
    outcome = only_host(record)
    assert {state: str(ports) for state, ports in outcome.states.items()} == {
        PortState.OPEN: "22",
        PortState.FILTERED: "1-2",
    }
    assert [each.evidence for each in outcome.observations] == [seen().evidence]
    assert [each.control_id for each in record.samples] == ["c"]


def test_silence_after_the_last_checkpoint_has_no_witness(pack: Path, key: SigningKey) -> None:
    cut_short(pack, key)
    assert str(only_host(left_over(pack, key)).unmeasured[LocalFault.CONTROL_FAILED]) == "3"


def go_on(keeper: ResumingKeeper) -> RunRecord:
    """Go on with what is left, hearing nothing new, and seal it."""
    record = keeper.interrupted()
    carried = carry_over(record)
    plan = replace(record.plan, run_id="the-rest", continues=record.plan.run_id)
    keeper.begin_run(plan, NOON, carried)
    whole = replace(
        record,
        plan=plan,
        status=RunStatus.COMPLETE,
        started=NOON,
        finished=NOON,
        duration_ms=0,
        continuation=carried.continuation,
    )
    keeper.finish_run(whole)
    return whole


def test_a_run_that_goes_on_is_sealed_with_the_evidence_of_both(
    pack: Path, key: SigningKey
) -> None:
    unfinished = cut_short(pack, key)
    keeper = resuming(pack, key)
    with keeper.run_lock():
        whole = go_on(keeper)
    assert not unfinished.exists()
    with open_pack(pack, FORMS) as opened:
        opened.origin(key.public.line(), NOON)
        packed = opened.run()
        assert list(packed.batches) == []
    assert packed.record == whole
    assert packed.raw == (b'{"banner":"220 mail\\r\\n","errno":0}',)


def test_a_run_that_goes_on_and_dies_too_still_knows_the_first(pack: Path, key: SigningKey) -> None:
    cut_short(pack, key)
    keeper = resuming(pack, key)
    with keeper.run_lock():
        record = keeper.interrupted()
        plan = replace(record.plan, run_id="the-rest", continues=record.plan.run_id)
        keeper.begin_run(plan, NOON, carry_over(record)).batch(
            batch([5], state=PortState.CLOSED, reason=Reason.RESET)
        )
    again = left_over(pack, key)
    assert (again.plan.run_id, again.plan.continues) == ("the-rest", PLAN.run_id)
    assert str(only_host(again).states[PortState.CLOSED]) == "5"
    assert str(only_host(again).states[PortState.OPEN]) == "22"
    assert again.continuation is not None
    assert again.continuation.since == STARTED


def test_an_interrupted_pack_can_be_gone_on_with_and_stays_as_it_is(
    tmp_path: Path, pack: Path, key: SigningKey
) -> None:
    first = small_run(status=RunStatus.INTERRUPTED, status_reason="stopped")
    stopped = pack_of(first, tmp_path / "stopped.pack", key)
    before = stopped.read_bytes()
    keeper = resuming(pack, key, stopped)
    with keeper.run_lock():
        assert keeper.interrupted() == first
        go_on(keeper)
    assert stopped.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["key", "run.pack", "stopped.pack"]


@pytest.mark.parametrize("lost", [1, 5, 9, 20])
def test_a_torn_end_is_dropped_and_all_before_it_stands(
    pack: Path, key: SigningKey, lost: int
) -> None:
    unfinished = cut_short(pack, key)
    os.truncate(unfinished, unfinished.stat().st_size - lost)
    outcome = only_host(left_over(pack, key))
    assert str(outcome.states[PortState.FILTERED]) == "1-2"
    assert not outcome.unmeasured


def test_a_flipped_bit_never_becomes_an_outcome(pack: Path, key: SigningKey) -> None:
    data = cut_short(pack, key).read_bytes()
    chance = random.Random(1)
    for _ in range(60):
        touched = bytearray(data)
        touched[chance.randrange(len(touched))] ^= 1 << chance.randrange(8)
        working_path(pack).write_bytes(touched)
        with suppress(PackError, EvidenceError):
            told = only_host(left_over(pack, key)).states
            assert set(told.get(PortState.OPEN, ())) <= {22}
            assert set(told.get(PortState.FILTERED, ())) <= {1, 2}


def test_a_working_file_in_which_no_run_began_is_said_to_hold_none(
    pack: Path, key: SigningKey
) -> None:
    for content in (
        b"",
        b"portproof.unfin",
        b"portproof.unfinished/1\n",
        b"portproof.unfinished/1\n\1",
    ):
        working_path(pack).write_bytes(content)
        with pytest.raises(PackError, match="holds no run: the scan ended before it began"):
            left_over(pack, key)


def test_a_file_that_is_no_working_file_is_left_as_it_is(pack: Path, key: SigningKey) -> None:
    working_path(pack).write_bytes(b"my notes\n")
    with pytest.raises(PackError, match="is no working file of a scan"):
        left_over(pack, key)
    assert working_path(pack).read_bytes() == b"my notes\n"


def test_a_link_is_not_followed(tmp_path: Path, pack: Path, key: SigningKey) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    working_path(pack).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PackError, match="is a link, which is not followed"):
        left_over(pack, key)


def test_nobody_else_can_have_the_file_while_a_run_is_kept(pack: Path, key: SigningKey) -> None:
    cut_short(pack, key)
    one, other = resuming(pack, key), resuming(pack, key)
    with one.run_lock(), pytest.raises(PackError, match="another scan is writing it"):
        other.run_lock().__enter__()


def test_nobody_but_its_owner_can_read_it(pack: Path, key: SigningKey) -> None:
    assert cut_short(pack, key).stat().st_mode & 0o777 == 0o600


def test_a_run_that_cannot_be_sealed_is_kept_and_sealed_later(pack: Path, key: SigningKey) -> None:
    keeper = keeper_at(pack, key)
    record = small_run()
    with keeper.run_lock():
        keeper.begin_run(record.plan, record.started).observed(seen(), RAW)
        pack.write_bytes(b"somebody's")
        with pytest.raises(PackError, match=r"is there already.*unfinished keeps the run"):
            keeper.finish_run(record)
    pack.unlink()
    again = resuming(pack, key)
    with again.run_lock():
        go_on(again)
    assert sorted(each.name for each in pack.parent.iterdir()) == ["key", "run.pack"]


def test_a_refused_run_leaves_nothing_behind(tmp_path: Path, pack: Path, key: SigningKey) -> None:
    with keeper_at(pack, key).run_lock():
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_what_another_left_of_a_seal_is_nobodys(pack: Path, key: SigningKey) -> None:
    pack.with_name(".run.pack.part").write_bytes(b"half")
    pack_of(small_run(), pack, key)
    with open_pack(pack, FORMS) as opened:
        assert opened.run().record == small_run()
    assert not pack.with_name(".run.pack.part").exists()


def test_a_full_disk_is_one_clear_error_and_takes_nothing_back(tmp_path: Path) -> None:
    file = WorkingFile(tmp_path / "x.unfinished", begin=True)
    file.append((Kind.BATCH, b"first"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
        with pytest.raises(PackError, match="the run cannot be kept: File too large"):
            file.append((Kind.BATCH, b"x" * 1_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    file.append((Kind.BATCH, b"second"))
    assert [each.body for each in file.frames()] == [b"first", b"second"]
    file.close()


def test_transports_of_a_kept_run_are_its_plan_s(pack: Path, key: SigningKey) -> None:
    cut_short(pack, key)
    assert {each.transport for each in left_over(pack, key).hosts} == {Transport.TCP}
