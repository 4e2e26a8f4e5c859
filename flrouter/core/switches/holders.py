"""The switch ↔ FL map: who holds a switch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flrouter.core.requests.pending import Requests
from flrouter.core.state.context import Context
from flrouter.core.state.rules import MAX_SWITCHES
from flrouter.core.switches.election import Election
from flrouter.core.switches.listeners import Listeners
from flrouter.core.values.events import Event
from flrouter.core.values.records import Holder, Mode, Switch

#: the states of a switch event that say that the FL has the switch, and as what.
CONNECTED = {"ACTIVATED": Mode.RW, "ADDED": Mode.RO}
#: the states that say that the FL lost it, or is its master no more.
LOST = frozenset({"DEACTIVATED", "REMOVED"})


@dataclass(eq=False)
class SwitchMap:
    """The switches whose home this shard is (protocol.md, 8.1)."""

    _context: Context
    _election: Election
    _listeners: Listeners
    _requests: Requests
    #: called with a switch that somebody holds from now on.
    _released: Callable[[str], None]

    # -- live events --------------------------------------------------------------------------

    def connected(self, name: str, floodlight: str, mode: Mode, record: bytes = b"") -> bool:
        """A live event says that `floodlight` has the switch (protocol.md, 8.1); True if listeners
        are to see it.

        Args:
            record: what the event says of the switch, as JSON.
        """
        switch = self._known(name, floodlight)
        return switch is None or self._connect(name, switch, floodlight, mode, record)

    def _connect(
        self, name: str, switch: Switch, floodlight: str, mode: Mode, record: bytes
    ) -> bool:
        newcomer = "" if floodlight in switch.holders else floodlight
        holder = self._alive_holder(switch, floodlight)
        if holder.mode is not mode:
            holder.mode, holder.since = mode, self._context.now
        self._election.hold(name, switch, newcomer)
        self._context.switches.put(name, switch)
        shown = self._listeners.connected(name, switch, floodlight, record)
        if switch.active == floodlight:
            self._released(name)
        return shown

    def seen(self, name: str, floodlight: str, mode: Mode = Mode.RW) -> bool:
        """Something names the switch as its origin (protocol.md, 8.1 and 8.3); True if `floodlight`
        speaks for it.

        Args:
            mode: how the FL holds it, if that is not known.
        """
        switch = self._context.switches.get(name)
        holder = switch.holders.get(floodlight) if switch is not None else None
        if holder is None or holder.mode is Mode.GONE:
            switch = self._known(name, floodlight)
            if switch is None:
                return True
            self._connect(name, switch, floodlight, mode, b"")
        assert switch is not None
        return switch.active == floodlight

    def lost(self, name: str, floodlight: str, state: str) -> bool:
        """A live event says that `floodlight` lost the switch (protocol.md, 8.3); True if listeners
        are to see it.

        Args:
            state: the event's, one of `LOST`.
        """
        context = self._context
        switch = self._known(name, floodlight)
        if switch is None:
            return True
        other = switch.active not in ("", floodlight)
        syncing = context.floodlights[floodlight].syncing
        left = self._listeners.left[state]
        if left is not Mode.GONE and floodlight in switch.holders:
            holder = self._alive_holder(switch, floodlight)
            holder.mode, holder.since = left, context.now
        elif syncing:
            # Remembered until the sync is over, or its chain would bring the switch back.
            self._alive_holder(switch, floodlight).mode = Mode.GONE
        else:
            switch.holders.pop(floodlight, None)
        self._election.hold(name, switch)
        self._context.keep_switch(name, switch)
        why = f"floodlight {floodlight} lost switch {name} meanwhile"
        self._requests.fail_at(floodlight, name, why)
        return self._listeners.lost(name, switch, served_by_another=other)

    def _known(self, name: str, floodlight: str) -> Switch | None:
        """The switch's record, made if there is none; None: there are too many."""
        context = self._context
        switch = context.switches.get(name)
        if switch is None and len(context.switches) >= MAX_SWITCHES:
            if not context.effects.counts[Event.SWITCHES_REFUSED, floodlight]:
                context.note(
                    f"shard {context.number} knows {MAX_SWITCHES:,} switches, so the new ones of"
                    f" floodlight {floodlight} get no commands: does it make them up?"
                )
            context.count(Event.SWITCHES_REFUSED, floodlight)
            return None
        return switch or Switch({})

    def _alive_holder(self, switch: Switch, floodlight: str) -> Holder:
        """The holder's record, marked so that this live event wins over the sync that runs."""
        holder = self._holder(switch, floodlight)
        holder.live = self._context.floodlights[floodlight].syncing
        return holder

    def _holder(self, switch: Switch, floodlight: str) -> Holder:
        """The holder's record, made if there is none."""
        holder = switch.holders.get(floodlight)
        if holder is None:
            holder = switch.holders[floodlight] = Holder(Mode.RW, since=self._context.now)
        return holder

    # -- sync ---------------------------------------------------------------------------------

    def listed(
        self, name: str, floodlight: str, attempt: int, mode: Mode | None = None, dump: bytes = b""
    ) -> None:
        """A sync's chain lists the switch. A live event since it began wins (protocol.md, 6.3).

        Args:
            mode: how the FL holds it; None: the chain does not say.
            dump: the record that lists it, if listeners have not had it.
        """
        switch = self._known(name, floodlight)
        if switch is None:
            return
        holder = self._holder(switch, floodlight)
        if not mode:
            mode = Mode.RW if holder.mode is Mode.GONE else holder.mode
        if holder.mode is not mode and holder.live != attempt:
            holder.mode, holder.since = mode, self._context.now
        holder.listed = attempt
        self._election.hold(name, switch, newcomer=floodlight)
        self._context.switches.put(name, switch)
        self._listeners.listed(name, switch, floodlight, dump)
        if switch.active == floodlight:
            self._released(name)

    def sync_complete(self, floodlight: str, attempt: int) -> None:
        """Report as offline what neither chain nor live events since named (protocol.md, 6.4)."""
        for name, switch, holder in self._held_by(floodlight):
            if holder.mode is Mode.GONE:
                del switch.holders[floodlight]
                self._context.keep_switch(name, switch)
            elif attempt not in (holder.listed, holder.live):
                self._gone_offline(name, switch, floodlight)
            elif switch.active == floodlight:
                # Not earlier: listeners ignore a chain that stops before its end.
                self._listeners.known(name, switch)

    def _gone_offline(self, name: str, switch: Switch, floodlight: str) -> None:
        del switch.holders[floodlight]
        was_active = switch.active == floodlight
        self._election.hold(name, switch)
        self._context.keep_switch(name, switch)
        self._requests.fail_at(floodlight, name, f"floodlight {floodlight} lost switch {name}")
        self._listeners.dropped(name, switch, floodlight, was_active=was_active)

    def _held_by(self, floodlight: str) -> Iterator[tuple[str, Switch, Holder]]:
        """The switches that an FL holds, or has just lost; the map may change meanwhile."""
        for name, switch in list(self._context.switches.items()):
            holder = switch.holders.get(floodlight)
            if holder is not None:
                yield name, switch, holder

    # -- outages ------------------------------------------------------------------------------

    def floodlight_lost(self, floodlight: str) -> None:
        """An FL is in outage: its switches move, or their state is unknown (protocol.md, 7.3)."""
        for name, switch, holder in self._held_by(floodlight):
            if holder.mode is Mode.GONE:
                del switch.holders[floodlight]
            self._election.hold(name, switch)
            self._context.keep_switch(name, switch)
            self._listeners.changed(name, switch)

    def sync_failed(self, floodlight: str) -> None:
        """An FL's chain did not end: the state of its switches is unknown (protocol.md, 6.2)."""
        for name, switch, holder in self._held_by(floodlight):
            if holder.mode is Mode.GONE:
                del switch.holders[floodlight]
                self._context.keep_switch(name, switch)
            if switch.active == floodlight:
                self._listeners.unknown(name, switch)

    def floodlight_back(self, floodlight: str) -> None:
        """An FL answers again: it serves at once the switches that no other FL could."""
        for name, switch, _ in self._held_by(floodlight):
            before = switch.active
            self._election.hold(name, switch)
            if switch.active != before:
                self._context.switches.put(name, switch)
            self._listeners.changed(name, switch)
            if switch.active == floodlight:
                # Held commands go first, or the next one would overtake them.
                self._released(name)

    def floodlight_removed(self, floodlight: str) -> None:
        """An FL is gone for good: its switches move to others, or are forgotten as unmanaged."""
        for name, switch, _ in self._held_by(floodlight):
            del switch.holders[floodlight]
            was_active = switch.active == floodlight
            self._election.hold(name, switch)
            if was_active and not switch.active:
                self._listeners.unknown(name, switch)
            self._context.keep_switch(name, switch)
            self._listeners.changed(name, switch)
