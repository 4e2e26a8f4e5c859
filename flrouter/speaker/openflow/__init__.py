"""An FL for real switches: an OpenFlow 1.3 controller on the SDK of `flrouter.speaker`.

asyncio has the connections, os-ken builds and parses the messages (the extra `openflow`).
docs/openflow.md says what it does.
"""

from __future__ import annotations

from flrouter.speaker.openflow.floodlight import OpenFlowFloodlight
from flrouter.speaker.openflow.options import OpenFlowOptions
from flrouter.speaker.openflow.switches.roles import Role

__all__ = ["OpenFlowFloodlight", "OpenFlowOptions", "Role"]
