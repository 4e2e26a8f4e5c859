"""What `make dist` looks for in wheel and sdist, without building them."""

from __future__ import annotations

from tests.release.archives import faults, wanted

WHEEL = wanted() | {"flrouter-1.dist-info/licenses/LICENSE", "flrouter-1.dist-info/METADATA"}
SDIST = wanted() | {"LICENSE", "README.md", "pyproject.toml", "tests/test_house.py"}


def test_data_that_is_found_by_name_is_wanted() -> None:
    """No import would show that one of these is missing."""
    assert {"flrouter/profiles/plain.toml", "flrouter/network/page.html"} <= wanted()
    assert "flrouter/py.typed" in wanted()


def test_whole_archives_have_no_fault() -> None:
    """More is legal in an sdist only."""
    assert faults(WHEEL, "wheel") == []
    assert faults(SDIST, "sdist") == []


def test_each_fault_is_told() -> None:
    """What is missing, what is not ours, and what lay about when it was built."""
    assert faults(WHEEL - {"flrouter/py.typed"}, "wheel") == ["flrouter/py.typed is missing"]
    assert faults(wanted(), "wheel") == ["the licence is missing"]
    assert faults(WHEEL | {"tests/a.py"}, "wheel") == ["tests/a.py is not flrouter's"]
    assert faults(SDIST - {"LICENSE"}, "sdist") == ["LICENSE is missing"]
    assert faults(SDIST | {"a/.venv/b"}, "sdist") == ["a/.venv/b does not belong there"]
