"""The OpenAPI document, made of the operations and the classes of their bodies and answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from flrouter import __version__
from flrouter.faust_side.base import BaseApp
from flrouter.web.calls.call import BASE, Operation, answered
from flrouter.web.calls.shapes import Problem

_TEMPLATE = "#/components/schemas/{name}"


def register(app: BaseApp, operations: Iterable[Operation]) -> None:
    """Give `app` the document of its operations."""
    described = msgspec.json.encode(document(operations))

    async def openapi(view: Any, request: web.Request) -> web.Response:
        return answered(described)

    app.page(f"{BASE}/openapi.json", name="openapi")(openapi)


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document, as JSON values."""
    known = list(operations)
    types = [Problem, *(operation.answer for operation in known)]
    types += [operation.body for operation in known if operation.body is not None]
    types += [operation.query for operation in known]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    of = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for operation in known:
        query = components[operation.query.__name__]
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = _operation(
            operation, query, of
        )
    for name in {operation.query.__name__ for operation in known if operation.body is None}:
        del components[name]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flrouter",
            "version": __version__,
            "description": "Any worker answers for the whole router: docs/api.md.",
        },
        "paths": paths,
        "components": {
            "schemas": _portable(components),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _operation(operation: Operation, query: dict[str, Any], of: dict[str, Any]) -> dict[str, Any]:
    identity = re.sub(r"\W+", "-", f"{operation.method} {operation.path}").strip("-").lower()
    statuses = {400, 401, 403, 421, 429, 503, *operation.refusals}
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    described: dict[str, Any] = {
        "operationId": identity,
        "summary": operation.summary,
        "parameters": [*in_path, *_in_query(query)],
        "security": [{}, {"token": []}, {"password": []}],
    }
    good = HTTPStatus.OK
    if operation.body is not None:
        good = HTTPStatus.ACCEPTED
        statuses |= {413}
        content = {"application/json": {"schema": of[repr(operation.body)]}}
        required = any(field.required for field in msgspec.structs.fields(operation.body))
        described["requestBody"] = {"required": required, "content": content}
        described["security"] = [{"token": []}]
    described["responses"] = {
        str(good.value): _response(good, of[repr(operation.answer)]),
        **{
            str(status): _response(HTTPStatus(status), of[repr(Problem)])
            for status in sorted(statuses)
        },
    }
    return described


def _in_query(query: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description", ""),
            "schema": _portable(schema),
        }
        for name, given in query["properties"].items()
        for schema in (dict(given),)
    ]


def _response(status: HTTPStatus, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": status.phrase, "content": {"application/json": {"schema": schema}}}


def _portable(schema: Any) -> Any:
    """The schema with patterns as JSON Schema has them: Python's `$` would let a newline pass."""
    if isinstance(schema, dict):
        return {
            name: value.replace(r"\A", "^").replace(r"\Z", "$")
            if name == "pattern" and isinstance(value, str)
            else _portable(value)
            for name, value in schema.items()
        }
    return [_portable(item) for item in schema] if isinstance(schema, list) else schema
