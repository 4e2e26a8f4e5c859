"""What must lie in a wheel and an sdist, and what must not."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flrouter"
#: found by their names at run time, so no import shows that one is missing.
DATA = ("*.toml", "*.html", "*.js", "*.css", "*.svg", "*.LICENSE", "py.typed")
#: of a developer's machine, never of a release.
UNWANTED = ("__pycache__", ".pyc", ".venv", ".pytest_cache", ".env")


def wanted() -> set[str]:
    """All files that an installed flrouter needs, as paths in the wheel."""
    files = {path for pattern in ("*.py", *DATA) for path in PACKAGE.rglob(pattern)}
    return {str(path.relative_to(ROOT)) for path in files}


def names(archive: Path) -> set[str]:
    """The files in a wheel or an sdist; an sdist's without its top folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as sdist:
        return {member.name.partition("/")[2] for member in sdist if member.isfile()}


def faults(found: Iterable[str], kind: str) -> list[str]:
    """What is wrong with the files `found` in an archive of `kind` ("wheel" or "sdist")."""
    found = set(found)
    also = {"LICENSE", "README.md", "pyproject.toml"} if kind == "sdist" else set()
    told = [f"{name} is missing" for name in sorted((wanted() | also) - found)]
    if kind == "wheel":
        told += [f"{name} is not flrouter's" for name in sorted(found) if not _ours(name)]
        if not any(name.endswith(".dist-info/licenses/LICENSE") for name in found):
            told.append("the licence is missing")
    return told + [
        f"{name} does not belong there"
        for name in sorted(found)
        if any(text in name for text in UNWANTED)
    ]


def _ours(name: str) -> bool:
    top = name.partition("/")[0]
    return top == "flrouter" or (top.startswith("flrouter-") and top.endswith(".dist-info"))
