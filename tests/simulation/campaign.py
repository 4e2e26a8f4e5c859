"""Many runs, one seed after the other, on as many processes as wanted, until one fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context
from typing import NamedTuple
from zlib import crc32

from .episode import outcome, words_of
from .planted import planted

#: steps of one run; short enough to try many scenes, long enough to get into trouble.
LENGTH = 3_000


class Run(NamedTuple):
    """What became of one seed."""

    seed: int
    steps: int
    digest: int
    crashes: int
    commands: int
    #: the promise that was not kept, and how; empty when all were.
    promise: str
    failure: str


class Result(NamedTuple):
    """What became of all of them."""

    runs: int
    steps: int
    crashes: int
    commands: int
    seconds: float
    #: of everything that was written in all runs.
    digest: str
    failed: Run | None


def run(job: tuple[int, int, str | None]) -> Run:
    """Play one seed: (seed, steps, planted bug)."""
    seed, steps, plant = job
    scene, words = words_of(seed, steps)
    with planted(plant):
        episode, violation = outcome(scene, words)
    return Run(
        seed,
        episode.steps,
        episode.topics.digest,
        episode.workers.crashes,
        len(episode.promises.by_number),
        violation.promise if violation is not None else "",
        str(violation) if violation is not None else "",
    )


def search(
    seed: int,
    steps: int,
    *,
    seconds: float | None = None,
    plant: str | None = None,
    jobs: int = 1,
) -> Result:
    """Play seeds from `seed` on, until one fails, or for `steps` steps or so many seconds."""
    begin = time.monotonic()
    runs = total = crashes = commands = digest = 0
    with _played(seed, steps, plant, jobs) as played:
        for done in played:
            runs += 1
            total += done.steps
            crashes += done.crashes
            commands += done.commands
            digest = crc32(f"{done.seed} {done.digest}".encode(), digest)
            spent = time.monotonic() - begin
            if done.failure or (seconds is not None and spent >= seconds):
                break
    failed = done if done.failure else None
    spent = time.monotonic() - begin
    return Result(runs, total, crashes, commands, spent, f"{digest:08x}", failed)


@contextmanager
def _played(seed: int, steps: int, plant: str | None, jobs: int) -> Iterator[Iterator[Run]]:
    work = ((at, length, plant) for at, length in zip(count(seed), _lengths(steps), strict=False))
    if jobs == 1:
        yield map(run, work)
    else:
        with get_context("forkserver").Pool(jobs) as pool:
            # In order, so that the digest of the same seeds is the same.
            yield pool.imap(run, work, chunksize=4)


def _lengths(steps: int) -> Iterator[int]:
    while steps > 0:
        yield min(LENGTH, steps)
        steps -= LENGTH
