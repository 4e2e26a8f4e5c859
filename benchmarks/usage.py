"""What processes use: processor time and memory, with all their children."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """User and system time (s) that a process and its children have used so far."""
    total = 0.0
    for process in family(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory(pid: int) -> int:
    """Bytes of main memory that a process and its children hold (RSS)."""
    total = 0
    for process in family(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def machine_seconds() -> float:
    """Processor time (s) that everything on this machine has used so far."""
    times = psutil.cpu_times()
    # guest time is part of user time already
    return float(times.user + times.nice + times.system + getattr(times, "irq", 0.0))


class Watch:
    """Processes by what they are to the benchmark, from one moment to another."""

    def __init__(self, watched: Mapping[str, Sequence[int]]) -> None:
        """Begin now.

        Args:
            watched: what they are called in the result, and their pids.
        """
        self._watched = watched
        self._before = self._seconds()
        self._machine = machine_seconds()

    def _seconds(self) -> dict[str, float]:
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self._watched.items()}

    def used(self) -> dict[str, float]:
        """Processor time (s) since then, by name; `others` is all else on this machine."""
        now = self._seconds()
        used = {name: now[name] - before for name, before in self._before.items()}
        others = machine_seconds() - self._machine - sum(used.values())
        return {**used, "others": max(0.0, others)}

    def memory(self) -> dict[str, int]:
        """Bytes that they hold now, by name."""
        return {name: sum(map(memory, pids)) for name, pids in self._watched.items()}
