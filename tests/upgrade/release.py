"""The release before: which commit it is, and its code, for processes that run it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

VERSION = "0.1.0"
COMMIT = "c7c03fd266d18968e1dca83fef58fc395d9fbcb6"

_ROOT = Path(__file__).parents[2]


class ReleaseMissing(RuntimeError):
    """The release's code is not to be had; the text says what to do."""


@contextlib.contextmanager
def checkout() -> Iterator[Path]:
    """The release's code in a folder, for as long as the context lasts.

    Its dependencies are today's: put the folder in `PYTHONPATH`.

    Raises:
        ReleaseMissing: neither this clone has it nor the one that it was made from.
    """
    if not _git("cat-file", "-e", f"{COMMIT}^{{commit}}") and not _git(
        "fetch", "--quiet", "--depth", "1", "origin", COMMIT
    ):
        raise ReleaseMissing(
            f"flrouter {VERSION} is not here: git fetch origin {COMMIT} (a clone with all of its"
            " history has it)"
        )
    with TemporaryDirectory(prefix=f"flrouter-{VERSION}-") as folder:
        code = Path(folder) / "code"
        if not _git("worktree", "add", "--quiet", "--detach", str(code), COMMIT):
            raise ReleaseMissing(f"git worktree add {code} {COMMIT} failed")
        try:
            yield code
        finally:
            _git("worktree", "remove", "--force", str(code))


def _git(*arguments: str) -> bool:
    """Whether git does it."""
    done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, check=False)
    return done.returncode == 0
