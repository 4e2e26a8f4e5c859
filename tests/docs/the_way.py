"""The pictures in `docs/architecture.md`: a command's way, the lives of requests, FLs and syncs.
`python -m tests.docs.the_way` draws them anew.

A command is sent in the simulator's system of one shard, one FL and one switch. Whenever it is in
the hands of one of the functions below, the files of flrouter that called each other until there
are noted.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, takewhile
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import flrouter
from flrouter.agents import commands, reports
from flrouter.core.floodlights import floodlights, sync
from flrouter.core.requests import pending
from flrouter.ports import Partition
from tests.core.lives import table_of
from tests.core.world import Record
from tests.simulation.episode import Episode
from tests.simulation.scene import Scene

PACKAGE = Path(flrouter.__file__).parent
PAGE = PACKAGE.parent / "docs" / "architecture.md"
#: a picture on the page, behind its mark.
BLOCK = re.compile(r"(<!-- the (\w+): .*? -->\n\n)```mermaid\n.*?```\n", re.DOTALL)
SCENE = Scene(1, 1, ((True, False),), False, False, 1, False, frozenset(), 60)
#: ms; until its FL has listed its switches.
START_MS = 12_000
#: ms; until a command is answered.
ANSWER_MS = 1_200
#: functions that a command and its answer go through: each begins a hop of the picture.
DECODED, TAKEN, SENT, WRITTEN = "decode", "Runner.offer", "Context.send", "MemoryLog.write"
HOPS = (DECODED, TAKEN, SENT, WRITTEN)

KAFKA = "Kafka"

Stack = tuple[tuple[str, str], ...]


def stack_of(frame: FrameType | None) -> Stack:
    """(file, function) of flrouter's frames, the outermost first; ports are no files of it."""
    found: list[tuple[str, str]] = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            found.insert(0, (str(path.relative_to(PACKAGE)), frame.f_code.co_qualname))
        frame = frame.f_back
    return tuple(found)


def holds(frame: FrameType, needle: bytes) -> bool:
    """Whether the arguments of a call have what we look for."""
    return any(needle in _text(value) for value in frame.f_locals.values())


def _text(value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case list() | tuple():
            return b" ".join(map(_text, value))
        case _:
            data = getattr(value, "value", None) or getattr(value, "data", None)
            return data if isinstance(data, bytes) else b""


def traced(needle: bytes, work: Callable[[], object]) -> Iterator[tuple[str, Stack]]:
    """The hops of what has `needle` in it, while `work` is done."""
    hops: list[tuple[str, Stack]] = []

    def call(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_qualname
        if event == "call" and name in HOPS and holds(frame, needle):
            hops.append((name, stack_of(frame)))

    sys.setprofile(call)
    try:
        work()
    finally:
        sys.setprofile(None)
    yield from hops


class Directory:
    """Every topic is there."""

    async def partitions(self, _topic: str) -> int:
        """One is enough."""
        return 1


def play() -> list[tuple[str, Stack]]:
    """The hops of a command, and of its answer."""
    episode = Episode(SCENE)
    [floodlight], [switch] = episode.floodlights, episode.switches

    def read_command(record: Record) -> object:
        at = Partition(record.topic, record.partition)
        return asyncio.run(commands.read(at, record, Directory()))  # type: ignore[arg-type]

    def read_report(record: Record) -> object:
        return reports.read(Partition(record.topic, record.partition), record, floodlight.name)

    for topic, count in episode.speech.inbound.items():
        episode.workers.reads(topic, count, read_command)
    for topic in floodlight.write_topics:
        episode.workers.reads(topic, 1, read_report)
    floodlight.switches[switch] = "ACTIVATED"
    episode._let_pass(START_MS)
    return list(
        traced(b"probe-", lambda: (episode.requesters.probe(switch), episode._let_pass(ANSWER_MS)))
    )


def legs() -> Iterator[tuple[str, list[tuple[str, Stack]]]]:
    """The hops of the command, then those of its answer, each once."""
    hops = [hop for hop in play() if len(hop[1]) > 1]
    back = next(at for at, hop in enumerate(hops) if hop[1][0][0] == "agents/reports.py")
    yield "the command", list(dict.fromkeys(hops[:back]))
    yield "its answer", list(dict.fromkeys(hops[back:]))


def steps() -> Iterator[tuple[str, str, str]]:
    """Who calls whom, and what: Kafka, or files."""
    for what, hops in legs():
        agent = hops[0][1][0]
        yield KAFKA, agent[0], f"{what}: {agent[1]}"
        before: Stack = ()
        for name, stack in hops:
            if name == TAKEN:
                yield agent[0], stack[0][0], f"fed: {stack[0][1]}"
            same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(stack, before))))  # noqa: B905
            for (caller, _), (called, function) in pairwise(stack[max(same - 1, 0) :]):
                if caller != called:
                    yield caller, called, function
            if name == WRITTEN:
                yield stack[-1][0], KAFKA, what
            before = stack


def way() -> str:
    """Who calls whom on a command's way, room by room."""
    arrows = list(steps())
    files = dict.fromkeys(name for arrow in arrows for name in arrow[:2] if name != KAFKA)
    lines = ["sequenceDiagram", f"    participant {KAFKA}"]
    for room in dict.fromkeys(name.partition("/")[0] for name in files):
        lines.append(f"    box {room}")
        names = [name for name in files if name.startswith(f"{room}/")]
        lines += [f"        participant {_alias(name)} as {Path(name).name}" for name in names]
        lines.append("    end")
    lines += [f"    {_alias(caller)}->>{_alias(called)}: {text}" for caller, called, text in arrows]
    return "\n".join(lines)


def life(module: ModuleType, *begins: str) -> str:
    """The table of stages and events in a module's docstring.

    Args:
        module: the module.
        begins: the stages in which a life begins.
    """
    events: dict[tuple[str, str], list[str]] = {}
    for (event, stage), cell in table_of(module).items():
        if cell != "=":
            events.setdefault((stage, cell), []).append(event)
    stages = dict.fromkeys(stage for stage, _ in events)
    lines = [
        "stateDiagram-v2",
        *(f'    state "{stage}" as {_name(stage)}' for stage in stages if _name(stage) != stage),
        *(f"    [*] --> {_name(stage)}" for stage in begins),
    ]
    lines += [
        f"    {_name(stage)} --> {_name(cell)}: {', or '.join(what)}"
        for (stage, cell), what in events.items()
    ]
    ends = dict.fromkeys(cell for _, cell in events if cell not in stages)
    return "\n".join([*lines, *(f"    {end} --> [*]" for end in ends)])


def _name(stage: str) -> str:
    return re.sub(r"\W+", "_", stage)


PICTURES = {
    "way": way,
    "request": partial(life, pending, "HELD", "SENT", "SENT copy"),
    "floodlight": partial(life, floodlights, "removed"),
    "sync": partial(life, sync, "none"),
}


def drawn(page: str) -> str:
    """The page with its pictures drawn anew."""
    return BLOCK.sub(lambda mark: f"{mark[1]}```mermaid\n{PICTURES[mark[2]]()}\n```\n", page)


def _alias(file: str) -> str:
    return file.removesuffix(".py").replace("/", "_")


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text("utf-8")), "utf-8")
