"""Whether this worker serves its shards."""

from __future__ import annotations

from flrouter.runtime.app import RouterApp


def not_ready(app: RouterApp) -> str:
    """Why this worker serves nobody now; nothing when it does."""
    if app.should_stop:
        return "it is stopping"
    if not app.shards.serving:
        return "its shards are not taken over yet, or are being dealt anew"
    return ""
