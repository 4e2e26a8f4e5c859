"""What browsers are told with every answer: to take pages for what they are, and nothing else."""

from __future__ import annotations

from typing import Any

#: pages take nothing from elsewhere, are shown in no other page, and name themselves to nobody.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def tell(app: Any) -> None:
    """Have the web server of a Faust app say so, also where a page says more of its own."""

    async def prepare(request: Any, response: Any) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)

    app.web.web_app.on_response_prepare.append(prepare)
