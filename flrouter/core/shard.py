"""The shard: the sequential owner of one home partition's state.

``decide`` is all there is: a batch of inputs and the time go in, effects come out, and the tables
hold what is kept. If its effects cannot be performed, the shard must be thrown away: another one is
restored from the changelogs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from flrouter.core.commands import Commands
from flrouter.core.floodlights.floodlights import Floodlights
from flrouter.core.floodlights.sync import Syncs
from flrouter.core.floodlights.sync_status import SyncStatus
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
        self._requests = Requests(context)
        self._gathers = Gathers(context)
        self._commands = Commands(context, self._requests, self._gathers)
        self._election = Election(context)
        listeners = FORMS[rules.listeners](context)
        self._moves = Moves(context, self._election, listeners)
        self._switches = SwitchMap(
            context, self._election, listeners, self._requests, self._commands.release
        )
        self._links = Links(context)
        self._syncs = Syncs(context, self._switches, self._links, self._commands.release_all)
        release = self._commands.release_all
        self._floodlights = Floodlights(
            context, self._requests, self._switches, self._moves, self._syncs, release
        )
        self._liveness = self._floodlights.liveness
        self._reports = Reports(
            context, self._requests, self._switches, self._links, self._liveness, self._syncs
        )
        self._take: dict[type, Callable[[Any], None]] = {
            Command: self._commands.take,
            Report: self._reports.take,
            Told: self._told,
            Garbled: self._garbled,
            CaughtUp: lambda caught_up: context.caught_up(caught_up.token),
        }
        self._hear: dict[type, Callable[[Any], None]] = {
            peers.AddFloodlight: self._floodlights.add,
            peers.RemoveFloodlight: lambda note: self._floodlights.remove(note.floodlight),
            peers.DrainFloodlight: self._floodlights.drain,
            peers.PreferFloodlight: self._floodlights.prefer,
            peers.FloodlightState: self._floodlights.heard,
            peers.SyncWanted: lambda note: self._syncs.wanted(note.floodlight, note.correlation_id),
            peers.SyncStarted: self._syncs.started,
            peers.SyncReceipt: self._syncs.receipt,
            peers.SyncRecords: self._syncs.records,
            peers.SyncComplete: self._syncs.completed,
            peers.SyncFailed: self._syncs.failed,
            peers.NextLink: self._links.registered,
            peers.LinkWanted: self._links.wanted,
            peers.LinkMissing: lambda note: self._requests.link_missing(note.number, note.link_id),
            peers.Scatter: self._commands.scatters.take,
            peers.Populate: self._commands.populations.take,
            peers.PartResults: self._gathers.results,
            peers.PartsOverdue: self._requests.end_parts,
            peers.MoveSwitch: lambda note: self._moves.move(note.switch, note.floodlight),
            peers.PlaceSwitch: lambda note: self._moves.place(note.switch, note.region),
        }

    def load(self, waiting: int = 0) -> float:
        """How full it is, `waiting` inputs included: from 1 on, give it no more commands."""
        has = self._requests.room_taken + self._gathers.room_taken
        return (has + waiting) / self.context.rules.max_pending

    def restored(self, now: int) -> None:
        """The tables were restored: make the rest of the state from them, at `now` (ms)."""
        self.context.now = now
        self._rearm()  # the clock that set the deadlines may have been ahead
        self._requests.rebuild()
        self._gathers.rebuild()
        self._links.rebuild()
        self._floodlights.rebuild()
        self._syncs.rebuild()

    def decide(self, batch: Iterable[Input], now: int) -> Effects:
        """What follows from `batch` at the time `now` (ms since the epoch)."""
        context = self.context
        went_back, context.now = now < context.now, now
        effects = context.effects = Effects()
        if went_back:
            self._rearm()
        self._gathers.clear()
        take = self._take
        for item in batch:
            try:
                take[type(item)](item)
            except Exception as error:  # noqa: BLE001 - no bug may lose a record, or stop a shard
                self._survive(item, error)
        self._syncs.tell_listed()
        self._tick()
        self._election.tell_gained()
        self._requests.parts.tell()
        return effects

    def _rearm(self) -> None:
        """The clock went back: what was to happen soon must not wait until it is there again."""
        self._requests.rearm()
        self._gathers.rearm()
        self._links.rearm()
        self._moves.rearm()
        self._liveness.rearm()
        self._syncs.rearm()

    def _tick(self) -> None:
        self._wake()
        self._requests.blacklist.expire()
        self._floodlights.tick()
        self._liveness.tick()
        self._moves.tick()
        self._syncs.tick()

    def _wake(self) -> None:
        """Hand what is due to the rules that know whether it still is."""
        due = self.context.deadlines.due(self.context.now)
        if "pending" in due:
            self._requests.woken(due["pending"])
        if "gathers" in due:
            self._gathers.woken(due["gathers"])
        if "links" in due:
            self._links.expire(due["links"])

    def _told(self, told: Told) -> None:
        self._hear[type(told.peer)](told.peer)

    def _survive(self, item: Input, error: Exception) -> None:
        """A bug of ours: keep the record, and tell the requester who waits for it."""
        context = self.context
        context.note(f"a {type(item).__name__} was not handled: {error!r}")
        context.count(Event.BUGS)
        if isinstance(item, Command):
            self._commands.fail(item, f"the router could not handle the command: {error!r}")
        elif isinstance(item, Report | Garbled):
            context.dead_letter(item.origin, item.data, f"INTERNAL_ERROR: {error!r}")

    def _garbled(self, record: Garbled) -> None:
        self.context.dead_letter(record.origin, record.data, record.fault)

    def pending_at(self, switch: str) -> list[str]:
        """The numbers of the requests that are pending at a switch."""
        return self._requests.at(switch)

    def parts_ended(self, number: str) -> int:
        """How many parts of a command that is gathered have come to an end."""
        return self._gathers.ended(number)

    def pending_by_floodlight(self) -> Mapping[str, int]:
        """How many requests wait for each FL."""
        return self._requests.by_floodlight

    def syncs(self) -> list[SyncStatus]:
        """The syncs of the FLs whose home this shard is."""
        return self._syncs.status()

    def take_changes(self) -> list[tuple[str, list[tuple[str, Any]]]]:
        """What changed in each table since the last call: key and new value, None if gone."""
        return [(table.name, table.take_changes()) for table in self.context.tables]

    def write_again(self, table: str, keys: Collection[str]) -> None:
        """Count rows of a table as changed: another worker has written into its changelog."""
        for key in keys:
            getattr(self.context, table).write_again(key)
