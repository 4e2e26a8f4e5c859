"""The command line: Faust's own, with this app preset (``flrouter worker`` and so on)."""

from __future__ import annotations

import sys

from flrouter.cli import register
from flrouter.settings import BadSetting


def main() -> None:
    """Run ``faust -A flrouter`` with the arguments given."""
    from faust.cli.faust import cli

    register()
    try:
        cli(args=["-A", "flrouter", *sys.argv[1:]], prog_name="flrouter")
    except BadSetting as error:
        sys.stderr.write(f"flrouter: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
