"""Workers' processes, forked from one that has flrouter loaded: loading it is most of their start.

Each is what `python -m flrouter worker` would be, with an environment and a folder of its own. The
commands of README and docs, and those of tests/cli, are started as a shell starts them.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

_forks = multiprocessing.get_context("forkserver")
# What takes long of what a worker imports. No setting is read by that.
_forks.set_forkserver_preload(
    [
        "faust.cli.faust",
        "flrouter.agents",
        "flrouter.network.faults",
        "flrouter.web.api.operations",
        "flrouter.web.metrics.collector",
    ]
)


def start(
    module: str, arguments: Sequence[str], *, environ: Mapping[str, str], folder: Path, log: Path
) -> BaseProcess:
    """Start `python -m module arguments` in `folder`, with all that it writes in `log`."""
    process = _forks.Process(
        target=_run, args=(module, [*arguments], {**environ}, folder, log), daemon=True
    )
    process.start()
    return process


def _run(
    module: str, arguments: list[str], environ: dict[str, str], folder: Path, log: Path
) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT, 0o644)
    for number, opened in enumerate((nothing, output, output)):
        os.dup2(opened, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [module, *arguments]
    runpy.run_module(f"{module}.__main__", run_name="__main__", alter_sys=True)
