"""Prose under proselint: what it sees of pages and modules, and what it does not."""

from __future__ import annotations

import pytest

from tests.prose import complaints, of_markdown, of_python

MODULE = '''"""A module.

It waits for ever.
"""

text = "for ever"  # for ever
'''


def lines(text: str) -> list[int]:
    """Where proselint complains."""
    return [line for line, _ in complaints(text)]


def test_docstrings_and_comments_are_read_where_they_stand() -> None:
    """Other text of a module is not."""
    assert lines(of_python(MODULE)) == [3, 6]


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("It waits for ever.\n", [1]),
        ("A page.\n\nIt waits for ever.\n", [3]),
        ("```sh\nfor ever\n```\n\nIt waits for ever.\n", [5]),
        ("It takes `for ever` as it is.\n", []),
        ("    for ever\n", []),
        ("One switch.\n\nSwitch two.\n", []),
        ("| a switch | switch |\n", []),
        ("It waits for for it.\n", [1]),
    ],
)
def test_pages_are_read_without_their_code(page: str, told: list[int]) -> None:
    """Words of two paragraphs, or of two cells, are no phrase."""
    assert lines(of_markdown(page)) == told
