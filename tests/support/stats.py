"""The page `/stats` of a worker, for all that watch one."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


def stats(port: int) -> dict[str, Any]:
    """What the worker whose web port this is says of itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=20) as page:
        return dict(json.load(page))
