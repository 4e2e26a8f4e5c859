"""An FL for real switches: an OpenFlow 1.3 controller on the SDK of `flrouter.speaker`.

asyncio handles the connections; os-ken (the extra `openflow`) builds and parses the messages.
docs/openflow.md describes what the FL does.
"""

from __future__ import annotations

from flrouter.speaker.openflow.floodlight import OpenFlowFloodlight
from flrouter.speaker.openflow.options import OpenFlowOptions
from flrouter.speaker.openflow.switches.roles import Role

__all__ = ["OpenFlowFloodlight", "OpenFlowOptions", "Role"]
