"""What goes wrong, and when: made from a seed, so that a failing run can be had again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

#: how often each fault comes in a run: the least that docs/guarantees.md speaks of.
TIMES = {
    "kill a worker": 20,
    "freeze a worker": 4,
    "one worker more": 3,
    "one worker less": 3,
    "crash an FL": 5,
    "cut an FL off": 3,
    "kill a broker": 3,
    "restart the cluster": 1,
}
#: s, from and to: how long it stays that way.
LASTS = {
    "kill a worker": (0.0, 3.0),
    "freeze a worker": (1.0, 12.0),
    "crash an FL": (0.0, 6.0),
    "cut an FL off": (1.0, 10.0),
    "kill a broker": (2.0, 8.0),
    "restart the cluster": (0.0, 4.0),
}


#: a worker of the release before gives its place to one of today's, and the other way round.
UPGRADE, BACK = "upgrade a worker", "take a worker back"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong once `commands` were sent.

    Attributes:
        which: picks the one it happens to, among those that there are then.
        seconds: how long it lasts.
    """

    commands: int
    kind: str
    which: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} (#{self.which}, {self.seconds:.1f} s) at command {self.commands}"


def schedule(seed: int, commands: int, times: Mapping[str, int] = TIMES) -> list[Fault]:
    """The faults of a run of so many commands, in order; the last tenth is left in peace."""
    chance = random.Random(seed)
    kinds = [kind for kind, count in times.items() for _ in range(count)]
    chance.shuffle(kinds)
    _pair(kinds)
    step = commands * 0.9 / max(1, len(kinds))
    return [
        Fault(
            round(step * (number + chance.random())),
            kind,
            chance.randrange(1_000),
            round(chance.uniform(*LASTS.get(kind, (0.0, 0.0))), 1),
        )
        for number, kind in enumerate(kinds)
    ]


def rolling_upgrade(seed: int, commands: int, workers: int, kills: int) -> list[Fault]:
    """All workers are replaced one by one by today's, and back.

    Args:
        kills: of a worker before each of these steps.
    """
    chance = random.Random(seed)
    steps = [
        step
        for kind in (UPGRADE, BACK)
        for which in range(workers)
        for step in (*(("kill a worker", chance.randrange(1_000)),) * kills, (kind, which))
    ]
    each = commands * 0.9 / len(steps)
    return [
        Fault(
            round(each * (number + 0.5)),
            kind,
            which,
            round(chance.uniform(*LASTS.get(kind, (0.0, 0.0))), 1),
        )
        for number, (kind, which) in enumerate(steps)
    ]


def _pair(kinds: list[str]) -> None:
    """Nobody leaves before somebody joined."""
    more = 0
    for at, kind in enumerate(kinds):
        if kind == "one worker less" and not more:
            other = kinds.index("one worker more", at)
            kinds[at], kinds[other] = kinds[other], kinds[at]
        more += {"one worker more": 1, "one worker less": -1}.get(kinds[at], 0)
