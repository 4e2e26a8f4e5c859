"""Headers that protect browsers, in every answer."""

from __future__ import annotations

from typing import Any

#: pages load nothing from elsewhere, are shown within no other page, and send no referrer.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(app: Any) -> None:
    """Have the web server of a Faust app send them, unless a page sends its own."""

    async def prepare(request: Any, response: Any) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)

    app.web.web_app.on_response_prepare.append(prepare)
