"""What `flrouter` and `python -m flrouter` run."""

from __future__ import annotations

from flrouter.cli import flrouter


def main() -> None:
    """Run the command that was typed."""
    flrouter(prog_name="flrouter")


if __name__ == "__main__":
    main()
