"""Formats: workers of two releases may share a group, so what they write for each other says how.

What says nothing is of the first format, which release 0.1.0 wrote. A worker that meets a later one
than it knows ends, and says so: to guess at it, or to leave it out, would lose what it says.

- Of rows and fences it stands in the header `flrouter-row` (`durability/changelog.py`).
- Of what shards tell each other, behind a slash in `flrouter-what` (`agents/shards.py`).
- Request numbers are keys of rows, so it is the rows'. No other shard looks at them: what has one
  goes to the home that stands before it (`core/values/request.py`).
"""

from __future__ import annotations


class NewerFormat(RuntimeError):
    """A later release wrote this; the text says what to do."""

    def __init__(self, what: str, version: int, known: int) -> None:
        """`known` is the last format that this release reads."""
        super().__init__(
            f"{what} of format {version}, this flrouter reads up to {known}:"
            " run the release that wrote them, or a later one"
        )
