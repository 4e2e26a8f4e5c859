"""Ends brokers and removes their folder when the process that started them is gone.

pytest may be killed without a chance to clean up; its end of our standard input closes then.
Run as a program, with the folder as its argument; each line that it reads is `+pid` or `-pid`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

#: how long a folder may take to go, with all that a million commands left in it.
REMOVAL_TIMEOUT_S = 300.0


class Guard:
    """The guard's other end: tells it which processes are ours now."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for its owner
        )

    def started(self, pid: int) -> None:
        """This process is to end with us."""
        self._say(f"+{pid}")

    def ended(self, pid: int) -> None:
        """This process has ended and its id may soon be another's."""
        self._say(f"-{pid}")

    def close(self) -> None:
        """Let it do its work now and wait until it has."""
        with contextlib.suppress(BrokenPipeError):
            self._pipe.close()
        self._process.wait(REMOVAL_TIMEOUT_S)

    def _say(self, line: str) -> None:
        # Somebody may have killed it; we do its work ourselves as long as we live.
        with contextlib.suppress(BrokenPipeError):
            self._pipe.write(f"{line}\n".encode())
            self._pipe.flush()

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin


def main(folder: str) -> None:
    """Listen until the owner is gone, then clean up after it."""
    pids: set[int] = set()
    for line in sys.stdin:
        (pids.add if line[0] == "+" else pids.discard)(int(line[1:]))
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
