"""What is missing is said in one line that names what to install."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kafka import jars


def old_java(folder: Path) -> None:
    """A Java that says it is version 11."""
    (folder / "bin").mkdir()
    java = folder / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)


def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any Java."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(jars.KafkaMissing, match=r"^[^\n]*Java 17 or newer .*install[^\n]*$"):
        jars.java()


def test_old_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With one on which Kafka does not run."""
    old_java(tmp_path)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(jars.KafkaMissing, match=r'Java 17 or newer .* is .*"11\.0\.2"$'):
        jars.java()


def test_no_maven(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Maven, when the jars are not here yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(jars.KafkaMissing, match=r"^[^\n]*install maven[^\n]*$"):
        jars.folder()


def test_maven_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A failure leaves nothing behind; what was fetched is used again without Maven."""
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] no network'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(jars.KafkaMissing, match=re.escape("[ERROR] no network")):
        jars.folder()
    assert list((tmp_path / "flrouter").iterdir()) == []

    maven.write_text('#!/bin/sh\nfor last; do :; done\nmkdir "${last#-DoutputDirectory=}"\n')
    folder = jars.folder()
    assert folder.parent == tmp_path / "flrouter"
    maven.unlink()
    assert jars.folder() == folder
