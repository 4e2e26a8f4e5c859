"""What GitHub does with a change and with a tag; `make lint` looks whether it is well formed."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.release.archives import ROOT

GITHUB = ROOT / ".github"


def jobs(name: str) -> dict[str, Any]:
    """The jobs of a workflow."""
    workflow = yaml.safe_load((GITHUB / "workflows" / name).read_text("utf-8"))
    found: dict[str, Any] = workflow["jobs"]
    return found


def commands(job: dict[str, Any]) -> list[str]:
    """What it runs, line for line."""
    return [step["run"] for step in job["steps"] if "run" in step]


def test_ci_runs_every_python_that_the_package_names() -> None:
    """The oldest one all that `.ci/run` does, the others what depends on them."""
    named = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    everything, newer = jobs("ci.yml")["everything"], jobs("ci.yml")["newer"]
    [oldest] = [step["with"] for step in everything["steps"] if "python-version" in str(step)]
    assert [oldest["python-version"], *newer["strategy"]["matrix"]["python"]] == named
    assert commands(everything) == ["bash .ci/run"]
    assert {"make lint", "make test"} <= set(commands(newer))
    assert newer["env"] == {"FLROUTER_TEST_NO_SKIPS": "1"}


def test_a_release_is_what_was_tried() -> None:
    """Nothing is published before CI has passed, and no archive is built twice."""
    release = jobs("release.yml")
    assert release["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert release["build"]["needs"] == "ci"
    assert "make dist" in commands(release["build"])
    assert {name for name, job in release.items() if job.get("needs") == "build"} == {
        "publish",
        "image",
    }
    assert commands(release["publish"]) == []
    assert release["publish"]["permissions"] == {"id-token": "write"}


def test_no_secret_is_kept_on_github() -> None:
    """PyPI trusts the workflow itself; its registry of images takes the run's own token."""
    for path in (GITHUB / "workflows").iterdir():
        assert "secrets." not in path.read_text("utf-8")


def test_dependabot_looks_at_all_that_is_pinned() -> None:
    """In the folders where it is."""
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]
    places = {
        (update["package-ecosystem"], place)
        for update in updates
        for place in update.get("directories", [update.get("directory")])
    }
    assert places == {
        ("pip", "/"),
        ("pip", "/requirements"),
        ("github-actions", "/"),
        ("docker", "/deploy"),
        ("docker-compose", "/deploy"),
    }
    for _, place in places:
        assert (ROOT / place.strip("/")).is_dir()
