"""The page on the architecture: its pictures are the code's, its ten files are there."""

from __future__ import annotations

import re

from tests.docs.markdown import code, section
from tests.docs.the_way import BLOCK, PACKAGE, PAGE, PICTURES, drawn

TEXT = PAGE.read_text("utf-8")


def test_the_pictures_are_what_the_code_does() -> None:
    """If not, `python -m tests.docs.the_way` draws them anew."""
    assert {mark[1] for mark in BLOCK.findall(TEXT)} == PICTURES.keys()
    assert drawn(TEXT) == TEXT


def test_the_first_ten_files_are_there() -> None:
    """In an order, each with a sentence."""
    lines = re.findall(r"^\d+\. (`.*?`): .*\.$", section(TEXT, "The first hour"), re.MULTILINE)
    files = [name for line in lines for name in code(line)]
    assert len(files) == 10
    assert [name for name in files if not (PACKAGE / name).is_file()] == []
