"""`python -m tests.fuzz`: every target, each in a process of its own, and a line for each."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import process
from tests.fuzz.kept import CRASHES, corpus, kept
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Fuzz, or run one input again; the status is 1 when something was found."""
    arguments = _arguments()
    names = arguments.target or list(TARGETS)
    if arguments.again:
        for name in names:
            TARGETS[name](arguments.again.read_bytes())
            say(f"{name}: nothing wrong with it")
        return 0
    if importlib.util.find_spec("atheris") is None:
        say("atheris is missing: pip install 'atheris>=3,<4' (Python 3.11 to 3.13, Linux, x86-64)")
        return 2
    share = max(1, round(arguments.seconds * arguments.jobs / len(names)))
    with tempfile.TemporaryDirectory(prefix="flrouter-fuzz-") as folder:
        crashes = 0
        for done in _fuzz(names, share, arguments, Path(folder)):
            say(done.line)
            if done.crash is not None:
                crashes += 1
                _show(done.name, done.crash, done.trace)
            elif arguments.keep:
                _keep(done.name, Path(folder))
    return 1 if crashes else 0


def say(text: str) -> None:
    """A line for whoever watches, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--executions", type=int, default=0, help="of each target, instead")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs; 0: others each time")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this; repeatable")
    parser.add_argument("--jobs", type=int, default=1, help="targets at the same time")
    parser.add_argument("--keep", action="store_true", help="what is new goes into the corpus")
    parser.add_argument("--again", type=Path, metavar="FILE", help="run this one input")
    return parser.parse_args()


def _fuzz(
    names: list[str], seconds: int, how: argparse.Namespace, folder: Path
) -> Iterator[process.Done]:
    def one(name: str) -> process.Done:
        new = folder / name
        new.mkdir()
        first = new.parent / f"{name}-seeds"  # where none are kept, there is nothing else
        first.mkdir()
        for number, data in enumerate(seeds()[name]):
            (first / str(number)).write_bytes(data)
        known = [first, *kept(name)]
        return process.fuzz(name, seconds, how.executions, how.seed, new, known)

    with ThreadPoolExecutor(how.jobs) as pool:
        yield from pool.map(one, names)


def _show(name: str, crash: Path, trace: str) -> None:
    """The input is stored where test_corpus.py finds it: it fails until the bug is no more."""
    stored = CRASHES / name / crash.name
    stored.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(crash, stored)
    place = stored.relative_to(Path.cwd()) if stored.is_relative_to(Path.cwd()) else stored
    say(trace)
    say(f"  input:  {crash.read_bytes()!r}")
    say(f"  stored: {place}")
    say(f"  again:  python -m tests.fuzz --target {name} --again {place}")


def _keep(name: str, folder: Path) -> None:
    """The corpus becomes the fewest files that reach all that it and the new ones do."""
    smallest = folder / f"{name}-smallest"
    smallest.mkdir()
    process.merge(name, smallest, [folder / name, corpus(name)])
    files = sorted(smallest.iterdir())
    if files:
        shutil.rmtree(corpus(name), ignore_errors=True)
        shutil.copytree(smallest, corpus(name))
    say(f"{name}: the corpus has {len(files)} files")


if __name__ == "__main__":
    sys.exit(main())
