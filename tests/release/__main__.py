"""Builds wheel and sdist into `dist/`, checks them, and runs the demo from the wheel alone."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.release.archives import ROOT, faults, names

DIST = ROOT / "dist"


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Its output; ends everything with that output when it fails."""
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("FLROUTER", "PYTHON"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\ndist: {' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


def build() -> tuple[Path, Path]:
    """A wheel, built from the sdist, and that; whatever lay in `dist/` before is gone."""
    for folder in (DIST, ROOT / "build" / "lib"):  # the site lies in build/ too
        shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, sdist


def demo(wheel: Path, seconds: int) -> dict[str, object]:
    """What `flrouter demo` tells, from an environment with the wheel and nothing else of ours."""
    with tempfile.TemporaryDirectory(prefix="flrouter-dist-") as name:
        folder = Path(name)
        venv.create(folder / "venv")
        programs = folder / "venv" / "bin"
        uv = (sys.executable, "-m", "uv", "--quiet", "pip")
        run(*uv, "install", "--python", programs / "python", f"{wheel}[embedded]", folder=folder)
        run(*uv, "check", "--python", programs / "python", folder=folder)
        out = folder / "out.json"
        run(programs / "flrouter", "demo", "--seconds", str(seconds), "--json", out, folder=folder)
        told: dict[str, object] = json.loads(out.read_text("utf-8"))
        return told


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """All of it, a line each."""
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="how long the demo runs")
    seconds = parser.parse_args().seconds
    archives = dict(zip(("wheel", "sdist"), build(), strict=True))
    for kind, path in archives.items():
        found = names(path)
        wrong = faults(found, kind)
        if wrong:
            sys.exit("\n".join(f"dist: {path.name}: {line}" for line in wrong))
        say(f"{kind}: {path.name}, {len(found)} files, {path.stat().st_size / 1000:.0f} KB")
    run(sys.executable, "-m", "twine", "check", "--strict", *archives.values())
    say("twine: passed")
    told = demo(archives["wheel"], seconds)
    if not told["sent"] or told["unanswered"] or told["duplicates"]:
        sys.exit(f"dist: the demo failed: {told}")
    say(f"demo from the wheel: {told['answered']} of {told['sent']} commands answered")


if __name__ == "__main__":
    main()
