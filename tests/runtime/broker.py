"""The runtime's parts against a real broker, each under names of its own."""

from __future__ import annotations

import os
import uuid
from typing import Any

from flrouter.settings.model import Settings


def settings(broker_url: str, **more: Any) -> Settings:
    """Settings for one test on the shared broker."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    values: dict[str, Any] = {
        "broker": broker_url,
        "app_id": name,
        "inbound_topics": (f"{name}.in",),
        "fl_read_topic": f"{name}.{{fl}}.read",
        "fl_write_topic": f"{name}.{{fl}}.write",
        "partitions": 4,
        "replication": int(os.environ.get("FLROUTER_TEST_REPLICATION", "1")),
    }
    values |= {
        f"{role}_topic": f"{name}.{role}"
        for role in ("flow", "northbound", "disco", "stats", "ping")
    }
    return Settings(**(values | more))
