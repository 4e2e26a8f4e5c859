"""What all the rules of one shard share: its state, its time, and the effects of this batch."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from flrouter.core.state.deadlines import Deadlines
from flrouter.core.state.rules import MAX_ID_BYTES, Rules
from flrouter.core.state.table import Table, Tables
from flrouter.core.values import peers
from flrouter.core.values.dead_letters import MAX_REASON_CHARACTERS, unusable
from flrouter.core.values.effects import (
    Answering,
    CatchUp,
    Effects,
    End,
    Fault,
    Happening,
    Headers,
    Send,
)
from flrouter.core.values.events import Event
from flrouter.core.values.home import home
from flrouter.core.values.inputs import Command, Report
from flrouter.core.values.records import Floodlight, Gather, OldLink, Pending, Steps, Switch
from flrouter.core.values.request import Origin, Suffixes
from flrouter.messages import headers as header
from flrouter.messages.correlation import salvage
from flrouter.messages.errors import Problem
from flrouter.messages.forms.error_forms import finished
from flrouter.messages.kinds.catalog import Catalog

#: characters of a requester's text that are kept to tell of a request that has ended.
MAX_TOLD_CHARACTERS = 300
_NO_STEPS = Steps()


@lru_cache(1_000)
def _short(kind: str) -> str:
    """The class of a payload without its package."""
    return kind.rpartition(".")[2][:MAX_TOLD_CHARACTERS]


class Context(Tables):
    """The state of the shard of partition `number`, and how its rules act on the world."""

    def __init__(self, number: int, rules: Rules, catalog: Catalog) -> None:
        super().__init__()
        self.number = number
        self.rules = rules
        self.catalog = catalog
        self.suffixes = Suffixes(rules.app_id, rules.partitions)
        self.deadlines = Deadlines()
        #: ms since the epoch, of the batch that is being decided.
        self.now = 0
        self.effects = Effects()
        #: token → what to call when its catch-up is done.
        self._catch_ups: dict[int, Callable[[int], None]] = {}
        self._tokens = 0

    def home(self, key: str) -> int:
        """The home partition of a switch, an FL or a correlation id."""
        return home(key, self.rules.partitions)

    # -- acting -------------------------------------------------------------------------------

    def send(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: Headers = (),
        partition: int | None = None,
        answers: Answering | None = None,
    ) -> None:
        """Write a record for an FL or a service (protocol.md, 3.2 and 3.3).

        Args:
            key: a switch's id, or a correlation id.
            headers: its own; the profile's are added.
            partition: None: where Kafka's default partitioner puts the key.
        """
        missing = self.rules.headers
        if missing and headers:
            names = {name for name, _ in headers}
            missing = tuple(header for header in missing if header[0] not in names)
        if missing:
            headers = (*headers, *missing)
        record_key = key.encode()[:MAX_ID_BYTES] if key else None
        self.effects.sends.append(Send(topic, partition, record_key, value, headers, answers))

    def pass_to(
        self,
        partition: int,
        kind: str,
        data: bytes,
        headers: Headers,
        answers: Answering | None = None,
    ) -> None:
        """Send a record on to its home; `kind` says how to read it there."""
        topic, headers = self.rules.shards_topic, ((header.WHAT, kind.encode()), *headers)
        self.effects.sends.append(Send(topic, partition, None, data, headers, answers))
        self.count(Event.REKEYED, kind)

    def tell(self, partition: int, peer: peers.Peer) -> None:
        """Say something to the shard of `partition`, which may be this one."""
        self.effects.sends.append(peers.record(self.rules.shards_topic, partition, peer))

    def tell_home(self, key: str, peer: peers.Peer) -> None:
        """Say something to the home of a switch, an FL or a correlation id."""
        self.tell(self.home(key), peer)

    def tell_others(self, peer: peers.Peer) -> None:
        """Say something to every other shard."""
        for partition in range(self.rules.partitions):
            if partition != self.number:
                self.tell(partition, peer)

    def catch_up(self, floodlight: str, then: Callable[[int], None]) -> int:
        """Have everything read that lies in an FL's write topics now (protocol.md, 4.4).

        Args:
            then: called when that is done, with the token that is returned here.
        """
        self._tokens += 1
        self._catch_ups[self._tokens] = then
        self.effects.catch_up.append(CatchUp(self._tokens, floodlight))
        return self._tokens

    def caught_up(self, token: int) -> None:
        """The catch-up of `token` is done."""
        then = self._catch_ups.pop(token, None)
        if then is not None:
            then(token)

    def keep_until(
        self, table: Table[Any], key: str, row: Pending | OldLink | Gather, due: int
    ) -> None:
        """Keep a row whose deadline is `due` (ms)."""
        row.due = due
        table.put(key, row)
        self.deadlines.add(due, table.name, key)

    def keep_no_longer(self, table: Table[Any], latest: int) -> None:
        """No deadline of the rows in a table is later than `latest` (ms): the clock went back."""
        for key, row in table.items():
            if getattr(row, "due", 0) > latest:
                self.keep_until(table, key, row, latest)

    def count(self, event: Event, label: str = "", times: int = 1) -> None:
        """Count an event for the metrics."""
        self.effects.counts[event, label] += times

    def note(self, text: str) -> None:
        """A line for the log."""
        self.effects.notes.append(text)

    def happened(
        self, kind: str, floodlight: str, switch: str = "", text: str = "", began: int = 0
    ) -> None:
        """A :class:`Happening`, if a history is written."""
        if self.rules.history:
            text = text[:MAX_TOLD_CHARACTERS]
            happening = Happening(self.now, kind, floodlight, switch, text, began=began)
            self.effects.happenings.append(happening)

    # -- ends ---------------------------------------------------------------------------------

    def steps(self, kind: str, command: bytes) -> Steps | None:
        """What a command of payload class `kind` keeps for the history, if one is written."""
        if not self.rules.history:
            return None
        return Steps(_short(kind), command=command[: self.rules.history_payload_bytes])

    def end(
        self, number: str, record: Pending | Gather, error: str = "", answer: bytes = b""
    ) -> None:
        """Note that a request has ended: with its FL's `answer`, or with an `error`."""
        steps = record.steps or _NO_STEPS
        self.effects.ends.append(
            End(
                number,
                record.correlation_id[:MAX_TOLD_CHARACTERS],
                record.origin,
                record.switch,
                record.floodlight,
                record.reply_topic,
                record.received,
                self.now,
                error[:MAX_TOLD_CHARACTERS],
                steps.kind,
                steps.sent,
                steps.acked,
                record.trace,
                record.parts,
                steps.command,
                answer[: self.rules.history_payload_bytes],
            )
        )

    def answer_error(
        self,
        topic: str,
        correlation_id: str,
        problem: Problem,
        *,
        origin: str,
        key: str | None = None,
        headers: Headers = (),
        draft: bytes = b"",
    ) -> None:
        """Send the requester an error of the router's own (protocol.md, 4.2).

        Args:
            origin: where the command was read.
            key: of the record; None: the correlation id.
            draft: the error in the requester's form, if that is no `ErrorMessage`.
        """
        value = finished(draft, correlation_id, *problem, self.now)
        request = (header.REQUEST, origin.encode())
        self.send(topic, key or correlation_id, value, (request, *headers))
        self.count(Event.ERRORS, problem.kind.value)
        self.effects.faults.append(Fault(str(problem), origin, correlation_id))

    def dead_letter(
        self,
        origin: Origin,
        data: bytes,
        reason: str,
        headers: Headers = (),
        *,
        only_head: bool = False,
    ) -> None:
        """Keep a record that cannot be used, with the reason (protocol.md, 3.4)."""
        limit = self.rules.max_message_bytes
        kept, said = unusable(origin, data, reason, headers, limit, only_head=only_head)
        self.send(self.rules.dead_letter_topic, None, kept, said)
        self.count(Event.DEAD_LETTERS, origin.topic)
        correlation_id = salvage(kept, "correlation_id") or ""
        told = reason[:MAX_REASON_CHARACTERS]
        self.effects.faults.append(Fault(told, str(origin), correlation_id, kept=True))

    def dead_letter_of(self, record: Command | Report, reason: str) -> None:
        """Keep a command or a report that cannot be used, with the reason."""
        self.dead_letter(record.origin, record.data, reason, record.headers)

    def keep_switch(self, name: str, switch: Switch) -> None:
        """Keep a switch that an FL holds or an operator has placed; forget any other."""
        if switch.holders or switch.region:
            self.switches.put(name, switch)
        else:
            self.switches.drop(name)

    def floodlight(self, name: str) -> Floodlight:
        """The record of an FL, made if there is none."""
        state = self.floodlights.get(name)
        if state is None:
            state = Floodlight()
            self.floodlights.put(name, state)
        return state

    def others_up(self, floodlight: str) -> bool:
        """Whether another FL answers."""
        others = (state for name, state in self.floodlights.items() if name != floodlight)
        return any(state.known and state.up for state in others)

    def known_floodlights(self) -> Collection[str]:
        """The FLs that commands may go to, by id."""
        return sorted(name for name, state in self.floodlights.items() if state.known)
