"""Answers in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from flrouter.web.calls.call import Refusal
from flrouter.web.calls.shapes import Problem

_encode = msgspec.json.Encoder().encode


def answered(
    answer: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer; bytes are JSON already."""
    body = answer if isinstance(answer, bytes) else _encode(answer)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def refused(refusal: Refusal) -> web.Response:
    """The answer to a request that is refused."""
    return answered(Problem(str(refusal)), refusal.status, refusal.headers)
