"""Samples of a profiler, summed up per function."""

from __future__ import annotations

from benchmarks.profile import as_text, shares

STACKS = [
    "main (flrouter/__main__.py:1);decide (flrouter/a.py:1);decode (flrouter/b.py:1) 30",
    "main (flrouter/__main__.py:1);decide (flrouter/a.py:1) 10",
    "main (flrouter/__main__.py:1);walk (flrouter/c.py:1);walk (flrouter/c.py:1) 60",
    "main (flrouter/__main__.py:1);EpollSelector.select (selectors.py:451) 900",
]


def test_functions_by_themselves_and_with_what_they_call() -> None:
    """A function that calls itself counts once per sample; waiting counts nowhere."""
    found = {each.name.partition(" ")[0]: each for each in shares(STACKS)}
    assert (found["decide"].alone, found["decide"].whole) == (0.1, 0.4)
    assert (found["walk"].alone, found["walk"].whole) == (0.6, 0.6)
    assert found["main"].whole == 1
    assert "EpollSelector.select" not in found


def test_the_text_begins_with_what_ran_most() -> None:
    """And leaves out what lies below everything."""
    text = as_text(shares(STACKS), lines=2)
    assert text.splitlines()[2] == "  60.0%   60.0%  walk (flrouter/c.py:1)"
    below = text.partition("-- with all it calls")[2]
    assert "__main__" not in below
