"""The shard: the sequential owner of one home partition's state.

``decide`` is all there is: a batch of inputs and the time go in, effects come out, and the tables
hold what is kept. If its effects cannot be performed, the shard must be thrown away: another one is
restored from the changelogs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from flrouter.core.commands import Commands
from flrouter.core.floodlights.floodlights import Floodlights
from flrouter.core.floodlights.sync import Syncs
from flrouter.core.gathers.gathers import Gathers
from flrouter.core.reports import Reports
from flrouter.core.requests.links import Links
from flrouter.core.requests.pending import Requests
from flrouter.core.state.context import Context
from flrouter.core.state.rules import Rules
from flrouter.core.switches.election import Election
from flrouter.core.switches.holders import SwitchMap
from flrouter.core.switches.listeners import FORMS
from flrouter.core.switches.moves import Moves
from flrouter.core.values import peers
from flrouter.core.values.effects import Effects
from flrouter.core.values.events import Event
from flrouter.core.values.inputs import CaughtUp, Command, Garbled, Input, Report, Told
from flrouter.messages.kinds.catalog import Catalog


class Shard:
    """The rules of docs/protocol.md over the state of partition `number`."""

    def __init__(self, number: int, rules: Rules, catalog: Catalog) -> None:
        context = self.context = Context(number, rules, catalog)
        self.requests = Requests(context)
        self.gathers = Gathers(context)
        self._commands = Commands(context, self.requests, self.gathers)
        self._election = Election(context)
        listeners = self._listeners = FORMS[rules.listeners](context)
        self._moves = Moves(context, self._election, listeners)
        self._switches = SwitchMap(
            context, self._election, listeners, self.requests, self._commands.release
        )
        self._links = Links(context)
        self.syncs = Syncs(context, self._switches, self._links, self._commands.release_all)
        release = self._commands.release_all
        self._floodlights = Floodlights(
            context, self.requests, self._switches, self._moves, self.syncs, release
        )
        self._liveness = self._floodlights.liveness
        self._reports = Reports(
            context, self.requests, self._switches, self._links, self._liveness, self.syncs
        )
        self._take: dict[type, Callable[[Any], None]] = {
            Command: self._commands.take,
            Report: self._reports.take,
            Told: lambda told: self._hear[type(told.peer)](told.peer),
            Garbled: lambda record: context.dead_letter(record.origin, record.data, record.fault),
            CaughtUp: lambda caught_up: context.caught_up(caught_up.token),
        }
        self._hear: dict[type, Callable[[Any], None]] = {
            peers.AddFloodlight: self._floodlights.add,
            peers.RemoveFloodlight: lambda note: self._floodlights.remove(note.floodlight),
            peers.DrainFloodlight: self._floodlights.drain,
            peers.PreferFloodlight: self._floodlights.prefer,
            peers.FloodlightState: self._floodlights.heard,
            peers.SyncWanted: lambda note: self.syncs.wanted(note.floodlight, note.correlation_id),
            peers.SyncStarted: self.syncs.started,
            peers.SyncReceipt: self.syncs.receipt,
            peers.SyncRecords: self.syncs.records,
            peers.SyncComplete: self.syncs.completed,
            peers.SyncFailed: self.syncs.failed,
            peers.NextLink: self._links.registered,
            peers.LinkWanted: self._links.wanted,
            peers.LinkMissing: lambda note: self.requests.link_missing(note.number, note.link_id),
            peers.Scatter: self._commands.scatters.take,
            peers.Populate: self._commands.populations.take,
            peers.PartResults: self.gathers.results,
            peers.PartsOverdue: self.requests.end_parts,
            peers.MoveSwitch: lambda note: self._moves.move(note.switch, note.floodlight),
            peers.PlaceSwitch: lambda note: self._moves.place(note.switch, note.region),
        }

    def load(self, waiting: int = 0) -> float:
        """How full it is, `waiting` inputs included: from 1 on, give it no more commands."""
        has = self.requests.room_taken + self.gathers.room_taken
        return (has + waiting) / self.context.rules.max_pending

    def restored(self, now: int) -> None:
        """The tables were restored: make the rest of the state from them, at `now` (ms)."""
        self.context.now = now
        self._rearm()  # the clock that set the deadlines may have been ahead
        self.requests.rebuild()
        self.gathers.rebuild()
        self._links.rebuild()
        self._listeners.rebuild()
        self._floodlights.rebuild()
        self.syncs.rebuild()

    def decide(self, batch: Iterable[Input], now: int) -> Effects:
        """What follows from `batch` at the time `now` (ms since the epoch)."""
        context = self.context
        went_back, context.now = now < context.now, now
        effects = context.effects = Effects()
        if went_back:
            self._rearm()
        self.gathers.clear()
        take = self._take
        for item in batch:
            try:
                take[type(item)](item)
            except Exception as error:  # noqa: BLE001 - no bug may lose a record, or stop a shard
                self._survive(item, error)
        self.syncs.tell_listed()
        self._tick()
        self._election.tell_gained()
        self.requests.parts.tell()
        return effects

    def _rearm(self) -> None:
        """The clock went back: what was to happen soon must not wait until it is there again."""
        self.requests.rearm()
        self.gathers.rearm()
        self._links.rearm()
        self._moves.rearm()
        self._liveness.rearm()
        self.syncs.rearm()

    def _tick(self) -> None:
        self._wake()
        self.requests.blacklist.expire()
        self._floodlights.tick()
        self._liveness.tick()
        self._moves.tick()
        self.syncs.tick()

    def _wake(self) -> None:
        """Hand what is due to the rules that know whether it still is."""
        due = self.context.deadlines.due(self.context.now)
        if "pending" in due:
            self.requests.woken(due["pending"])
        if "gathers" in due:
            self.gathers.woken(due["gathers"])
        if "links" in due:
            self._links.expire(due["links"])

    def _survive(self, item: Input, error: Exception) -> None:
        """A bug of ours: keep the record, and tell the requester who waits for it."""
        context = self.context
        context.note(f"a {type(item).__name__} was not handled: {error!r}")
        context.count(Event.BUGS)
        if isinstance(item, Command):
            self._commands.fail(item, f"the router could not handle the command: {error!r}")
        elif isinstance(item, Report | Garbled):
            context.dead_letter(item.origin, item.data, f"INTERNAL_ERROR: {error!r}")

    def take_changes(self) -> list[tuple[str, list[tuple[str, Any]]]]:
        """What changed in each table since the last call: key and new value, None if gone."""
        return [(table.name, table.take_changes()) for table in self.context.tables]

    def write_again(self, table: str, keys: Collection[str]) -> None:
        """Count rows of a table as changed: another worker has written into its changelog."""
        for key in keys:
            getattr(self.context, table).write_again(key)
