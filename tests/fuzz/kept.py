"""The inputs that are kept in the repository."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

#: inputs that once found a bug, a folder for each target; these are never thinned out.
CRASHES = _HERE / "crashes"


def corpus(name: str) -> Path:
    """The folder of inputs that together reach all that fuzzing a target reached so far."""
    return _HERE / "corpus" / name


def kept(name: str) -> list[Path]:
    """The folders of inputs for a target; those that there are."""
    return [folder for folder in (corpus(name), CRASHES / name) if folder.is_dir()]
