"""`docs/tutorial.md`, run from top to bottom as it stands, in one shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import of_page
from tests.docs.shell import run

pytestmark = pytest.mark.broker


def test_the_tutorial_works(tmp_path: Path) -> None:
    """Each of its blocks, but the one that installs what is installed here."""
    script = []
    for block in of_page("docs/tutorial.md"):
        if block.note != "install":
            text = block.text
            if block.language == "python":
                text = f"python - <<'END'\n{text}END\n"
            script += [f"echo '== line {block.line}'", text]
    assert "my-first" in run(script, tmp_path, timeout=60)
