"""When each FL was dead: commands to an FL may end in an error only then."""

from __future__ import annotations

import dataclasses

from flrouter.demo.traffic.plan import TIMEOUTS

#: s; a command sent this long before the kill may still have been in flight: some FLs cannot ack.
BEFORE = TIMEOUTS["response_timeout"]
#: s; until the FL's first sign of life has reached all shards of the router.
AFTER = TIMEOUTS["alive_timeout"]


@dataclasses.dataclass
class Outage:
    """One FL's death. Times are monotonic seconds."""

    floodlight: str
    killed: float
    #: when its process was ready again.
    back: float | None = None


class Outages:
    """All deaths so far."""

    def __init__(self) -> None:
        self.all: list[Outage] = []

    def killed(self, floodlight: str, now: float) -> Outage:
        """An FL dies now."""
        outage = Outage(floodlight, now)
        self.all.append(outage)
        return outage

    def excuse(self, floodlight: str | None, sent: float, answered: float) -> bool:
        """Whether an outage explains the error of a command to this FL; None stands for all FLs.

        A command to all FLs is a sync. It waits for the sync under way, which in some profiles ends
        only after a silence. So it may have been sent at any time before the outage.
        """
        return any(
            (
                floodlight is None
                or (floodlight == outage.floodlight and sent >= outage.killed - BEFORE)
            )
            and answered >= outage.killed
            and (outage.back is None or sent <= outage.back + AFTER)
            for outage in self.all
        )
