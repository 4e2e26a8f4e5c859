"""The processes in which libFuzzer runs one target each."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_EXECUTED = re.compile(r"stat::number_of_executed_units: ([0-9]+)")
_SIZE = re.compile(r"corp: ([0-9]+)/")
#: s; an input that takes longer has found a way to keep the router busy.
_SLOW = 20
#: s that the start and the first look at the corpus may take.
_START = 120
#: bytes of an input; longer ones reach nothing new, and take long to get anywhere.
_LONGEST = 6_000


class Done(NamedTuple):
    """What became of one target."""

    name: str
    #: what happened, for people.
    line: str
    #: the input that found something.
    crash: Path | None
    #: what it found.
    trace: str


def fuzz(
    name: str, seconds: int, executions: int, seed: int, new: Path, known: Sequence[Path]
) -> Done:
    """Fuzz a target, starting from the inputs in `known`; new ones go to `new`.

    Args:
        name: of the target.
        seconds: after which it ends.
        executions: after which it ends instead, when not 0: with a seed always the same inputs.
        seed: of the inputs; 0: others each time.
        new: a folder.
        known: folders of inputs.
    """
    artifacts = new.parent / f"{name}-found"
    artifacts.mkdir()
    output = _run(
        name,
        [
            f"-runs={executions}" if executions else f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-timeout={_SLOW}",
            f"-max_len={_LONGEST}",
            f"-artifact_prefix={artifacts}/",
            "-print_final_stats=1",
            str(new),
            *map(str, known),
        ],
        seconds + _START,
    )
    executed = _EXECUTED.search(output)
    sizes = _SIZE.findall(output)
    crashes = sorted(artifacts.iterdir())
    count = f"{int(executed[1]):,}" if executed else "no"
    within = "" if executions else f" in {seconds} s"
    line = f"{name}: {count} executions{within}, {sizes[-1] if sizes else 0} inputs"
    if crashes:
        return Done(name, f"{line}: FOUND {crashes[0].name}", crashes[0], _trace(output))
    if executed is None:
        raise RuntimeError(f"{name} did not run:\n{output[-3000:]}")
    return Done(name, line, None, "")


def merge(name: str, into: Path, folders: Sequence[Path]) -> None:
    """Put the fewest inputs of `folders` that reach all that they do into `into`."""
    known = [str(folder) for folder in folders if folder.is_dir()]
    # How often an input reaches a line is no matter here, or hundreds would be kept.
    _run(name, ["-set_cover_merge=1", "-use_counters=0", str(into), *known], 10 * _START)


def _run(name: str, arguments: list[str], seconds: int) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.engine", name, *arguments]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=Path(__file__).parents[2],
        timeout=seconds,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace")


def _trace(output: str) -> str:
    """The part of libFuzzer's output that says what went wrong."""
    start = max(output.find("=== Uncaught Python exception: ==="), output.find("ALARM"), 0)
    end = output.find("==", start + 40)
    return output[start : end if end > 0 else None].strip()[-4_000:]
