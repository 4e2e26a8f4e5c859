"""Every input that was kept, and every one that once found a bug, without the fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.kept import kept
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

INPUTS = [
    pytest.param(name, path, id=f"{name}-{path.name}")
    for name in TARGETS
    for folder in kept(name)
    for path in sorted(folder.iterdir())
]


@pytest.mark.parametrize(("name", "path"), INPUTS)
def test_nothing_is_found_again(name: str, path: Path) -> None:
    """The target takes it."""
    TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_the_first_inputs(name: str) -> None:
    """Each target takes its seeds, of which it has some."""
    inputs = seeds()[name]
    assert inputs
    for data in inputs:
        TARGETS[name](data)
