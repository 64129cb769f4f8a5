r"""The Merkle tree hash of RFC 9162, computed as leaves come.

A log is a list of leaves. Its head is one hash over all of them, and changing, removing or
swapping any leaf changes the head. To append, only the roots of the complete subtrees are needed
(the *frontier*): one per 1-bit of the size, so 20 hashes for a million leaves::

    size 7 = 111b            root
                            /    \
                        4-tree   (2-tree, leaf)       frontier: (4-tree, 2-tree, leaf)

The tree is the one of the RFC, so inclusion and consistency proofs (§2.1.3, §2.1.4) over the
stored leaves will prove against every head that was ever printed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import reduce
from typing import Final

HASH_BYTES: Final = hashlib.sha256().digest_size

# RFC 9162 §2.1.1: without the prefixes, an inner node could be passed off as a leaf.
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Give the hash of one leaf's bytes."""
    return hashlib.sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of an inner node from those of its two children."""
    return hashlib.sha256(_NODE + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be known of a log to append to it and to give its head.

    `nodes` are the roots of its complete subtrees, largest first: one per 1-bit of `size`.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.nodes) != self.size.bit_count():
            raise ValueError(f"a log of {self.size} leaves has {self.size.bit_count()} nodes")

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """Read the frontier back from its size and the bytes of `packed`.

        Raises:
            ValueError: the bytes are not the nodes of a log of that size.
        """
        if len(packed) != size.bit_count() * HASH_BYTES:
            raise ValueError(f"{len(packed)} bytes are not the frontier of {size} leaves")
        starts = range(0, len(packed), HASH_BYTES)
        return cls(size, tuple(packed[start : start + HASH_BYTES] for start in starts))

    def packed(self) -> bytes:
        """Give the nodes as one run of bytes."""
        return b"".join(self.nodes)

    def append(self, leaf: bytes) -> Frontier:
        """Give the frontier with one more leaf, by its hash."""
        nodes, node, size = list(self.nodes), leaf, self.size
        # Each trailing 1-bit of the size is a complete subtree that the new one completes a pair of.
        while size & 1:
            node = node_hash(nodes.pop(), node)
            size >>= 1
        return Frontier(self.size + 1, (*nodes, node))

    def root(self) -> bytes:
        """Give the Merkle tree hash over all leaves; that of no leaves is the hash of nothing."""
        if not self.nodes:
            return hashlib.sha256().digest()
        return reduce(lambda right, left: node_hash(left, right), reversed(self.nodes))
