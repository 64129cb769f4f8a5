"""Every test process gets a network of its own, so that parallel tests cannot see each other.

Many tests scan loopback and say which ports are closed. In one shared network that would be a
guess: another worker's server may come up on any port in the middle of the scan. A namespace of
its own has nothing but what the test starts, and keeps the tests off the internet as well.

Without root the machine's network has to serve (a process that enters a user namespace becomes
root there, which PostgreSQL and others refuse).
"""

from __future__ import annotations

import ctypes
import os
import subprocess

import pytest

CLONE_NEWNET = 0x40000000


def pytest_configure(config: pytest.Config) -> None:
    """Move this worker, or a run without workers, into a new network with loopback up."""
    controls_workers = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if os.geteuid() == 0 and not controls_workers:
        enter_own_network()


def enter_own_network() -> None:
    """Leave the machine's network. Threads that already run stay where they are.

    Raises:
        OSError: the kernel refuses; root in a container may lack the privilege.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "a network namespace of the tests' own was refused")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
