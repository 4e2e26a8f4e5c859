"""Liveness: each FL's home asks it for signs of life; a silent FL is in outage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from flrouter.core.floodlights.sync import Syncs
from flrouter.core.state.context import Context
from flrouter.core.values.events import Event
from flrouter.messages.envelope import Envelope
from flrouter.messages.forms import build

#: the most failed writes that are counted from one answer: an FL may name any number.
MAX_WRITE_ERRORS = 1_000_000


class Announce(Protocol):
    """Tells every shard what is new about an FL."""

    def __call__(self, floodlight: str, **changes: Any) -> None: ...


@dataclass(slots=True, eq=False)
class Watch:
    """The watch over one FL, in its home. It begins anew after a restart (protocol.md, 7.5)."""

    #: ms: when to ask again.
    next_tick: int
    #: ms: when the FL was asked, if it has not answered since; else 0.
    armed: int = 0
    #: the token of the catch-up before an outage; 0: none.
    asked: int = 0
    #: ms: how long an answer has been awaited, while the router was able to hear one.
    silence: int = 0


class Liveness:
    """The watches over the FLs whose home this shard is."""

    def __init__(self, context: Context, syncs: Syncs, announce: Announce) -> None:
        self._context = context
        self._syncs = syncs
        self._announce = announce
        self._watches: dict[str, Watch] = {}
        self._last_tick = 0

    def rearm(self) -> None:
        """The clock went back: ask each FL an alive interval from now at the latest."""
        now, interval = self._context.now, self._context.rules.alive_interval
        for watch in self._watches.values():
            watch.armed = min(watch.armed, now)
            watch.next_tick = min(watch.next_tick, now + interval)

    def tick(self) -> None:
        """In the home: ask FLs for signs of life; see who gave none (protocol.md, 7.1 and 7.2)."""
        context, rules = self._context, self._context.rules
        # A shard looks many times in an interval. If it did not, the router itself was frozen, busy
        # or without a broker, and the FL may have been asked nothing. So one look adds at most one
        # interval to a silence.
        waited = min(max(context.now - self._last_tick, 0), rules.alive_interval)
        self._last_tick = context.now
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
                    watch.asked = context.catch_up(name, partial(self._silent, name))
            if watch.next_tick > context.now:
                continue
            watch.next_tick = context.now + rules.alive_interval
            if not watch.armed:
                watch.armed = context.now
            asked = context.suffixes.add("alive", context.number, f"alive.{context.now}")
            request = build.alive_request(asked, context.now)
            context.send(rules.read_topic(name), name, request, partition=context.number)

    def forget(self, floodlight: str) -> None:
        """The FL is gone for good."""
        self._watches.pop(floodlight, None)

    def _silent(self, floodlight: str, token: int) -> None:
        """The FL's write topics were read to their ends: it really is silent."""
        watch = self._watches.get(floodlight)
        if watch is not None and watch.asked == token:
            watch.asked = 0
            if watch.silence > self._context.rules.alive_timeout:
                self._outage(floodlight, "it does not answer")

    def took(self, floodlight: str, sent: int) -> None:
        """In the home: the FL has taken a command that was sent at `sent` (ms; protocol.md, 7.5).

        Commands and AliveRequests of this shard lie in one partition. An FL that takes a command
        from before the AliveRequest has not come to that yet: it is busy, not silent.
        """
        watch = self._watches.get(floodlight)
        if watch is not None and watch.armed and sent <= watch.armed:
            watch.silence = 0

    def alive_response(self, floodlight: str, envelope: Envelope) -> None:
        """In the home: an FL is there, and counts its failed writes (protocol.md, 7.2 and 7.4)."""
        state = self._context.floodlight(floodlight)
        watch = self._watches.get(floodlight)
        if watch is not None:
            watch.armed = watch.asked = watch.silence = 0
        if not state.heard:
            self._announce(floodlight, heard=True)
        failed = envelope.payload.failed_messages if envelope.payload is not None else 0
        if type(failed) is int and failed > 0:  # `true` is an int too
            # An answer with failed writes begins an outage, and ends none: otherwise an FL whose
            # writes always fail would come and go at every tick.
            self._context.count(Event.WRITE_ERRORS, floodlight, min(failed, MAX_WRITE_ERRORS))
            if state.up:
                self._outage(floodlight, f"it failed to write {failed} messages")
        elif not state.up:
            self._context.note(f"floodlight {floodlight} answers again")
            self._context.count(Event.RECOVERIES, floodlight)
            self._context.happened("recovered", floodlight, began=state.since)
            self._announce(floodlight, up=True)
            self._syncs.serve(floodlight)

    def _outage(self, floodlight: str, why: str) -> None:
        state = self._context.floodlight(floodlight)
        if state.up:
            self._context.note(f"outage of floodlight {floodlight}: {why}")
            self._context.count(Event.OUTAGES, floodlight)
            self._context.happened("outage", floodlight, text=why)
            self._syncs.cancel(floodlight, f"floodlight {floodlight} stopped answering")
            self._announce(floodlight, up=False)
