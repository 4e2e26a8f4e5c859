"""FLs: what every shard knows of them, and the alive tracking in an FL's home.

The home decides what has become of its FL and tells every shard; each acts on its own switches
and pending requests (protocol.md, 7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from flrouter.core import peers
from flrouter.core.context import Context
from flrouter.core.moves import Moves
from flrouter.core.pending import Requests
from flrouter.core.records import MAX_TIME_MS, Floodlight
from flrouter.core.switches import SwitchMap
from flrouter.core.sync import Syncs
from flrouter.messages import build
from flrouter.messages.envelope import Envelope

#: of messages that an FL says it failed to write: it may say any number.
MOST_COUNTED = 1_000_000

#: what shards tell each other of an FL, beside its name.
_TOLD = tuple(field for field in peers.FloodlightState.__struct_fields__ if field != "floodlight")


def _told(floodlight: str, state: Floodlight) -> peers.FloodlightState:
    return peers.FloodlightState(floodlight, *(getattr(state, field) for field in _TOLD))


class Watch:
    """The alert of one FL, in its home. Not kept: a router that has just started knows nothing."""

    __slots__ = ("armed", "asked", "next_tick", "silence")

    def __init__(self, now: int) -> None:
        #: ms: when the alert was armed; 0 while it is not.
        self.armed = 0
        #: ms: when to ask again.
        self.next_tick = now
        #: the token with which the FL's write topic is being read before an outage is told.
        self.asked = 0
        #: ms: for how long the router has waited for an answer, by its own attention.
        self.silence = 0

    def disarm(self) -> None:
        """The FL has answered."""
        self.armed = self.asked = self.silence = 0


class Floodlights:
    """The known FLs, and the watches over those whose home this shard is."""

    def __init__(
        self,
        context: Context,
        requests: Requests,
        switches: SwitchMap,
        moves: Moves,
        syncs: Syncs,
        settled: Callable[[], None],
    ) -> None:
        """Args:
        settled: called when an FL is not waited for any more.
        """
        self._context = context
        self._requests = requests
        self._switches = switches
        self._moves = moves
        self._syncs = syncs
        self._settled = settled
        self._watches: dict[str, Watch] = {}
        self._last_tick = 0
        #: whether a former owner may have told the others what its changelog does not hold.
        self._taken_over = False

    def state(self, floodlight: str) -> Floodlight:
        """The shard's record of an FL, made when there is none."""
        state = self._context.floodlights.get(floodlight)
        if state is None:
            state = Floodlight()
            self._context.floodlights.put(floodlight, state)
        return state

    def rebuild(self) -> None:
        """The table was restored: what is there must be told again."""
        self._taken_over = True
        for switch in self._context.switches.values():
            for floodlight in switch.holders:
                self.state(floodlight)  # a kill may have come before its row was written

    # -- coming and going ---------------------------------------------------------------------

    def add(self, wanted: peers.AddFloodlight) -> None:
        """In the home: route to this FL from now on. One that is known stays as it is else."""
        name, acks = wanted.floodlight, wanted.acks
        state = self.state(name)
        if state.known:
            self._announce(name, acks=acks)
        else:  # also one that was removed: it is new
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
        if self.state(floodlight).known:
            self._syncs.cancel(floodlight, f"floodlight {floodlight} was removed")
            self._watches.pop(floodlight, None)
            self._context.happened("removed", floodlight)
            self._announce(floodlight, known=False, up=False)

    def drain(self, wanted: peers.DrainFloodlight) -> None:
        """In the home: its switches go elsewhere, or may come back."""
        state = self._context.floodlights.get(wanted.floodlight)
        if state is None or not state.known:
            self._context.note(f"there is no floodlight {wanted.floodlight} to drain")
        else:
            if wanted.drained != state.drained:
                self._context.happened(
                    "drained" if wanted.drained else "undrained", wanted.floodlight
                )
            self._announce(wanted.floodlight, drained=wanted.drained)

    def _announce(self, floodlight: str, **changes: Any) -> None:
        """Tell every shard what is new about an FL, if anything is."""
        state = self.state(floodlight)
        before = _told(floodlight, state)
        news = msgspec.structs.replace(before, **changes)
        if news != before:
            self._tell(news)

    def _tell(self, news: peers.FloodlightState) -> None:
        # By the clock, for a number that was told may be missing in the changelog after a kill.
        number = max(news.number + 1, self._context.now)
        news = msgspec.structs.replace(news, number=number)
        self._context.tell_others(news)
        self.learn(news)

    def heard(self, news: peers.FloodlightState) -> None:
        """Another shard says what it knows of an FL.

        In the FL's home nobody knows better: only the number counts, which a former owner may have
        told and not kept, by a clock that was ahead. What is told under an older one is not heard.
        """
        state = self._context.floodlights.get(news.floodlight)
        if self._context.home(news.floodlight) != self._context.number:
            self.learn(news)
        elif state is not None and state.number <= news.number < MAX_TIME_MS:
            own = _told(news.floodlight, state)
            if news != own:
                self._tell(msgspec.structs.replace(own, number=news.number))

    def learn(self, news: peers.FloodlightState) -> None:
        """In every shard: an FL's state has changed."""
        context, name = self._context, news.floodlight
        state = self.state(name)
        if news.number <= state.number:
            known = _told(name, state)
            if news != known:
                context.tell(context.home(name), known)
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
                # The home may not know that it was away: a former owner was killed as it said so.
                context.tell(context.home(name), peers.SyncWanted(name, peers.OWN_SYNC))
        elif news.drained and not before.drained:
            self._moves.drained(name)
        elif before.drained and not news.drained:
            self._switches.floodlight_back(name)

    # -- alive --------------------------------------------------------------------------------

    def rearm(self) -> None:
        """Each FL is asked an alive interval from now at the latest."""
        now, interval = self._context.now, self._context.rules.alive_interval
        for watch in self._watches.values():
            watch.armed = min(watch.armed, now)
            watch.next_tick = min(watch.next_tick, now + interval)

    def tick(self) -> None:
        """In the home: ask each FL whether it is there, and see who did not answer."""
        context, rules = self._context, self._context.rules
        # A shard looks many times in an interval. When it did not, it was the router that was
        # frozen, busy or without a broker, and the FL may have heard nothing meanwhile: so one look
        # adds one interval to a silence at the most.
        waited = min(max(context.now - self._last_tick, 0), rules.alive_interval)
        self._last_tick = context.now
        if self._taken_over:
            self._taken_over = False
            for name in context.known_floodlights():
                if context.home(name) == context.number:
                    self._tell(_told(name, context.floodlights[name]))
        for name, state in context.floodlights.items():
            if not state.known or context.home(name) != context.number:
                self._watches.pop(name, None)
                continue
            watch = self._watches.get(name)
            if watch is None:
                watch = self._watches[name] = Watch(context.now)
            if watch.armed:
                watch.silence += waited
                if watch.silence > rules.alive_timeout and state.up and not watch.asked:
                    watch.asked = context.catch_up(name)
            if watch.next_tick > context.now:
                continue
            watch.next_tick = context.now + rules.alive_interval
            if not watch.armed:
                watch.armed = context.now
            asked = context.suffixes.add("alive", context.number, f"alive.{context.now}")
            context.send(
                rules.read_topic(name),
                name,
                build.alive_request(asked, context.now),
                partition=context.number,
            )

    def caught_up(self, token: int) -> None:
        """The FL's write topic was read to its end: silence is now known to be the FL's own."""
        for name, watch in self._watches.items():
            if watch.asked == token:
                watch.asked = 0
                if watch.silence > self._context.rules.alive_timeout:
                    self._outage(name, "it does not answer")

    def took(self, floodlight: str, sent: int) -> None:
        """In the home: the FL has taken a command that was sent at `sent` (ms).

        Commands and AliveRequests of this shard lie in one partition. Who works through commands
        that lie before the AliveRequest has not come to it yet, and is not silent.
        """
        watch = self._watches.get(floodlight)
        if watch is not None and watch.armed and sent <= watch.armed:
            watch.silence = 0

    def alive_response(self, floodlight: str, envelope: Envelope) -> None:
        """In the home: an FL says that it is there, and whether it lost what it wrote."""
        state = self.state(floodlight)
        watch = self._watches.get(floodlight)
        if watch is not None:
            watch.disarm()
        if not state.heard:
            self._announce(floodlight, heard=True)
        failed = envelope.payload.failed_messages if envelope.payload is not None else 0
        if type(failed) is int and failed > 0:  # true is an int too, and no number of messages
            # That is an outage, in an outage too: were this answer to end it, an FL whose writes
            # fail all the time would be reported as lost and found at every tick.
            self._context.count("write_errors", floodlight, min(failed, MOST_COUNTED))
            if state.up:
                self._outage(floodlight, f"it failed to write {failed} messages")
        elif not state.up:
            self._context.note(f"floodlight {floodlight} answers again")
            self._context.count("recoveries", floodlight)
            self._context.happened("recovered", floodlight, began=state.since)
            self._announce(floodlight, up=True)
            self._syncs.serve(floodlight)

    def _outage(self, floodlight: str, why: str) -> None:
        state = self.state(floodlight)
        if state.up:
            self._context.note(f"outage of floodlight {floodlight}: {why}")
            self._context.count("outages", floodlight)
            self._context.happened("outage", floodlight, text=why)
            self._syncs.cancel(floodlight, f"floodlight {floodlight} stopped answering")
            self._announce(floodlight, up=False)
