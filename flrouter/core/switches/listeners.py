"""Listeners: how they are told which switches are there.

A profile chooses one of two forms. Every rule that changes who holds a switch says so here.
"""

from __future__ import annotations

from collections.abc import Mapping

from flrouter.core.state.context import Context
from flrouter.core.values import peers
from flrouter.core.values.events import Event
from flrouter.core.values.records import Mode, Switch
from flrouter.messages.forms import build, notifications


class Listeners:
    """Those who follow which switches are there (protocol.md, 8.5), in either form."""

    #: a switch event's state → how the FL holds the switch after it.
    left: Mapping[str, Mode]

    def __init__(self, context: Context) -> None:
        self._context = context

    def rebuild(self) -> None:
        """The table was restored."""

    def connected(self, name: str, switch: Switch, floodlight: str, record: bytes) -> bool:
        """A live event said that an FL has the switch; True if listeners are to see the event.

        Args:
            record: what the event says of the switch, as JSON; may be empty.
        """
        raise NotImplementedError

    def lost(self, name: str, switch: Switch, *, served_by_another: bool) -> bool:
        """A live event said that an FL lost the switch; True if listeners are to see it."""
        self.changed(name, switch)
        return False

    def listed(self, name: str, switch: Switch, floodlight: str, dump: bytes) -> None:
        """A sync listed the switch.

        Args:
            dump: the record that did; empty if listeners have had it.
        """

    def dropped(self, name: str, switch: Switch, floodlight: str, *, was_active: bool) -> None:
        """A whole sync did not list the switch."""
        self.changed(name, switch)

    def changed(self, name: str, switch: Switch) -> None:
        """Something else changed who holds the switch, or who speaks for it."""
        raise NotImplementedError

    def unknown(self, name: str, switch: Switch) -> None:
        """The state of the switch is unknown for now."""

    def known(self, name: str, switch: Switch) -> None:
        """The state of the switch is known: from a whole sync, or from a live event."""


class ByEvents(Listeners):
    """Listeners see the FLs' events, and are told what those cannot say (protocol.md, 8.5).

    They have a sync's chain itself, and ignore it until its end.
    """

    left: Mapping[str, Mode] = {"DEACTIVATED": Mode.GONE, "REMOVED": Mode.GONE}

    def connected(self, name: str, switch: Switch, floodlight: str, record: bytes) -> bool:
        """The event of the active FL says it."""
        if switch.active == floodlight:
            self.known(name, switch)
        return switch.active == floodlight

    def lost(self, name: str, switch: Switch, *, served_by_another: bool) -> bool:
        """While another FL serves the switch, listeners hear of no loss (protocol.md, 8.3)."""
        self.changed(name, switch)
        return not served_by_another and not switch.active

    def dropped(self, name: str, switch: Switch, floodlight: str, *, was_active: bool) -> None:
        """The switch is offline if no other FL has it (protocol.md, 6.4)."""
        context = self._context
        if was_active and not switch.active:
            notice = build.switch_event(name, "REMOVED", f"offline-{name}", context.now)
            context.send(context.rules.disco_topic, name, notice)
            context.count(Event.OFFLINE, floodlight)
        self.changed(name, switch)

    def changed(self, name: str, switch: Switch) -> None:
        """If only FLs in outage hold the switch, its state is unknown (protocol.md, 7.3)."""
        if switch.active and not self._context.floodlights[switch.active].up:
            self.unknown(name, switch)

    def unknown(self, name: str, switch: Switch) -> None:
        """Told once, until the state is known again."""
        context = self._context
        if not switch.unmanaged:
            switch.unmanaged = True
            context.switches.put(name, switch)
            notice = build.unmanaged(name, f"unmanaged-{name}", context.now)
            context.send(context.rules.disco_topic, name, notice)
            context.count(Event.UNMANAGED, switch.active)

    def known(self, name: str, switch: Switch) -> None:
        """Take the mark away."""
        if switch.unmanaged:
            switch.unmanaged = False
            self._context.switches.put(name, switch)


class ByAvailability(Listeners):
    """Listeners are told each switch's connections to FLs, and its master (protocol.md, 8.5).

    What they were told is kept with the switch, so any difference can be seen. An FL that lost
    mastership of a switch stays connected to it until it says REMOVED.
    """

    left: Mapping[str, Mode] = {"DEACTIVATED": Mode.RO, "REMOVED": Mode.GONE}

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: switches of which a former owner may have told what it did not live to keep.
        self._uncertain: set[str] = set()

    def rebuild(self) -> None:
        """Of none of its switches it is certain what listeners know."""
        self._uncertain = set(self._context.switches)

    def connected(self, name: str, switch: Switch, floodlight: str, record: bytes) -> bool:
        """They are not to see the event itself."""
        if record:
            self._note(name, switch, floodlight, record)
        elif self._has_new_master(switch):
            self._want_record(floodlight)
        self._tell(name, switch, record)
        return False

    def listed(self, name: str, switch: Switch, floodlight: str, dump: bytes) -> None:
        """The master's record of the switch follows what it made known."""
        context = self._context
        record = notifications.record_of(dump) if dump else b""
        if record:
            self._note(name, switch, floodlight, record)
        self._tell(name, switch, record)
        if record and floodlight == self._master(switch):
            context.send(context.rules.disco_topic, name, dump)

    def changed(self, name: str, switch: Switch) -> None:
        """Tell listeners what they do not know."""
        self._tell(name, switch, b"")

    def known(self, name: str, switch: Switch) -> None:
        """If a live event came after the FL's list, only its next list has the switch's record."""
        holder = switch.holders[switch.active]
        if holder.listed < holder.live and self._has_new_master(switch):
            self._want_record(switch.active)

    def _want_record(self, floodlight: str) -> None:
        """Listeners cannot be told without the switch's record; the FL's next sync has it."""
        self._context.tell_home(floodlight, peers.SyncWanted(floodlight, peers.OWN_SYNC))

    def _note(self, name: str, switch: Switch, floodlight: str, record: bytes) -> None:
        """Keep what of a record goes into the list of connections."""
        holder = switch.holders[floodlight]
        addresses = notifications.addresses_of(record)
        if holder.addresses != addresses:
            holder.addresses = addresses
            self._context.switches.put(name, switch)

    def _master(self, switch: Switch) -> str:
        """The switch's master, if that answers, else an empty text."""
        floodlights, holder = self._context.floodlights, switch.holders.get(switch.active)
        if holder is None or holder.mode is not Mode.RW or not floodlights[switch.active].up:
            return ""
        return switch.active

    def _has_new_master(self, switch: Switch) -> bool:
        """Whether the switch has a master again: that is told with a record of the switch."""
        return bool(self._master(switch) and not switch.told_master)

    def _is_region_offline(self, switch: Switch) -> bool:
        """Whether the switch has no master because an FL does not answer, or was removed."""
        former = [at for at, holder in switch.holders.items() if holder.mode is Mode.RW]
        if switch.told_master:
            former = [switch.told_master]
        states = map(self._context.floodlights.get, former)
        return any(state is None or not (state.known and state.up) for state in states)

    def _tell(self, name: str, switch: Switch, record: bytes) -> None:
        """Tell listeners what they do not know; a new master only with a record of the switch."""
        context, master = self._context, self._master(switch)
        floodlights = context.floodlights
        holders = {
            at: holder
            for at, holder in sorted(switch.holders.items())
            if holder.mode is not Mode.GONE and floodlights[at].known and floodlights[at].up
        }
        modes = {at: holder.mode for at, holder in holders.items()}
        is_new = master and not switch.told_master
        if (modes, master) == (switch.told, switch.told_master) or (is_new and not record):
            return
        connections = [
            notifications.connection(
                at,
                writes=holder.mode is Mode.RW,
                master=at == master,
                since=holder.since,
                addresses=holder.addresses,
            )
            for at, holder in holders.items()
        ]
        if is_new:
            kind, notice = "connect", notifications.connect(record, connections)
        elif not master and (switch.told_master or name in self._uncertain):
            kind, offline = "disconnect", self._is_region_offline(switch)
            if switch.told_master:
                context.count(Event.UNMANAGED if offline else Event.OFFLINE, switch.told_master)
            notice = notifications.disconnect(name, connections, region_offline=offline)
        else:
            kind, notice = "availability", notifications.availability(name, connections)
        message = notifications.message(notice, f"{kind}-{name}", context.now)
        context.send(context.rules.disco_topic, name, message)
        switch.told, switch.told_master = modes, master
        self._uncertain.discard(name)
        if switch.holders or switch.region:
            context.switches.put(name, switch)


#: the forms, by their names in profiles.
FORMS: dict[str, type[Listeners]] = {"events": ByEvents, "availability": ByAvailability}
