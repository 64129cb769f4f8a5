"""Giving up all privileges but one: CAP_NET_RAW, and that one too once every socket is open.

From root, or from the ambient set of an unprivileged parent. Order matters: the bounding set can
be cut only with CAP_SETPCAP, the user changed only with CAP_SETUID, and both are gone at the end.
"""

from __future__ import annotations

import os
from typing import Final

from portproof.rawhelper.libc import capset, prctl

# linux/prctl.h
_SET_DUMPABLE: Final = 4
_SET_KEEPCAPS: Final = 8
_CAPBSET_DROP: Final = 24
_SET_NO_NEW_PRIVS: Final = 38
_CAP_AMBIENT: Final = 47
_CAP_AMBIENT_CLEAR_ALL: Final = 4

_CAP_NET_RAW: Final = 13  # linux/capability.h
_MOST_CAPABILITIES: Final = 64
_NOBODY: Final = 65534


def keep_raw_sockets_only() -> None:
    """Give up everything but CAP_NET_RAW, for good.

    Raises:
        OSError: CAP_NET_RAW is not permitted to this process.
    """
    prctl(_SET_NO_NEW_PRIVS, 1)
    _cut_bounding_set()
    _become_nobody()
    capset(1 << _CAP_NET_RAW)
    prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    # Nobody else of this user may read our memory (the key of the cookies) or attach a debugger.
    prctl(_SET_DUMPABLE, 0)


def keep_nothing() -> None:
    """Give up CAP_NET_RAW as well: sockets that are open stay usable."""
    capset(0)


def _cut_bounding_set() -> None:
    for number in range(_MOST_CAPABILITIES):
        if number != _CAP_NET_RAW:
            try:
                prctl(_CAPBSET_DROP, number)
            except OSError:
                return  # no CAP_SETPCAP, or the last capability of this kernel was the one before


def _become_nobody() -> None:
    if os.geteuid() != 0:
        return
    prctl(_SET_KEEPCAPS, 1)
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        # A user namespace that maps root alone has no other user to become.
        return
