"""The account of a run: what became of each command, from what lies in the topics. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: ms; what was answered longer ago was committed.
BEFORE = 5_000
#: ms; the session of a worker that is gone. Whoever takes its shards over then answers what it had
#: not committed, and reads an FL's answer of before and one of after.
TAKEOVER = 6_000
#: ms; on a busy machine it takes longer than that, and the workers' logs say when it happened. What
#: comes later than this has another reason.
LATEST_TAKEOVER = 30_000


class Trouble(NamedTuple):
    """What may break off a worker's work or its commits, from `begin` to `end` in ms."""

    begin: int
    end: int
    #: who was killed or frozen; empty if no worker was.
    worker: str = ""


class Takeover(NamedTuple):
    """A worker has taken shards over."""

    ms: int
    worker: str
    shards: frozenset[int]


@dataclass(frozen=True)
class Sent:
    """A command as it lies in the inbound topic."""

    name: str
    partition: int
    offset: int
    switch: str


@dataclass(frozen=True)
class Given:
    """A command as it lies in an FL's read topic.

    Attributes:
        request: the correlation id that the FL knows it by.
        ms: the record's timestamp.
    """

    name: str
    request: str
    ms: int


@dataclass(frozen=True)
class Answered:
    """A message that a requester read.

    Attributes:
        error: its error type, None for an FL's answer.
        part: (index, total) of an answer in several messages.
        ms: the record's timestamp.
    """

    name: str
    error: str | None
    part: tuple[int, int] | None
    ms: int


@dataclass
class Account:
    """What is wrong, and what is worth knowing."""

    commands: int = 0
    lost: list[str] = field(default_factory=list)
    #: answered more than once: (name, how often, ms of each).
    duplicates: list[tuple[str, list[int]]] = field(default_factory=list)
    #: a later command of the same switch and source partition came before: (earlier, later).
    order_violations: list[tuple[str, str]] = field(default_factory=list)
    #: answers to commands that nobody sent.
    strangers: list[str] = field(default_factory=list)
    by: Counter[str] = field(default_factory=Counter)
    given_again: int = 0
    #: of the duplicates: answered with an error, then a kill repeated it, and its FL was back.
    given_after_an_error: int = 0
    late_dropped: int = 0

    def as_json(self) -> dict[str, Any]:
        """Counts, and the first of each sort of wrong."""
        return {
            "commands": self.commands,
            "lost": len(self.lost),
            "duplicates": len(self.duplicates),
            "order_violations": len(self.order_violations),
            "strangers": len(self.strangers),
            "answered_by": dict(self.by),
            "given_to_an_fl_again": self.given_again,
            "given_to_an_fl_after_an_error": self.given_after_an_error,
            "late_answers_dropped": self.late_dropped,
            "examples": {
                "lost": self.lost[:10],
                "duplicates": self.duplicates[:10],
                "order_violations": self.order_violations[:10],
                "strangers": self.strangers[:10],
            },
        }


def account(
    sent: Sequence[Sent],
    given: Sequence[Given],
    answers: Iterable[Answered],
    floodlights_answers: Iterable[str],
) -> Account:
    """Settle up.

    Args:
        given: of each FL's topic in the order of its partitions' offsets.
        floodlights_answers: the requests that FLs answered, once per answer.
    """
    found = Account(commands=len(sent))
    known = {command.name: command for command in sent}
    finals = _finals(answers, known, found)
    for name in known:
        times = finals.get(name, [])
        if not times:
            found.lost.append(name)
        elif len(times) > 1:
            found.duplicates.append((name, [ms for ms, _ in times]))
        for _, by in times[:1]:
            found.by[by] += 1
    _check_order(given, known, finals, found)
    delivered = found.by["an FL"]
    names = {each.request: each.name for each in given}
    answered = {names[request] for request in floodlights_answers if request in names}
    found.late_dropped = len(answered & known.keys()) - delivered
    return found


def _finals(
    answers: Iterable[Answered], known: dict[str, Sent], found: Account
) -> dict[str, list[tuple[int, str]]]:
    """(ms, by whom) of each final answer; an answer in parts is one when all of them are there."""
    finals: dict[str, list[tuple[int, str]]] = defaultdict(list)
    parts: dict[str, Counter[int]] = defaultdict(Counter)
    for answer in answers:
        if answer.name not in known:
            found.strangers.append(answer.name)
        elif answer.part is None:
            by = "an FL" if answer.error is None else f"error {answer.error}"
            finals[answer.name].append((answer.ms, by))
        else:
            index, total = answer.part
            have = parts[answer.name]
            have[index] += 1
            if len(have) == total:
                whole = min(have.values())
                if whole > len(finals[answer.name]):
                    finals[answer.name].append((answer.ms, "an FL"))
    return finals


def _check_order(
    given: Iterable[Given],
    known: dict[str, Sent],
    finals: Mapping[str, Sequence[tuple[int, str]]],
    found: Account,
) -> None:
    """Per switch and source partition, commands reach FLs in the order sent.

    Only the first time counts that a command was dealt with: what a kill repeats, it repeats later.
    That first time may have been an error for want of an FL; it is among the duplicates then.
    """
    last: dict[tuple[str, int], Sent] = {}
    seen: set[str] = set()
    for each in given:
        command = known.get(each.name)
        if command is None:
            continue
        if each.name in seen:
            found.given_again += 1
            continue
        seen.add(each.name)
        times = finals.get(each.name, ())
        if len(times) > 1 and any(by != "an FL" and ms < each.ms for ms, by in times):
            found.given_after_an_error += 1
            continue
        lane = (command.switch, command.partition)
        before = last.get(lane)
        if before is not None and before.offset > command.offset:
            found.order_violations.append((command.name, before.name))
        else:
            last[lane] = command


def unexplained(
    duplicates: Iterable[tuple[str, list[int]]],
    troubles: Sequence[Trouble],
    takeovers: Sequence[Takeover] = (),
) -> list[tuple[str, list[int]]]:
    """Those that do not stand next to a kill.

    What was answered just before a kill, and not committed yet, is done again at the takeover; and
    what was asked again there may be answered twice.

    Args:
        troubles: all that there were.
        takeovers: all that the workers tell of.
    """
    times_of_trouble = [
        (trouble.begin - BEFORE, trouble.end + TAKEOVER + BEFORE) for trouble in troubles
    ]
    for trouble in troubles:
        times_of_trouble += [(at, at + BEFORE) for at in _taken_over_at(trouble, takeovers)]
    return [
        (name, times)
        for name, times in duplicates
        if not all(
            any(first <= earlier <= last for first, last in times_of_trouble)
            for earlier in sorted(times)[:-1]
        )
    ]


def _taken_over_at(trouble: Trouble, takeovers: Sequence[Takeover]) -> list[int]:
    """When each of the shards that the worker had was another's, or its own again."""
    times = []
    in_order = sorted(takeovers)
    for shard in {shard for takeover in takeovers for shard in takeover.shards}:
        of_it = [takeover for takeover in in_order if shard in takeover.shards]
        before = [takeover.worker for takeover in of_it if takeover.ms <= trouble.begin]
        after = [takeover.ms for takeover in of_it if takeover.ms > trouble.begin]
        had_it = before and before[-1] == trouble.worker
        if had_it and after and after[0] <= trouble.end + LATEST_TAKEOVER:
            times.append(after[0])
    return times
