"""Sequence numbers that nobody can guess: SipHash-2-4 of the endpoint, over whole columns.

Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). The sequence number of a probe is
the low half of the hash of its address and port, exclusive-or'ed with its slot. An answer names the
address and the port in its header and the sequence number in its acknowledgement (ICMP errors quote
all three), so the slot comes out again; whoever has not seen the probe has one chance in 2^32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_INITIAL: Final = (
    0x736F6D6570736575,
    0x646F72616E646F6D,
    0x6C7967656E657261,
    0x7465646279746573,
)
_ROUNDS: Final = 2
_LAST_ROUNDS: Final = 4
_KEY_BYTES: Final = 16


class Cookies:
    """The keyed hash of one run; the key is secret and of 16 bytes."""

    def __init__(self, key: bytes) -> None:
        """Take the key.

        Raises:
            ValueError: it is not 16 bytes long.
        """
        if len(key) != _KEY_BYTES:
            raise ValueError(f"a key has {_KEY_BYTES} bytes, not {len(key)}")
        self._key = np.frombuffer(key, dtype="<u8").astype(np.uint64)

    def of_v4(self, address: NDArray[np.uint32], port: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Hash IPv4 endpoints."""
        return self._low((address.astype(np.uint64) << np.uint64(16)) | port)

    def of_v6(self, high: Words, low: Words, port: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Hash IPv6 endpoints; an address is two numbers of 64 bits."""
        return self._low(high, low, port.astype(np.uint64))

    def _low(self, *words: Words) -> NDArray[np.uint32]:
        return self.hash(words).astype(np.uint32)

    def hash(self, words: Sequence[Words]) -> Words:
        """Give the 64-bit SipHash-2-4 of messages of whole 64-bit words, a column each."""
        first, second = self._key[0], self._key[1]
        keys = (first, second, first, second)
        state = [
            np.full(len(words[0]), np.uint64(start) ^ key)
            for start, key in zip(_INITIAL, keys, strict=True)
        ]
        # The last word holds no bytes of the message, only its length in the highest one.
        length = np.uint64(len(words) * 8 << 56)
        for word in (*words, length):
            state[3] ^= word
            _mix(state, _ROUNDS)
            state[0] ^= word
        state[2] ^= np.uint64(0xFF)
        _mix(state, _LAST_ROUNDS)
        return np.asarray(state[0] ^ state[1] ^ state[2] ^ state[3])


def _mix(state: list[Words], rounds: int) -> None:
    v0, v1, v2, v3 = state
    for _ in range(rounds):
        v0 += v1
        _rotate(v1, 13)
        v1 ^= v0
        _rotate(v0, 32)
        v2 += v3
        _rotate(v3, 16)
        v3 ^= v2
        v0 += v3
        _rotate(v3, 21)
        v3 ^= v0
        v2 += v1
        _rotate(v1, 17)
        v1 ^= v2
        _rotate(v2, 32)


def _rotate(words: Words, bits: int) -> None:
    """Rotate each word to the left, in place."""
    low = words >> np.uint64(64 - bits)
    words <<= np.uint64(bits)
    words |= low
