"""Tables of stages and events, as docstrings of the core have them."""

from __future__ import annotations

import re
from types import ModuleType


def table_of(module: ModuleType) -> dict[tuple[str, str], str]:
    """(what happens, stage) → what follows."""
    head, body = (part.split("\n")[1:] for part in (module.__doc__ or "").split("\n====")[1:3])
    stages = re.split(r"  +", head[0].strip())[1:]
    rows = [re.split(r"  +", row.strip()) for row in body]
    return {
        (row[0], stage): cell for row in rows for stage, cell in zip(stages, row[1:], strict=True)
    }
