"""Population: a command for all switches, of which each FL gets its own.

The command's home tells every shard. Each shard knows its own switches and who holds them. It
writes one command for each FL, which names the switches that this FL is to ask: no switch is asked
twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flrouter.core.requests.parts import part_number
from flrouter.core.requests.pending import Requests
from flrouter.core.requests.rejected import invalid, too_large
from flrouter.core.state.context import Context
from flrouter.core.values.effects import size_of
from flrouter.core.values.events import Event
from flrouter.core.values.inputs import Command
from flrouter.core.values.peers import Populate
from flrouter.core.values.records import Mode, Pending
from flrouter.core.values.request import Origin, topic_of
from flrouter.messages.kinds import switch_list
from flrouter.messages.kinds.catalog import Prefer

#: a switch's id in a scope, with quotes and comma.
SWITCH_BYTES = 26
#: the largest scope in one record, and the room that a command must leave for one.
MAX_SCOPE_BYTES = 500_000
MIN_SCOPE_BYTES = 1_000
#: around a command, in a record between shards or for an FL.
AROUND_BYTES = 500


@dataclass(eq=False)
class Populations:
    """Commands for all switches (protocol.md, 5.4): a shard's own, and its part in all others."""

    _context: Context
    _requests: Requests

    def send(self, pending: Pending, command: Command) -> None:
        """In the command's home: tell every shard.

        Raises:
            Rejected: its copies would be too large, or it has no payload to wrap.
        """
        context, rules, envelope = self._context, self._context.rules, command.envelope
        assert envelope is not None
        if not envelope.root:
            why = "No AbstractMessage has one."
            raise invalid("a command for all switches has a payload", why)
        own = len(command.data) + len(pending.correlation_id) + size_of(command.headers)
        most = rules.max_message_bytes - AROUND_BYTES - MIN_SCOPE_BYTES
        if own > most or own * rules.partitions > rules.max_scattered_bytes:
            raise too_large(
                f"It has {own} bytes and {rules.partitions} shards get a copy; at most {most} bytes"
                f" are taken, and {rules.max_scattered_bytes} for all copies."
            )
        note = Populate(
            pending.origin,
            pending.correlation_id,
            pending.reply_topic,
            envelope.kind,
            command.data,
            tuple(command.headers),
        )
        for partition in range(rules.partitions):
            context.tell(partition, note)

    def take(self, note: Populate) -> None:
        """In every shard: send each FL the command with the switches of this shard that it asks."""
        kind = self._context.catalog.command(note.kind, topic_of(note.origin))
        number = Origin.parse(note.origin).number
        around = len(note.data) + size_of(note.headers) + len(note.correlation_id) + AROUND_BYTES
        room = min(self._context.rules.max_message_bytes - around, MAX_SCOPE_BYTES)
        scopes = self._read_only_first() if kind.prefer is Prefer.READ_ONLY else self._by_master()
        index = 0
        for floodlight, switches in scopes.items():
            for some in _records(switches, room):
                part, index = part_number(number, index), index + 1
                if self._requests.knows(part, note.correlation_id):
                    self._context.count(Event.REDELIVERED)
                    continue
                self._requests.replace(part)
                cid, topic, now = note.correlation_id, note.reply_topic, self._context.now
                pending = Pending.copy(floodlight, cid, topic, note.origin, now)
                pending.steps = self._context.steps(note.kind, note.data)
                data = switch_list.wrapped(note.data, some)
                self._requests.forward(part, pending, data, None, note.headers, kind.done)

    def _by_master(self) -> dict[str, list[str]]:
        """FL that answers → the switches for which it speaks as their master."""
        scopes: dict[str, list[str]] = {}
        floodlights = self._context.floodlights
        for name, switch in self._context.switches.items():
            holder = switch.holders.get(switch.active)
            if holder is not None and holder.mode is Mode.RW and floodlights[switch.active].up:
                scopes.setdefault(switch.active, []).append(name)
        return dict(sorted(scopes.items()))

    def _read_only_first(self) -> dict[str, list[str]]:
        """The same, but FLs that are no switch's master go first, with all that they hold."""
        masters, scopes = self._by_master(), dict[str, list[str]]()
        floodlights, asked = self._context.floodlights, set[str]()
        for name, switch in self._context.switches.items():
            readers = (at for at, held in sorted(switch.holders.items()) if held.mode is Mode.RO)
            idle = (at for at in readers if floodlights[at].up and at not in masters)
            observer = next(idle, "")
            if observer:
                scopes.setdefault(observer, []).append(name)
                asked.add(name)
        rest = {
            floodlight: [name for name in switches if name not in asked]
            for floodlight, switches in masters.items()
        }
        return dict(sorted(scopes.items())) | {name: left for name, left in rest.items() if left}


def _records(switches: list[str], room: int) -> Iterator[list[str]]:
    """The switches in groups, each small enough for one record."""
    most = max(room // SWITCH_BYTES, 1)
    for at in range(0, len(switches), most):
        yield switches[at : at + most]
