"""docs/testing.md: its examples of clusters work."""

from __future__ import annotations

from tests.docs.blocks import of_page


def test_its_examples_work() -> None:
    """One after the other, as they stand."""
    names: dict[str, object] = {}
    examples = [block for block in of_page("docs/testing.md") if block.language == "python"]
    assert examples
    for block in examples:
        exec(compile(block.text, str(block), "exec"), names)
