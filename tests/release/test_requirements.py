"""requirements/: what `make setup` and its like install. `make lock` writes it."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.release.archives import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS = PROJECT["dependency-groups"]
#: extras that are tested, so that `make setup` installs them.
EXTRAS = ("embedded", "oidc", "openflow", "rocksdb", "tracing")
MACHINES = [
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
]
#: tests/release/test_workflows.py sees to it that CI tries each of them.
PYTHONS = re.findall(r"Python :: (3\.\d+)", str(PROJECT["project"]["classifiers"]))
each_group = pytest.mark.parametrize("group", sorted(GROUPS))


def wanted(group: str) -> list[Requirement]:
    """What pyproject.toml asks for."""
    texts = list(GROUPS[group])
    if group == "dev":
        texts += PROJECT["project"]["dependencies"]
        texts += PROJECT["build-system"]["requires"]  # the build is not isolated
        for extra in EXTRAS:
            texts += PROJECT["project"]["optional-dependencies"][extra]
    return [Requirement(text) for text in texts]


def pinned(group: str) -> list[tuple[Requirement, str]]:
    """What the file has: each pin, and the lines below it."""
    text = (ROOT / "requirements" / f"{group}.txt").read_text("utf-8")
    found = re.findall(r"^([a-z].*?) \\\n((?:    .*\n)+)", text, re.MULTILINE)
    assert len(found) > 10
    return [(Requirement(pin), below) for pin, below in found]


@each_group
@pytest.mark.parametrize(
    ("python", "machine"),
    itertools.product(PYTHONS, MACHINES),
    ids=lambda value: value if isinstance(value, str) else value["platform_machine"],
)
def test_the_pins_are_what_is_asked_for(group: str, python: str, machine: dict[str, str]) -> None:
    """One of each, on every Python and machine. If not, `make lock` is to be run again."""
    environment = {
        **default_environment(),
        **machine,
        "python_version": python,
        "python_full_version": f"{python}.9",
    }
    here = [pin for pin, _ in pinned(group) if not pin.marker or pin.marker.evaluate(environment)]
    versions = {pin.name: next(iter(pin.specifier)).version for pin in here}
    assert len(versions) == len(here)
    for requirement in wanted(group):
        if not requirement.marker or requirement.marker.evaluate(environment):
            name = re.sub(r"[-_.]+", "-", requirement.name).lower()
            assert versions[name] in requirement.specifier, requirement


@each_group
def test_each_pin_is_of_one_version_with_hashes(group: str) -> None:
    """What was installed today is what is installed in a year, or nothing is."""
    for pin, below in pinned(group):
        assert [each.operator for each in pin.specifier] == ["=="], pin
        assert "--hash=sha256:" in below, pin


@each_group
def test_no_host_is_named(group: str) -> None:
    """Where packages come from is everybody's own choice."""
    text = Path(ROOT, "requirements", f"{group}.txt").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


def test_the_groups_agree() -> None:
    """All are installed into one environment."""
    versions: dict[str, set[str]] = {}
    for group in GROUPS:
        for pin, _ in pinned(group):
            versions.setdefault(f"{pin.name} {pin.marker or ''}", set()).add(str(pin.specifier))
    assert not {name: found for name, found in versions.items() if len(found) > 1}
