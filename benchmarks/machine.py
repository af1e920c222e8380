"""Which core works for whom, and what machine this is.

The server that is measured has the first core to itself; load, the pretend Slack and CarrierX and PostgreSQL share the
others. Where there is one core only, or the system cannot pin, everybody shares.
"""

import os
import platform
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


_CORES = _cores()
PINNED = len(_CORES) > 1


def take_load_core() -> None:
    """Leave the first core to the server; what this process starts from now on inherits that."""
    if PINNED:
        os.sched_setaffinity(0, _CORES[1:])


@contextmanager
def on_server_core() -> Iterator[None]:
    """What is started inside runs on the first core alone."""
    if not PINNED:
        yield
        return
    os.sched_setaffinity(0, _CORES[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, _CORES[1:])


def describe_machine() -> str:
    """Processor, memory, system and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {len(_CORES) or os.cpu_count()} cores, {memory:.0f} GiB; {_system()}; "
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}; load before: {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform(terse=True)
