"""`make simulate`: search for schedules that break a promise, and show the first that is found."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from .campaign import LENGTH, Result, Run, search
from .episode import words_of
from .planted import PLANTS
from .shrink import shrink, story

MILLION = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Search; returns 1 when a promise was broken."""
    given = _parser().parse_args(arguments)
    if given.steps is None:
        given.steps = MILLION if given.seconds is None else sys.maxsize
    result = search(
        given.seed, given.steps, seconds=given.seconds, plant=given.plant, jobs=given.jobs
    )
    speed = result.steps / max(result.seconds, 0.001)
    _say(
        f"{result.steps} steps of {result.runs} runs, {result.commands} commands,"
        f" {result.crashes} crashes; {result.seconds:.1f} s, {speed:.0f} steps/s;"
        f" digest {result.digest}"
    )
    report = _as_json(result)
    if result.failed is None:
        _say("no violation")
    else:
        report["failure"] |= _show(result.failed, given.plant, given.steps)
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2) + "\n")
    return int(result.failed is not None)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _show(failed: Run, plant: str | None, steps: int) -> dict[str, object]:
    """Print what fails, the least that it needs, and how to see it again."""
    length = min(LENGTH, steps)
    again = f'make simulate ARGS="--seed {failed.seed} --steps {length}'
    again += f' --plant {plant}"' if plant else '"'
    _say(f"\nseed {failed.seed}, step {failed.steps}: {failed.failure}\n")
    scene, words = words_of(failed.seed, length)
    left = shrink(scene, words, failed.promise, plant)
    lines, violation = story(scene, left, plant)
    _say(f"it takes {len(left)} steps in {scene}:\n")
    _say("\n".join(lines))
    _say(f"\n{violation}\n\nagain: {again}")
    return {"shrunk": left, "story": lines, "again": again}


def _as_json(result: Result) -> dict[str, object]:
    failed = result.failed
    return {
        **result._replace(failed=None)._asdict(),
        "failure": failed._asdict() if failed is not None else None,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, help="of all runs together; a million by default")
    parser.add_argument("--seconds", type=float, help="go on for so long instead")
    parser.add_argument("--seed", type=int, default=0, help="of the first run; then one more each")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="a bug that should be found")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, help="write what came out to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
