"""What tests read out of the pages: headings, tables, links."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class Link(NamedTuple):
    """`[text](target#anchor)`; the target is empty for a place on the same page."""

    text: str
    target: str
    anchor: str


def prose(page: str) -> str:
    """The page without its code blocks, whose `#` are no headings."""
    return _FENCED.sub("", page)


def headings(page: str) -> list[str]:
    """All of them, from top to bottom."""
    return [found[2] for found in _HEADING.finditer(prose(page))]


def anchor(heading: str) -> str:
    """The anchor of a heading: what mkdocs and GitHub both make of it.

    Raises:
        ValueError: they make different ones.
    """
    kept = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
    if not kept.isascii() or re.search(r"[\s-]{2}", kept):
        raise ValueError(f"mkdocs and GitHub have different anchors for {heading!r}")
    return re.sub(r"\s", "-", kept)


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    start = re.search(rf"^(#+) {re.escape(heading)}$", page, re.MULTILINE)
    assert start is not None, f"no heading {heading!r}"
    end = re.search(rf"^#{{1,{len(start[1])}}} ", page[start.end() :], re.MULTILINE)
    return page[start.end() :][: end.start()] if end is not None else page[start.end() :]


def rows(text: str) -> list[list[str]]:
    """The cells of all rows of the tables in `text`, without the heads of the tables."""
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in (line.strip() for line in text.splitlines())
        if line.startswith("|")
    ]
    rules = [at for at, row in enumerate(cells) if set("".join(row)) <= set("-|: ")]
    heads = {at - 1 for at in rules} | set(rules)
    return [row for at, row in enumerate(cells) if at not in heads]


def links(page: str) -> list[Link]:
    """All links to other pages, files and anchors of the repository; none to other sites."""
    return [
        Link(found[1], *found[2].partition("#")[::2])
        for found in _LINK.finditer(prose(page))
        if "://" not in found[2]
    ]


def code(cell: str) -> list[str]:
    """The words in backticks."""
    return re.findall(r"`([^`]+)`", cell)
