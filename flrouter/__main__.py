"""The command line: Faust's own, with this app preset (``flrouter worker`` and so on)."""

from __future__ import annotations

import sys

from flrouter.cli import register


def main() -> None:
    """Run ``faust -A flrouter`` with the arguments given."""
    from faust.cli.faust import cli

    register()
    cli(args=["-A", "flrouter", *sys.argv[1:]], prog_name="flrouter")


if __name__ == "__main__":
    main()
