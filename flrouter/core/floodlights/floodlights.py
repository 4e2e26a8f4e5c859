"""FLs: what every shard knows of them.

The home decides what has become of its FL and tells every shard; each acts on its own switches
and pending requests (protocol.md, 7.3 and 7.4).

An FL's life: what happens to it, in which condition, and what follows (= nothing).
`tests/core/test_a_floodlights_life.py` tries each cell.

=========================  =======  =======  ===============  ===============  ===============
what happens               removed  up       drained          outage           drained, outage
=========================  =======  =======  ===============  ===============  ===============
an operator adds it        up       =        =                =                =
an operator removes it     =        removed  removed          removed          removed
an operator drains it      =        drained  =                drained, outage  =
an operator takes it back  =        =        up               =                outage
it is silent for too long  =        outage   drained, outage  =                =
it failed to write         =        outage   drained, outage  =                =
it answers                 =        =        =                up               drained
=========================  =======  =======  ===============  ===============  ===============
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from flrouter.core.floodlights.liveness import Liveness
from flrouter.core.floodlights.sync import Syncs
from flrouter.core.requests.pending import Requests
from flrouter.core.state.context import Context
from flrouter.core.switches.holders import SwitchMap
from flrouter.core.switches.moves import Moves
from flrouter.core.values import peers
from flrouter.core.values.records import MAX_TIME_MS, Floodlight

#: what shards tell each other of an FL, beside its name.
_TOLD = tuple(field for field in peers.FloodlightState.__struct_fields__ if field != "floodlight")


def _told(floodlight: str, state: Floodlight) -> peers.FloodlightState:
    return peers.FloodlightState(floodlight, *(getattr(state, field) for field in _TOLD))


@dataclass(eq=False)
class Floodlights:
    """The known FLs."""

    _context: Context
    _requests: Requests
    _switches: SwitchMap
    _moves: Moves
    _syncs: Syncs
    #: called when an FL is not waited for any more.
    _settled: Callable[[], None]
    #: whether a former owner may have told the others what its changelog does not hold.
    _taken_over: bool = False

    def __post_init__(self) -> None:
        self.liveness = Liveness(self._context, self._syncs, self._announce)

    def rebuild(self) -> None:
        """The table was restored: tell other shards again what it says."""
        self._taken_over = True
        for switch in self._context.switches.values():
            for floodlight in switch.holders:
                # Its row may be missing after a kill.
                self._context.floodlight(floodlight)

    def tick(self) -> None:
        """In the home: once after a takeover, tell what the former owner may not have kept."""
        if self._taken_over:
            self._taken_over = False
            for name in self._context.known_floodlights():
                if self._context.home(name) == self._context.number:
                    self._tell(_told(name, self._context.floodlights[name]))

    # -- coming and going ---------------------------------------------------------------------

    def add(self, wanted: peers.AddFloodlight) -> None:
        """In the home: route to this FL; of a known one, only `acks` changes."""
        name, acks = wanted.floodlight, wanted.acks
        state = self._context.floodlight(name)
        if state.known:
            self._announce(name, acks=acks)
        else:  # an FL that was removed is a new one
            self._context.happened("added", name)
            self._tell(peers.FloodlightState(name, state.number, known=True, up=True, acks=acks))
            self._syncs.serve(name)

    def prefer(self, wanted: peers.PreferFloodlight) -> None:
        """In the home: an operator says where this FL is, and how much it is preferred."""
        state = self._context.floodlights.get(wanted.floodlight)
        if state is not None and state.known:
            said = {"region": wanted.region, "weight": wanted.weight}
            so = {name: value for name, value in said.items() if value is not None}
            self._announce(wanted.floodlight, **so)

    def remove(self, floodlight: str) -> None:
        """In the home: this FL is gone for good."""
        if self._context.floodlight(floodlight).known:
            self._syncs.cancel(floodlight, f"floodlight {floodlight} was removed")
            self.liveness.forget(floodlight)
            self._context.happened("removed", floodlight)
            self._announce(floodlight, known=False, up=False)

    def drain(self, wanted: peers.DrainFloodlight) -> None:
        """In the home: the FL's switches go elsewhere, or may come back."""
        state = self._context.floodlights.get(wanted.floodlight)
        if state is None or not state.known:
            self._context.note(f"there is no floodlight {wanted.floodlight} to drain")
        else:
            if wanted.drained != state.drained:
                kind = "drained" if wanted.drained else "undrained"
                self._context.happened(kind, wanted.floodlight)
            self._announce(wanted.floodlight, drained=wanted.drained)

    def _announce(self, floodlight: str, **changes: Any) -> None:
        """Tell every shard what changes about an FL, if anything does."""
        state = self._context.floodlight(floodlight)
        before = _told(floodlight, state)
        news = msgspec.structs.replace(before, **changes)
        if news != before:
            self._tell(news)

    def _tell(self, news: peers.FloodlightState) -> None:
        # By the clock: after a kill the last number that was told may be unknown here.
        number = max(news.number + 1, self._context.now)
        news = msgspec.structs.replace(news, number=number)
        self._context.tell_others(news)
        self.learn(news)

    def heard(self, news: peers.FloodlightState) -> None:
        """Another shard says what it knows of an FL.

        The FL's home knows best, but its number may be too low: a former owner may have told a
        higher one before it was killed. The home then tells its own state under a number above
        that, for others ignore lower ones.
        """
        state = self._context.floodlights.get(news.floodlight)
        if self._context.home(news.floodlight) != self._context.number:
            self.learn(news)
        elif state is not None and state.number <= news.number < MAX_TIME_MS:
            own = _told(news.floodlight, state)
            if news != own:
                self._tell(msgspec.structs.replace(own, number=news.number))

    def learn(self, news: peers.FloodlightState) -> None:
        """In every shard: an FL's state has changed (protocol.md, 7.3 and 7.4)."""
        context, name = self._context, news.floodlight
        state = self._context.floodlight(name)
        if news.number <= state.number:
            known = _told(name, state)
            if news != known:
                context.tell_home(name, known)
            return
        before, condition = _told(name, state), state.condition
        for field in _TOLD:
            setattr(state, field, getattr(news, field))
        if state.condition != condition:
            state.since = context.now
        if not news.up:
            state.syncing = 0
        context.floodlights.put(name, state)
        if news.known != before.known:
            context.effects.membership_changed = True
        self._follow(before, news)

    def _follow(self, before: peers.FloodlightState, news: peers.FloodlightState) -> None:
        """What an FL's new state means for its requests and its switches."""
        context, name = self._context, news.floodlight
        if before.known and not news.known:
            self._requests.fail_at(name, None, f"floodlight {name} was removed")
            self._switches.floodlight_removed(name)
            self._settled()
        elif before.up and not news.up:
            self._requests.fail_at(name, None, f"floodlight {name} stopped answering")
            self._switches.floodlight_lost(name)
            self._settled()
        elif news.up and not before.up:
            self._switches.floodlight_back(name)
            if before.known and context.home(name) != context.number:
                # The home may not know of the outage: a former owner was killed as it told of it.
                context.tell_home(name, peers.SyncWanted(name, peers.OWN_SYNC))
        elif news.drained and not before.drained:
            self._moves.drained(name)
        elif before.drained and not news.drained:
            self._switches.floodlight_back(name)
