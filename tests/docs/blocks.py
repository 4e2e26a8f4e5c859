"""The code blocks of README and docs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCED = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n\n)((?:    [^\n]+\n?)+)")


class Block(NamedTuple):
    """One of them."""

    page: str
    line: int
    language: str
    #: what stands behind the language.
    note: str
    text: str

    def __str__(self) -> str:
        """As pytest names it."""
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    """All fenced ones; indented ones are commands, that is `sh`."""
    for path in PAGES:
        page, text = str(path.relative_to(ROOT)), path.read_text("utf-8")
        for found in _FENCED.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(page, line, found[1], found[2].strip(), found[3])
        bare = _FENCED.sub(lambda found: "\n" * found[0].count("\n"), text)
        for found in _INDENTED.finditer(bare):
            line = bare.count("\n", 0, found.start(1)) + 1
            yield Block(page, line, "sh", "", re.sub(r"^    ", "", found[1], flags=re.MULTILINE))


def of_page(page: str) -> Iterator[Block]:
    """Those of one page, in their order."""
    found = [block for block in blocks() if block.page == page]
    assert found, f"{page} has no block"
    yield from sorted(found, key=lambda block: block.line)
