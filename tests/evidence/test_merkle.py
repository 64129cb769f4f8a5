"""The log's head is the Merkle tree hash of RFC 9162 §2.1.1."""

from __future__ import annotations

import hashlib
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.evidence.merkle import Frontier, leaf_hash

# The reference leaves and roots of the Certificate Transparency project (merkle_tree_test.cc).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

LEAVES = st.lists(st.binary(max_size=40), max_size=70)


def mth(leaves: list[bytes]) -> bytes:
    """The recursion of RFC 9162 §2.1.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


def grown(leaves: list[bytes]) -> Frontier:
    return reduce(Frontier.append, map(leaf_hash, leaves), Frontier())


@pytest.mark.parametrize("size", range(len(CT_ROOTS)))
def test_it_gives_the_roots_of_certificate_transparency(size: int) -> None:
    assert grown(CT_LEAVES[:size]).root().hex() == CT_ROOTS[size]


@given(LEAVES)
def test_it_agrees_with_the_recursion_of_the_rfc(leaves: list[bytes]) -> None:
    assert grown(leaves).root() == mth(leaves)


@given(LEAVES)
def test_it_keeps_one_node_for_each_bit_of_the_size(leaves: list[bytes]) -> None:
    frontier = grown(leaves)
    assert (frontier.size, len(frontier.nodes)) == (len(leaves), len(leaves).bit_count())


@given(LEAVES)
def test_packing_and_unpacking_are_inverse(leaves: list[bytes]) -> None:
    frontier = grown(leaves)
    assert Frontier.unpack(frontier.size, frontier.packed()) == frontier


@given(LEAVES.filter(bool), st.data())
def test_changing_any_leaf_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves[:position], leaves[position] + b"!", *leaves[position + 1 :]]
    assert grown(changed).root() != grown(leaves).root()


@pytest.mark.parametrize(
    ("size", "packed"), [(1, b""), (0, b"x" * 32), (3, b"x" * 32), (1, b"short")]
)
def test_bytes_that_are_no_frontier_of_that_size_are_refused(size: int, packed: bytes) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Frontier.unpack(size, packed)


def test_nodes_that_do_not_fit_the_size_are_refused() -> None:
    with pytest.raises(ValueError, match="a log of 3 leaves has 2 nodes"):
        Frontier(3, (b"x" * 32,))
