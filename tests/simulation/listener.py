"""A listener of OpenKilda of 2025: it follows what it is told of connections, and of nothing else.

It reads notifications in the order in which they lie in their partition, as OpenKilda's network
topology does, and keeps flrouter's own view beside that (`flrouter.network`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from flrouter.core.shard import Shard
from flrouter.core.state.rules import Rules
from flrouter.core.values.records import Mode
from flrouter.messages import names
from flrouter.network.reading import news_of
from flrouter.network.view import State, Switch
from tests.core.world import Record

from .promises import Violation

#: the kinds of notifications, and whether a switch has a master then; None: as before.
_SERVED = {
    names.SWITCH_CONNECT: True,
    names.SWITCH_DISCONNECT: False,
    names.SWITCH_AVAILABILITY: None,
}


class Picture(NamedTuple):
    """Who is connected to a switch."""

    #: FL → whether it may change the switch.
    connections: dict[str, bool]
    #: empty: it has no master.
    master: str


NOBODY = Picture({}, "")


class Listener:
    """What it was told, and what of that cannot be right."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.pictures: dict[str, Picture] = {}
        self.view: dict[str, Switch] = {}
        #: switch → the last batch in which something was told of it that its worker did not keep,
        #: so that its successor does not know; and the batch of what was written last.
        self._doubts: dict[str, int] = {}
        self._last: dict[str, int] = {}
        #: switches of which a successor knew nothing at all. It tells then of connections alone
        #: as long as there is no master (docs/guarantees.md).
        self._forgotten: set[str] = set()
        #: how many there were of each kind.
        self.heard: Counter[str] = Counter()

    def doubt(self, switch: str, batch: int) -> None:
        """What was told then may be written again, or not at all, and is not kept."""
        self._doubts[switch] = max(batch, self._doubts.get(switch, 0))

    def restored(self, shard: Shard) -> None:
        """A successor has a shard: what does it not know?"""
        context = shard.context
        for switch in self._doubts.keys() - context.switches.keys():
            if context.home(switch) == context.number and self.doubtful(switch):
                self._forgotten.add(switch)

    def doubtful(self, switch: str) -> bool:
        """Whether nothing was told since that is kept."""
        return self._last.get(switch, 0) <= self._doubts.get(switch, -1)

    def told(self, record: Record, at: int, batch: int) -> None:
        """The router wrote something for listeners; it was decided at `at` (ms)."""
        if record.topic != self._rules.disco_topic or not self._rules.dumps_by_master:
            return
        news = news_of(record.value, at)
        if news is not None:
            self.view.setdefault(news[0], Switch()).hear(news[1])
        payload: dict[str, Any] = record.json["payload"] or {}
        if payload.get("clazz") in _SERVED:
            switch = (record.key or b"").decode()
            certain = not self.doubtful(switch) and batch > self._doubts.get(switch, -1)
            self._notified(switch, payload, certain=certain)
            self._last[switch] = batch
            if payload["clazz"] != names.SWITCH_AVAILABILITY:
                self._forgotten.discard(switch)

    def _notified(self, switch: str, payload: dict[str, Any], *, certain: bool) -> None:
        entries = payload["availabilityData"]["connections"]
        masters = [entry["regionName"] for entry in entries if entry["master"]]
        connections = {
            entry["regionName"]: entry["connectMode"] == "READ_WRITE" for entry in entries
        }
        kind = payload["clazz"]
        self.heard[kind] += 1
        before = self.pictures.get(switch, NOBODY)
        picture = self.pictures[switch] = Picture(connections, "".join(masters))
        told = f"{switch}: {kind} with {picture}, after {before}"
        right = _SERVED.get(kind)
        if len(masters) > 1 or right not in (None, bool(masters)):
            raise Violation("gone is what nobody serves", told)
        if certain:
            if right is None and bool(masters) != bool(before.master):
                raise Violation("gone is what nobody serves", told)
            if picture == before:
                raise Violation("listeners are told what is new", told)

    # -- the end -------------------------------------------------------------------------------

    def check_pictures(self, shards: Sequence[Shard]) -> None:
        """When all is quiet, they are what the router knows."""
        for shard in shards:
            known = shard.context.switches
            for switch in {*known, *self.pictures}:
                if shard.context.home(switch) == shard.context.number:
                    right = _picture_of(shard, switch)
                    if self.pictures.get(switch, NOBODY) != right and not self.doubtful(switch):
                        told = self.pictures.get(switch)
                        raise Violation("listeners know", f"{switch}: {told}, and it is {right}")

    def check_view(self, served: dict[str, bool]) -> None:
        """... and what FLs hold.

        Args:
            served: switch → whether an FL that answers is its master.
        """
        for switch, online in served.items():
            seen = switch in self.view and self.view[switch].state is State.ONLINE
            unknown = switch in self._forgotten or self.doubtful(switch)
            if seen and self.view[switch].state_at < 0:
                unknown = True  # of ports alone it was heard, which says nothing of a master
            if seen != online and (online or not unknown):
                raise Violation("listeners know", f"{switch}: online is {seen}, not {online}")


def _picture_of(shard: Shard, switch: str) -> Picture:
    """Who is connected, as the switch's home knows."""
    row, floodlights = shard.context.switches.get(switch), shard.context.floodlights
    if row is None:
        return NOBODY
    connections = {
        name: holder.mode is Mode.RW
        for name, holder in row.holders.items()
        if holder.mode is not Mode.GONE and floodlights[name].known and floodlights[name].up
    }
    return Picture(connections, row.active if connections.get(row.active) else "")
