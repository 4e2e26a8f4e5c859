"""Runs every check of `deploy/` and names it: passed, failed, or not run and why.

Not run is a failure where CI is set: there everything is to be had.
"""

from __future__ import annotations

import os
import sys

from tests.deploy.checks import CHECKS
from tests.deploy.programs import NotRun, Wrong


def main() -> int:
    """A line for each; the exit status is 1 when one failed."""
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            print(f"passed   {name}: {check()}", flush=True)
        except NotRun as error:
            print(f"NOT RUN  {name}: {error}", flush=True)
            failed += os.environ.get("CI") == "true"
        except Wrong as error:
            print(f"FAILED   {name}:\n{error}", flush=True)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
