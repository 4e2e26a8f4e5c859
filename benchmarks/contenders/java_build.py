"""Builds the Java contenders, once; Maven fetches what they need into the user's cache."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.layout import Layout

_SOURCES = Path(__file__).with_name("java")
#: the oldest Java that they are written for.
_OLDEST = 17


def _folder() -> Path:
    """Where classes and jars lie: named after the sources, so that a change builds anew."""
    content = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*")):
        if path.is_file():
            content.update(path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "flrouter" / f"contenders-{content.hexdigest()[:12]}"


@functools.cache
def missing() -> str | None:
    """Build them unless they are there; why they cannot be, or None."""
    from tests.kafka.jars import KafkaMissing, java

    try:
        java()
    except KafkaMissing as error:
        return str(error)
    if _folder().is_dir():
        return None
    for tool, package in (("javac", "default-jdk-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            return f"needs {tool} (apt-get install {package})"
    _folder().parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all.
    with tempfile.TemporaryDirectory(dir=_folder().parent, prefix="building-") as scratch:
        built = subprocess.run(
            [
                *("mvn", "--quiet", "--batch-mode", "--file", str(_SOURCES / "pom.xml")),
                *("compile", "dependency:copy-dependencies", f"-Dtarget={scratch}/target"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if built.returncode:
            errors = [line for line in built.stdout.splitlines() if "[ERROR]" in line]
            return f"Maven could not build it: {' '.join(errors[:1])}"
        Path(scratch, "target").rename(_folder())
    return None


def command(main: str, *arguments: str) -> Callable[[Layout], list[str]]:
    """How the class `main` is run; :func:`missing` has built it by then."""

    def run(layout: Layout) -> list[str]:
        from tests.kafka.jars import java

        classes = f"{_folder()}/classes:{_folder()}/jars/*"
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return [java().command, "-Xmx512m", quiet, "-cp", classes, main, *arguments]

    return run
