"""What mkdocs does not do by itself: links into the repository, and mermaid without the network."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support import npm  # noqa: E402 - the path has to be there first

#: a link out of docs/, to a file of the repository.
OUTWARD = re.compile(r"\]\((?:\.\./)+([^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, config: Any, page: Any, **_: Any) -> str:
    """Files outside of docs/ are looked at where the repository is."""

    def link(found: re.Match[str]) -> str:
        path, anchor = found[1], found[2] or ""
        if (ROOT / "docs" / path).exists():
            return found[0]  # from a folder below docs/ to one in it
        if not (ROOT / path).exists():
            raise PluginError(f"{page.file.src_uri}: a link to {path}, which is not there")
        return f"]({config.extra['repository']}/blob/main/{path}{anchor})"

    return OUTWARD.sub(link, markdown)


def on_files(files: Files, *, config: Any, **_: Any) -> Files:
    """The theme takes this mermaid instead of one from elsewhere."""
    script = npm.package("mermaid", "11.17.2") / "dist" / "mermaid.min.js"
    files.append(File.generated(config, "assets/mermaid.min.js", content=script.read_text("utf-8")))
    return files
