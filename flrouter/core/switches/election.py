"""Election: which of the FLs that hold a switch speaks for it."""

from __future__ import annotations

from flrouter.core.state.context import Context
from flrouter.core.values import peers
from flrouter.core.values.events import Event
from flrouter.core.values.records import Mode, Switch


class Election:
    """Chooses active FLs (protocol.md, 8.1 and 8.2)."""

    def __init__(self, context: Context) -> None:
        self._context = context
        #: FLs that took over a switch that they held before.
        self._gained: set[str] = set()

    def hold(self, name: str, switch: Switch, newcomer: str = "") -> bool:
        """Choose the active FL; True if the switch moved to another FL that answers.

        The active FL changes only for one in a better state. If all that hold the switch are in
        outage it stays, unless only another one is the switch's master. So the map is kept;
        commands to it are answered with an error.

        Args:
            newcomer: an FL that has just reported the switch; listeners see that report too.
        """
        before = switch.active
        best = max(
            sorted(switch.holders),
            key=lambda name: (self.standing(switch, name), self.liking(switch, name)),
            default="",
        )
        fitness = self.standing(switch, best)
        active = self.standing(switch, switch.active)
        if fitness > active or not active:
            switch.active = best if fitness else ""
            switch.pinned = False
        now = switch.active
        moved = bool(before) and now not in ("", before) and self._context.floodlights[now].up
        if moved:
            self._moved(name, before, now)
            if now != newcomer:
                self._gained.add(now)
        return moved

    def hand_over(self, name: str, switch: Switch, floodlight: str) -> None:
        """Make an FL that holds the switch its active one."""
        if switch.active != floodlight:
            before, switch.active = switch.active, floodlight
            self._moved(name, before, floodlight)
            self._gained.add(floodlight)

    def _moved(self, name: str, before: str, floodlight: str) -> None:
        self._context.count(Event.MOVES, floodlight)
        self._context.happened("moved", floodlight, name, f"from {before or 'no floodlight'}")

    def standing(self, switch: Switch, floodlight: str) -> int:
        """How fit an FL is for the switch: that it answers, is its master, is not drained."""
        holder = switch.holders.get(floodlight)
        if holder is None or holder.mode is Mode.GONE:
            return 0
        state = self._context.floodlights[floodlight]
        if not state.known:
            return 0
        master = 4 if holder.mode is Mode.RW else 0
        if not state.up:
            return 1 + master
        return 9 + master + (0 if state.drained else 2)

    def liking(self, switch: Switch, floodlight: str) -> tuple[bool, int]:
        """How much an FL is preferred to others that are as fit: by region, then by weight."""
        state = self._context.floodlights[floodlight]
        return bool(switch.region) and state.region == switch.region, state.weight

    def tell_gained(self) -> None:
        """Ask for a sync of each FL that took switches over.

        Its reports of them did not reach listeners while another FL spoke for them.
        """
        for floodlight in sorted(self._gained):
            self._context.tell_home(floodlight, peers.SyncWanted(floodlight, peers.OWN_SYNC))
        self._gained.clear()
