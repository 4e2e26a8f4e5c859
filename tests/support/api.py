"""The API of a worker, asked as any program asks it."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.support.deployment import Worker
from tests.support.patience import HOPE

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


def ask(
    worker: Worker,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    method: str | None = None,
    **headers: str,
) -> Answer:
    """Ask a worker; with a body, or bytes as they are, it is a POST."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    scheme = "https" if worker.web_cafile else "http"
    request = urllib.request.Request(
        f"{scheme}://127.0.0.1:{worker.web_port}{path}", data, dict(headers), method=method
    )
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10 * HOPE, context=trust(worker)) as answer:
            return Answer(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), dict(error.headers))


def trust(worker: Worker) -> ssl.SSLContext | None:
    """What whoever asks it trusts, where it speaks TLS."""
    return ssl.create_default_context(cafile=worker.web_cafile) if worker.web_cafile else None


def until(look: Callable[[], T], holds: Callable[[T], object], timeout: float = 20.0) -> T:
    """What `look` gives as soon as something holds of it."""
    end = time.monotonic() + timeout * HOPE
    while True:
        found = look()
        if holds(found):
            return found
        assert time.monotonic() < end, f"after {timeout} s: {found}"
        time.sleep(0.1)
