"""Files for browsers, read once."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources.abc import Traversable
from typing import NamedTuple

from aiohttp import ETag, web

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class File(NamedTuple):
    """A file, as it is served."""

    body: bytes
    kind: str
    etag: str


def file(body: bytes, kind: str) -> File:
    """A file of these bytes."""
    return File(body, kind, sha256(body).hexdigest()[:16])


def folder(place: Traversable) -> dict[str, File]:
    """The files of a folder, by name; without those of kinds that are not served."""
    kinds = {path: _TYPES.get(path.name.rpartition(".")[2]) for path in place.iterdir()}
    return {path.name: file(path.read_bytes(), kind) for path, kind in kinds.items() if kind}


def answer(request: web.Request, served: File | None, name: str = "") -> web.Response:
    """The file; 304 if the browser has it, 404 if there is none."""
    if served is None:
        return web.Response(status=404, text=f"there is no {name[:100]}\n")
    tag = ETag(served.etag)
    if request.if_none_match and tag in request.if_none_match:
        response = web.Response(status=304)
    else:
        response = web.Response(body=served.body, content_type=served.kind, charset="utf-8")
    response.etag = tag
    response.headers["Cache-Control"] = "no-cache"
    return response
