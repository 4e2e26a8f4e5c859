"""What a run takes place in: drawn from its seed, so that each run meets other circumstances."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

#: a second inbound topic has so many partitions, whatever the number of shards.
OTHER_PARTITIONS = 2


class Scene(NamedTuple):
    """The circumstances that hold throughout a run."""

    partitions: int
    switches: int
    #: per FL: whether it acknowledges, and whether it writes with null keys to any partition.
    floodlights: tuple[tuple[bool, bool], ...]
    #: batches are transactions.
    exactly_once: bool
    #: every worker's clock is its own.
    skewed: bool
    #: how many workers there are, and whether changelogs are compacted now and then.
    workers: int
    compacted: bool
    #: the groups of actions that may happen in this run, and how long their steps take on average.
    faults: frozenset[str]
    pace: int
    #: how FLs and services speak.
    profile: str = "plain"
    #: what workers keep of shards: those of others as a standby, local copies of their own.
    standby: bool = False
    copies: bool = False
    #: operators change the guarantee.
    changes: bool = False


#: what may go wrong; each run has some of it, for what happens all the time hides what is rare.
FAULTS = (
    "crash",
    "freeze",
    "lag",
    "stutter",
    "floodlights",
    "jumps",
    "spoof",
    "repeat",
    "operators",
    "odd answers",
    "switches",
    "bad commands",
)


def profile_of(seed: int) -> str:
    """The profile of a seed: in one run of three that of OpenKilda of 2025."""
    return "openkilda" if Random(f"profile {seed}").random() < 1 / 3 else "plain"


def draw(random: Random, seed: int) -> Scene:
    """The scene of a run."""
    profile, more = profile_of(seed), Random(f"more {seed}")
    keeps = more.choice(["nothing", "standby", "copies"])
    return Scene(
        partitions=random.choice([1, 2, 3, 3, 5]),
        switches=random.randint(1, 8),
        floodlights=tuple(
            (random.random() < 0.7 and profile == "plain", random.random() < 0.3)
            for _ in range(random.randint(1, 4))
        ),
        exactly_once=random.random() < 0.3,
        skewed=random.random() < 0.25,
        workers=random.choice([1, 2, 2, 3]),
        compacted=random.random() < 0.5,
        faults=frozenset(fault for fault in FAULTS if random.random() < 0.6),
        pace=random.choice([20, 60, 150]),
        profile=profile,
        standby=keeps == "standby",
        copies=keeps == "copies",
        changes=more.random() < 0.2,
    )
