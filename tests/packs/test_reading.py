from __future__ import annotations

import random
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from factories import NOON, planned_host, scan_plan
from packs.packed import FORMS, a_key, keeper_at, members, pack_of, resealed, rewritten, small_run
from portproof.errors import EvidenceError, PackError
from portproof.evidence.pack import BATCHES, MANIFEST, MEMBERS, OUTCOME, PLAN, RAW, SIGNATURE
from portproof.packs.keys import SigningKey
from portproof.packs.reading import open_pack
from portproof.usecases.elsewhere import PackedRun
from store.examples import batch

Parts = dict[str, bytes]


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return a_key(tmp_path)


@pytest.fixture
def pack(tmp_path: Path, key: SigningKey) -> Path:
    return pack_of(small_run(), tmp_path / "run.pack", key, batches=(batch([1, 2, 22]),))


def read(path: Path, key: SigningKey) -> PackedRun:
    """Open a pack, believe its signature, and read all of it."""

    with open_pack(path, FORMS) as opened:
        opened.origin(key.public.line(), NOON)
        packed = opened.run()
        rows = tuple(packed.batches)
    return PackedRun(record=packed.record, raw=packed.raw, batches=rows)


def test_a_run_comes_out_as_it_went_in(pack: Path, key: SigningKey) -> None:
    packed = read(pack, key)
    assert packed.record == small_run()
    assert packed.raw == (b'{"banner":"220 mail\\r\\n","errno":0}',)
    assert [list(each.port) for each in packed.batches] == [[1, 2, 22]]


def test_the_same_run_packs_to_the_same_bytes(tmp_path: Path, key: SigningKey) -> None:
    one, other = (pack_of(small_run(), tmp_path / name, key) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_names_are_sorted_and_times_fixed(pack: Path) -> None:
    with zipfile.ZipFile(pack) as archive:
        entries = archive.infolist()
    assert [each.filename for each in entries] == sorted(MEMBERS)
    assert {each.date_time for each in entries} == {(1980, 1, 1, 0, 0, 0)}


def test_a_pack_is_never_overwritten(pack: Path, key: SigningKey) -> None:
    before = pack.read_bytes()
    with pytest.raises(PackError, match="is there already; a pack is never overwritten"):
        pack_of(small_run(), pack, key)
    assert pack.read_bytes() == before


def test_a_pack_without_a_folder_is_refused(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(PackError, match="there is no folder"):
        pack_of(small_run(), tmp_path / "no" / "run.pack", key)


def test_a_run_too_large_for_a_pack_is_refused_before_it_begins(
    tmp_path: Path, key: SigningKey
) -> None:
    hosts = tuple(planned_host(f"10.0.{n // 250}.{n % 250}") for n in range(1_526))
    keeper = keeper_at(tmp_path / "run.pack", key)
    with keeper.run_lock(), pytest.raises(PackError, match="scan fewer hosts or ports at a time"):
        keeper.begin_run(scan_plan(hosts=hosts), NOON)
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_a_run_that_cites_evidence_it_never_saw_leaves_no_pack(
    tmp_path: Path, key: SigningKey
) -> None:
    keeper = keeper_at(tmp_path / "run.pack", key)
    record = small_run()
    with keeper.run_lock():
        keeper.begin_run(record.plan, record.started)
        with pytest.raises(EvidenceError, match="was never handed in"):
            keeper.finish_run(record)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["key", "run.pack.unfinished"]


# ---------------------------------------------------------------- signature and digests


def test_another_key_has_not_signed_it(pack: Path, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="not signed with the key of vantage ext-1"):
        read(pack, a_key(tmp_path, "other"))


def test_a_signature_that_is_none_is_refused(pack: Path, key: SigningKey) -> None:
    for nothing in (b"", b"zz", b"00" * 63, b"00" * 64, b"\xff" * 128):
        rewritten(pack, {**members(pack), SIGNATURE: nothing})
        with pytest.raises(PackError, match=r"cannot be checked|not signed with the key"):
            read(pack, key)


def test_a_signature_for_another_purpose_is_none_here(pack: Path, key: SigningKey) -> None:
    parts = members(pack)
    bare = key.sign(parts[MANIFEST]).encode()
    with pytest.raises(PackError, match="not signed with the key"):
        read(rewritten(pack, {**parts, SIGNATURE: bare}), key)


@pytest.mark.parametrize("name", [PLAN, OUTCOME, RAW, BATCHES])
def test_a_member_that_was_changed_is_refused(pack: Path, key: SigningKey, name: str) -> None:
    parts = members(pack)
    parts[name] = parts[name].replace(b"2", b"3", 1) + b"\n" * (name == BATCHES)
    with pytest.raises(PackError, match=f"{name} is not what the manifest says"):
        read(rewritten(pack, parts), key)


def test_a_manifest_that_was_changed_is_refused(pack: Path, key: SigningKey) -> None:
    parts = members(pack)
    parts[MANIFEST] = parts[MANIFEST].replace(b'"zone":"internet"', b'"zone":"office"')
    with pytest.raises(PackError, match="or was changed since; nothing of it is believed"):
        read(rewritten(pack, parts), key)


# ---------------------------------------------------------------- hostile zip files


@pytest.mark.parametrize(
    "name",
    ["../plan.json", "/etc/cron.d/x", "a/plan.json", "plan.json/", "PLAN.JSON"],
)
def test_a_name_that_no_pack_has_is_refused(pack: Path, name: str) -> None:
    parts = members(pack)
    moved = {name if each == PLAN else each: data for each, data in parts.items()}
    with (
        pytest.raises(PackError, match="which no pack has"),
        open_pack(rewritten(pack, moved), FORMS),
    ):
        pass


def test_a_seventh_member_is_refused(pack: Path) -> None:
    with (
        pytest.raises(PackError, match="holds 7 members, and a pack has 6"),
        open_pack(rewritten(pack, {**members(pack), "more": b""}), FORMS),
    ):
        pass


def test_a_missing_member_is_refused(pack: Path) -> None:
    parts = members(pack)
    del parts[RAW]
    with (
        pytest.raises(PackError, match=r"lacks raw\.jsonl"),
        open_pack(rewritten(pack, parts), FORMS),
    ):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(pack: Path) -> None:
    parts = members(pack)
    with zipfile.ZipFile(pack, "w") as archive:
        for name in (*(each for each in parts if each != RAW), PLAN):
            archive.writestr(name, parts[name])
    with pytest.raises(PackError, match=r"holds plan\.json twice"), open_pack(pack, FORMS):
        pass


def test_a_link_is_refused(pack: Path) -> None:
    parts = members(pack)
    link = zipfile.ZipInfo(PLAN)
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(pack, "w") as archive:
        for name, data in parts.items():
            archive.writestr(link if name == PLAN else name, data)
    with pytest.raises(PackError, match=r"holds plan\.json as a link"), open_pack(pack, FORMS):
        pass


def test_another_compression_is_refused(pack: Path) -> None:
    parts = members(pack)
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_LZMA) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(PackError, match="packed in a way that no pack is"), open_pack(pack, FORMS):
        pass


def test_a_bomb_is_refused_before_it_is_unpacked(pack: Path) -> None:
    bomb = rewritten(pack, {**members(pack), OUTCOME: b"0" * 50_000_000})
    assert bomb.stat().st_size < 100_000
    with pytest.raises(PackError, match="no pack but a bomb"), open_pack(bomb, FORMS):
        pass


def test_a_size_beyond_its_bound_is_refused(pack: Path) -> None:
    data = random.Random(1).randbytes(2 << 20)
    with (
        pytest.raises(PackError, match=r"manifest\.json would unpack to 2,097,152 bytes"),
        open_pack(rewritten(pack, {**members(pack), MANIFEST: data}), FORMS),
    ):
        pass


def test_a_directory_that_lies_about_a_size_gains_nothing(pack: Path, key: SigningKey) -> None:
    parts = members(pack)
    rewritten(pack, parts)
    data = bytearray(pack.read_bytes())
    # The directory's entry of plan.json: its uncompressed size stands 24 bytes into it.
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(PLAN.encode()))
    struct.pack_into("<I", data, at + 24, 10)
    pack.write_bytes(data)
    with pytest.raises(PackError):
        read(pack, key)


def test_a_batch_that_unpacks_beyond_its_bound_is_refused(pack: Path, key: SigningKey) -> None:
    body = zlib.compress(b"\0" * (65 << 20))
    parts = {**members(pack), BATCHES: struct.pack("<I", len(body)) + body}
    with pytest.raises(PackError, match="would unpack to more than 67,108,864 bytes"):
        read(resealed(pack, key, parts), key)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x05\0\0\0abc", "in the middle of a batch"),
        (b"\x05\0", "in the middle of a batch"),
        (b"\x00\0\0\0", "empty or too large"),
        (b"\xff\xff\xff\xff", "empty or too large"),
        (b"\x03\0\0\0abc", "damaged"),
    ],
)
def test_batches_that_are_none_are_refused(
    pack: Path, key: SigningKey, data: bytes, why: str
) -> None:
    with pytest.raises(PackError, match=why):
        read(resealed(pack, key, {**members(pack), BATCHES: data}), key)


def test_a_probe_after_the_end_of_the_run_is_refused(pack: Path, key: SigningKey) -> None:
    body = FORMS.batch_bytes(batch([1], sent_ms=400_000))
    parts = {**members(pack), BATCHES: struct.pack("<I", len(body)) + body}
    with pytest.raises(PackError, match="a probe left after the run had ended"):
        read(resealed(pack, key, parts), key)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "is cited, and not there"),
        (b'{"banner":"more"}\n', "nothing in the run cites it"),
    ],
)
def test_the_raw_records_are_those_that_the_run_cites(
    pack: Path, key: SigningKey, raw: bytes, why: str
) -> None:
    with pytest.raises(PackError, match=why):
        read(resealed(pack, key, {**members(pack), RAW: raw}), key)


@pytest.mark.parametrize("name", [PLAN, OUTCOME])
def test_a_document_that_cannot_be_read_is_refused_even_when_signed(
    pack: Path, key: SigningKey, name: str
) -> None:
    for data in (b"{}", b"\xff", b'{"schema":"portproof.plan/1","plan":{}}', b"[" * 99_999):
        with pytest.raises(PackError, match="its run cannot be read"):
            read(resealed(pack, key, {**members(pack), name: data}), key)
        rewritten(pack, members(pack_again(pack, key)))


def pack_again(path: Path, key: SigningKey) -> Path:
    path.unlink()
    return pack_of(small_run(), path, key)


def test_no_damage_makes_it_fail_in_another_way(pack: Path, key: SigningKey) -> None:
    whole, chance = pack.read_bytes(), random.Random(7)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cut = len(data) if chance.random() < 0.7 else chance.randrange(len(data))
        pack.write_bytes(data[:cut])
        try:
            packed = read(pack, key)
        except PackError:
            continue
        assert packed.record == small_run()  # the damage met nothing that is read


def test_what_is_no_pack_says_so_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for data in (b"", b"PK\x05\x06", b"hello", b"PK\x05\x06" + b"\0" * 18):
        path.write_bytes(data)
        with pytest.raises(PackError) as refused, open_pack(path, FORMS):
            pass
        assert str(refused.value).startswith(f"{path}: ")
        assert "\n" not in str(refused.value)
    with pytest.raises(PackError, match="cannot be read"), open_pack(tmp_path, FORMS):
        pass
