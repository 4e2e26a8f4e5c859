"""Runs every check of `deploy/` and names it: passed, failed, or not run and why.

Not run is a failure where CI is set: there everything is to be had.
"""

from __future__ import annotations

import os
import sys

from tests.deploy.checks import CHECKS
from tests.deploy.programs import NotRun, Wrong


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """A line for each; the exit status is 1 when one failed."""
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            say(f"passed   {name}: {check()}")
        except NotRun as error:
            say(f"NOT RUN  {name}: {error}")
            failed += os.environ.get("CI") == "true"
        except Wrong as error:
            say(f"FAILED   {name}:\n{error}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
