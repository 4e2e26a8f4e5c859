"""Single packages of npm's registry, for what is to be had nowhere else.

Each is fetched once, without its dependencies.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.support.programs import NPM

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flrouter" / "npm"


class NotToBeHad(RuntimeError):
    """npm is not there, or its registry does not answer; the text says which."""


def package(name: str, version: str) -> Path:
    """The folder that holds this version. Raises :class:`NotToBeHad`."""
    folder = CACHE / f"{name.replace('/', '+')}-{version}"
    if folder.exists():
        return folder
    npm = NPM.path()
    if npm is None:
        raise NotToBeHad(f"npm is not there: {NPM.command}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        done = subprocess.run(
            [npm, "pack", "--loglevel=error", f"{name}@{version}"],
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotToBeHad(f"npm has no {name}@{version}: {done.stderr.strip()}")
        with tarfile.open(next(Path(work).glob("*.tgz"))) as archive:
            # An attribute, for the argument came with Python 3.11.4, and Debian 12 has 3.11.2.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(work)
        Path(work, "package").rename(folder)
    return folder
