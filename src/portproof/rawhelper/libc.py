"""The few system calls that Python's library does not have: sendmmsg(2), prctl(2), capset(2), and bind(2)."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SENDMMSG: Final = _LIBC.sendmmsg
_SENDMMSG.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
_PRCTL: Final = _LIBC.prctl
_PRCTL.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
_CAPSET: Final = _LIBC.capset
_BIND: Final = _LIBC.bind
_BIND.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]

_CAPABILITY_VERSION: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, linux/capability.h
_WORD: Final = 0xFFFFFFFF


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def sendmmsg(descriptor: int, messages: int, count: int, flags: int) -> int:
    """Send `count` messages whose array begins at that address; gives how many the kernel took.

    Raises:
        OSError: the first of them was not taken.
    """
    taken = int(_SENDMMSG(descriptor, messages, count, flags))
    if taken < 0:
        raise _last_error()
    return taken


def hear_all_interfaces(sock: socket.socket, ethertype: int) -> None:
    """Bind a packet socket to a protocol on whatever interface.

    Python's own bind() takes no interface number 0 before 3.12.

    Raises:
        OSError: the kernel refuses.
    """
    name = struct.pack("=HHiHBB8x", socket.AF_PACKET, socket.htons(ethertype), 0, 0, 0, 0)
    if _BIND(sock.fileno(), name, len(name)) < 0:
        raise _last_error()


def prctl(option: int, first: int = 0, second: int = 0) -> int:
    """Change or ask an attribute of this process.

    Raises:
        OSError: the kernel refuses.
    """
    answer = int(_PRCTL(option, first, second, 0, 0))
    if answer < 0:
        raise _last_error()
    return answer


def capset(held: int) -> None:
    """Hold exactly these capabilities (a bit each), permitted and effective, and none to inherit.

    Raises:
        OSError: one of them is not permitted to this process.
    """
    header = _Header(_CAPABILITY_VERSION, 0)
    sets = (_Sets * 2)(
        _Sets(held & _WORD, held & _WORD, 0), _Sets(held >> 32 & _WORD, held >> 32 & _WORD, 0)
    )
    if _CAPSET(ctypes.byref(header), sets) < 0:
        raise _last_error()


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
