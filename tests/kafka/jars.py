"""Java, and Kafka's jars: Maven fetches them once, later starts need no network."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

#: the oldest Java that Kafka 4's brokers run on.
_OLDEST = 17
_POM = Path(__file__).with_name("pom.xml")


class KafkaMissing(RuntimeError):
    """Apache Kafka cannot be started here; one line that says what to install."""


@dataclass(frozen=True)
class Java:
    """A Java that is new enough, as a command and as the version that it says it is."""

    command: str
    version: str


def java() -> Java:
    """The Java of JAVA_HOME, else the one in PATH.

    Raises:
        KafkaMissing: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home, "bin", "java")) if home else "java"
    wanted = f"Apache Kafka needs Java {_OLDEST} or newer (apt-get install default-jre-headless)"
    try:
        said = subprocess.run([command, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise KafkaMissing(f"{wanted}; cannot run {command}") from error
    found = re.search(r'version "((\d+)[^"]*)"', said.stderr)
    if found is None or int(found[2]) < _OLDEST:
        raise KafkaMissing(f"{wanted}; {command} is {said.stderr.splitlines()[0]}")
    return Java(command, found[1])


def folder() -> Path:
    """The folder with Kafka's jars, fetched when it is not there yet.

    It lies in the user's cache and is named after the pom's content, so that all checkouts with
    the same pom share it.

    Raises:
        KafkaMissing: Maven is missing, or could not fetch them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    pom = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    jars = cache / "flrouter" / f"kafka-{pom}"
    if not jars.is_dir():
        jars.parent.mkdir(parents=True, exist_ok=True)
        _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissing("Apache Kafka is fetched by Maven (apt-get install maven); found no mvn")
    # Whole or not at all, also when two processes fetch at once: the first one's is kept.
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="fetching-") as scratch:
        said = subprocess.run(
            [
                *(maven, "--quiet", "--batch-mode", "--file", str(_POM)),
                *("dependency:copy-dependencies", f"-DoutputDirectory={scratch}/jars"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if said.returncode:
            errors = [line for line in said.stdout.splitlines() if "[ERROR]" in line]
            raise KafkaMissing(f"Maven could not fetch Apache Kafka: {' '.join(errors[:1])}")
        try:
            Path(scratch, "jars").rename(jars)
        except OSError:
            if not jars.is_dir():
                raise
