"""Files that browsers get as they are, read once."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources.abc import Traversable
from typing import NamedTuple

from aiohttp import ETag, web

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class File(NamedTuple):
    """What a browser gets."""

    body: bytes
    kind: str
    etag: str


def file(body: bytes, kind: str) -> File:
    """One of these bytes."""
    return File(body, kind, sha256(body).hexdigest()[:16])


def folder(place: Traversable) -> dict[str, File]:
    """Those in a folder that browsers know what to do with, by name."""
    kinds = {each: _TYPES.get(each.name.rpartition(".")[2]) for each in place.iterdir()}
    return {each.name: file(each.read_bytes(), kind) for each, kind in kinds.items() if kind}


def answer(request: web.Request, found: File | None, name: str = "") -> web.Response:
    """The file, or that the browser has it already, or that there is none of this name."""
    if found is None:
        return web.Response(status=404, text=f"there is no {name[:100]}\n")
    tag = ETag(found.etag)
    if request.if_none_match and tag in request.if_none_match:
        response = web.Response(status=304)
    else:
        response = web.Response(body=found.body, content_type=found.kind, charset="utf-8")
    response.etag = tag
    response.headers["Cache-Control"] = "no-cache"
    return response
