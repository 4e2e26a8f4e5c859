"""Listeners: how they are told which switches are there (protocol.md, 8.5).

A profile chooses one of two forms. Everybody who changes who holds a switch says so here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flrouter.core.state.context import Context
from flrouter.core.values import peers
from flrouter.core.values.events import Event
from flrouter.core.values.records import Mode, Switch
from flrouter.messages.forms import build, notifications
from flrouter.messages.forms.notifications import Connection


class Listeners(Protocol):
    """Those who follow which switches are there."""

    #: what a switch event leaves of a connection, by its state.
    left: Mapping[str, Mode]

    def connected(self, name: str, switch: Switch, floodlight: str, record: bytes) -> bool:
        """A live event said that an FL has the switch; whether they are to see the event itself.

        Args:
            record: what it says of the switch, as JSON; nothing when it says nothing.
        """

    def lost(self, name: str, switch: Switch, *, served_by_another: bool) -> bool:
        """A live event said that an FL lost the switch; whether they are to see the event."""

    def listed(self, name: str, switch: Switch, floodlight: str, dump: bytes) -> None:
        """A sync listed the switch.

        Args:
            dump: the record that did; nothing where listeners have had it already.
        """

    def dropped(self, name: str, switch: Switch, floodlight: str, *, was_active: bool) -> None:
        """A whole sync did not list the switch."""

    def changed(self, name: str, switch: Switch) -> None:
        """Something else changed who holds the switch, or who speaks for it."""

    def unknown(self, name: str, switch: Switch) -> None:
        """Nobody knows the state of the switch for now."""

    def known(self, name: str, switch: Switch) -> None:
        """A sync that is whole says how the switch is, or a live event did meanwhile."""


class ByEvents:
    """They see the events of FLs, and are told what these cannot tell."""

    left: Mapping[str, Mode] = {"DEACTIVATED": Mode.GONE, "REMOVED": Mode.GONE}

    def __init__(self, context: Context) -> None:
        self._context = context

    def connected(self, name: str, switch: Switch, floodlight: str, record: bytes) -> bool:
        """The event of the active FL says it."""
        if switch.active == floodlight:
            self.known(name, switch)
        return switch.active == floodlight

    def lost(self, name: str, switch: Switch, *, served_by_another: bool) -> bool:
        """While another FL serves it the switch is not gone, so they must not hear so."""
        self.changed(name, switch)
        return not served_by_another and not switch.active

    def listed(self, name: str, switch: Switch, floodlight: str, dump: bytes) -> None:
        """They have had the chain itself; until its end they ignore it, so nothing is known yet."""

    def dropped(self, name: str, switch: Switch, floodlight: str, *, was_active: bool) -> None:
        """It is offline when nobody else has it."""
        context = self._context
        if was_active and not switch.active:
            notice = build.switch_event(name, "REMOVED", f"offline-{name}", context.now)
            context.send(context.rules.disco_topic, name, notice)
            context.count(Event.OFFLINE, floodlight)
        self.changed(name, switch)

    def changed(self, name: str, switch: Switch) -> None:
        """When only FLs in outage are left that hold the switch, nobody knows its state."""
        if switch.active and not self._context.floodlights[switch.active].up:
            self.unknown(name, switch)

    def unknown(self, name: str, switch: Switch) -> None:
        """Once per outage: the mark goes when somebody knows the switch's state again."""
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


class ByAvailability:
    """They are told of every switch which FLs are connected to it, and which is its master.

    What they were told is kept with the switch, so it does not matter what changed it. An FL that
    is no longer a switch's master has it as before it became that, until it says REMOVED.
    """

    left: Mapping[str, Mode] = {"DEACTIVATED": Mode.RO, "REMOVED": Mode.GONE}

    def __init__(self, context: Context) -> None:
        self._context = context

    def connected(self, name: str, switch: Switch, floodlight: str, record: bytes) -> bool:
        """They are not to see the event itself."""
        if record:
            self._note(name, switch, floodlight, record)
        elif self._news(switch).needs_record:
            self._want_record(floodlight)
        self._tell(name, switch, record)
        return False

    def lost(self, name: str, switch: Switch, *, served_by_another: bool) -> bool:
        """They are not to see the event itself."""
        self.changed(name, switch)
        return False

    def listed(self, name: str, switch: Switch, floodlight: str, dump: bytes) -> None:
        """The record of the switch's master goes to them too, after what it brings about."""
        context = self._context
        record = notifications.record_of(dump) if dump else b""
        if record:
            self._note(name, switch, floodlight, record)
        self._tell(name, switch, record)
        if record and floodlight == self._master(switch):
            context.send(context.rules.disco_topic, name, dump)

    def dropped(self, name: str, switch: Switch, floodlight: str, *, was_active: bool) -> None:
        """As any other loss."""
        self.changed(name, switch)

    def changed(self, name: str, switch: Switch) -> None:
        """Tell them, if they do not know it."""
        self._tell(name, switch, b"")

    def unknown(self, name: str, switch: Switch) -> None:
        """What they were told still holds."""

    def known(self, name: str, switch: Switch) -> None:
        """A live event came after the FL had listed what it holds: its next list has the switch."""
        holder = switch.holders[switch.active]
        if holder.listed < holder.live and self._news(switch).needs_record:
            self._want_record(switch.active)

    def _want_record(self, floodlight: str) -> None:
        """Without a record they cannot be told, and the FL's next sync has it."""
        self._context.tell_home(floodlight, peers.SyncWanted(floodlight, peers.OWN_SYNC))

    def _note(self, name: str, switch: Switch, floodlight: str, record: bytes) -> None:
        """Keep what of a record goes into the list of connections."""
        holder = switch.holders[floodlight]
        addresses = notifications.addresses_of(record)
        if holder.addresses != addresses:
            holder.addresses = addresses
            self._context.switches.put(name, switch)

    def _master(self, switch: Switch) -> str:
        """The FL that is the switch's master and answers; empty when there is none."""
        floodlights, holder = self._context.floodlights, switch.holders.get(switch.active)
        if holder is None or holder.mode is not Mode.RW or not floodlights[switch.active].up:
            return ""
        return switch.active

    def _news(self, switch: Switch) -> _News:
        floodlights = self._context.floodlights
        holders: dict[str, Mode] = {
            name: holder.mode
            for name, holder in sorted(switch.holders.items())
            if holder.mode is not Mode.GONE and floodlights[name].known and floodlights[name].up
        }
        return _News(switch, holders, self._master(switch))

    def _tell(self, name: str, switch: Switch, record: bytes) -> None:
        context, news = self._context, self._news(switch)
        if not news.any or (news.needs_record and not record):
            return
        connections = [
            Connection(at, mode is Mode.RW, at == news.master, since, addresses)
            for at, mode in news.holders.items()
            for since, addresses in [(switch.holders[at].since, switch.holders[at].addresses)]
        ]
        if news.needs_record:
            kind, notice = "connect", notifications.connect(record, connections)
        elif news.ends:
            state = context.floodlights.get(switch.told_master)
            offline = state is None or not (state.known and state.up)
            kind = "disconnect"
            context.count(Event.UNMANAGED if offline else Event.OFFLINE, switch.told_master)
            notice = notifications.disconnect(name, connections, region_offline=offline)
        else:
            kind, notice = "availability", notifications.availability(name, connections)
        message = notifications.message(notice, f"{kind}-{name}", context.now)
        context.send(context.rules.disco_topic, name, message)
        switch.told, switch.told_master = news.holders, news.master
        if switch.holders or switch.region:
            context.switches.put(name, switch)


class _News:
    """How what is so differs from what listeners were told of a switch."""

    __slots__ = ("any", "ends", "holders", "master", "needs_record")

    def __init__(self, switch: Switch, holders: dict[str, Mode], master: str) -> None:
        #: who is connected, and as what.
        self.holders = holders
        self.master = master
        self.any = (holders, master) != (switch.told, switch.told_master)
        #: the first master is there: only a record of the switch can tell of it.
        self.needs_record = bool(master and not switch.told_master)
        self.ends = bool(switch.told_master and not master)


#: the forms, by the names that profiles have for them.
FORMS: dict[str, type[ByEvents] | type[ByAvailability]] = {
    "events": ByEvents,
    "availability": ByAvailability,
}
