"""Kafka's classes, parsed once and mapped by every later start.

A broker spends most of its start on reading classes. Java keeps those that one process used in a
file (class data sharing): a start then costs half the processor time and some memory less.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.kafka.jars import Java


def path(jars: Path, java: Java) -> Path:
    """Where the archive for this Java lies, if it lies there."""
    return jars / f"classes-{java.version}.jsa"


def use(archive: Path) -> list[str]:
    """Options that have Java map the archive; it does without when it does not fit."""
    return [f"-XX:SharedArchiveFile={archive}"]


def make(archive: Path) -> None:
    """Have a broker write the archive as it ends; without success nothing but speed is lost."""
    from tests.kafka.cluster import Cluster, NotReady  # which asks us for the archive

    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        made = Path(scratch, archive.name)
        try:
            with Cluster(1, jvm=[f"-XX:ArchiveClassesAtExit={made}"], archive=False) as cluster:
                cluster.stop(1, timeout=120)
        except NotReady:
            return
        if made.exists():
            made.replace(archive)
