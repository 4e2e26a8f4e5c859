"""Gathers: commands whose parts went to several switches or FLs, until their one answer
(protocol.md, 5.3).

This is the side of the command's home, the shard of its correlation id. It tells the switches'
homes of their parts, keeps what comes back, and answers when each part has come to an end; what
happens to a part meanwhile is the business of its own home (`core/requests/parts.py`).

The rows of the table are written in this order: the bad items of a list, the command, what came for
its parts, the command as answered; then what came for its parts goes. A killed worker has written
the first few of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from flrouter.core.gathers.answer import Answer
from flrouter.core.requests.parts import FULL_RECORD_BYTES, in_records, part_number
from flrouter.core.state.context import Context
from flrouter.core.state.rules import BYTES_PER_PENDING
from flrouter.core.values.effects import Headers, size_of
from flrouter.core.values.events import Event
from flrouter.core.values.peers import PartResults, PartsOverdue, Scatter
from flrouter.core.values.records import Gather, Part
from flrouter.core.values.request import Origin, read_number, topic_of
from flrouter.messages.errors import ErrorType, Problem, error_data
from flrouter.messages.kinds.switch_list import Listed

#: parts that are told of in one record: so much that they do not keep a shard for long.
MAX_RECORD_PARTS = 200


@dataclass(slots=True)
class _Chain:
    """The links of a chain that came so far."""

    links: set[int] = field(default_factory=set)
    #: -1 until it is known.
    total: int = -1


@dataclass(slots=True)
class _Parts:
    """How far the parts of one command have come; made anew from the table after a restart."""

    #: what their results have together.
    bytes: int = 0
    #: index → of how many rows its answer consists.
    whole: dict[int, int] = field(default_factory=dict)
    #: index → the chain that came in part.
    chains: dict[int, _Chain] = field(default_factory=dict)

    def came(self, index: int, link: int, part: Part) -> set[int] | None:
        """Note what came; returns the links that are of no use now, None when itself is of none."""
        if index in self.whole:
            return None
        if part.total == 0:  # also an error after part of a chain
            self.whole[index] = 1
            return self._begin_anew(index, link)
        chain = self.chains.get(index)
        useless: set[int] = set()
        if chain is not None and part.total > 0 and chain.total not in (-1, part.total):
            useless = self._begin_anew(index, link)  # an FL that was asked again answers anew
            chain = None
        if chain is None:
            chain = self.chains[index] = _Chain()
        if link in chain.links or 0 < max(part.total, chain.total) <= link:
            return None
        chain.links.add(link)
        chain.total = max(part.total, chain.total)
        if len(chain.links) == chain.total:
            del self.chains[index]
            self.whole[index] = chain.total
        return useless

    def _begin_anew(self, index: int, link: int) -> set[int]:
        chain = self.chains.pop(index, None)
        return chain.links - {link} if chain is not None else set()


class Gathers:
    """The commands that are gathered here."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._answer = Answer(context)
        self._parts: dict[str, _Parts] = {}
        #: rows that are of no use any more: dropped once the batch that ended their use is kept.
        self._spent: list[str] = []
        #: commands that are in the table only to be known when they are read again.
        self._answered = 0
        #: what the results that are kept have together, and those of each command.
        self._bytes = 0

    def rebuild(self) -> None:
        """The table was restored: see again how far each command has come."""
        context = self._context
        parts: list[tuple[str, Part]] = []
        for key, row in context.gathers.items():
            if isinstance(row, Part):
                parts.append((key, row))
                continue
            context.deadlines.add(row.due, "gathers", key)
            if row.answered:
                self._answered += 1
            else:
                self._parts[key] = _Parts()
        for key, part in parts:
            number, index, link = _split(key)
            progress = self._parts.get(number)
            self._bytes += len(part.payload)
            if progress is not None:
                progress.bytes += len(part.payload)
            useless = progress.came(index, link, part) if progress is not None else None
            if useless is None:
                self._spent.append(key)
            else:
                self._spent += [_key(number, index, link) for link in useless]

    def rearm(self) -> None:
        """No command's time is longer than that of one that begins now."""
        context, rules = self._context, self._context.rules
        latest = context.now + max(rules.gather_timeout, rules.blacklist_ttl)
        context.keep_no_longer(context.gathers, latest)

    @property
    def room_taken(self) -> float:
        """How much of the room for requests is taken by results that are kept, or awaited."""
        return len(self._context.gathers) - self._answered + self._bytes / BYTES_PER_PENDING

    def knows(self, number: str, correlation_id: str) -> bool:
        """Whether the command is gathered, or was answered a short while ago."""
        gather = self._context.gathers.get(number)
        return isinstance(gather, Gather) and gather.correlation_id == correlation_id

    def replace(self, number: str) -> None:
        """Make room for another command in the place where this one was read."""
        context = self._context
        gather, parts = context.gathers.drop(number), self._parts.pop(number, None)
        if not isinstance(gather, Gather):
            return
        for key in [key for key in context.gathers if _split(key)[0] == number]:
            self._drop(key)
        self._spent = [key for key in self._spent if _split(key)[0] != number]
        if parts is None:
            self._answered -= 1
            return
        replaced = Problem(
            ErrorType.INTERNAL_ERROR,
            "another command was read in its place",
            "The topic that it was sent to was deleted and made again.",
        )
        context.end(number, gather, self._answer.error(gather, replaced))

    def waiting(self, number: str) -> Gather | None:
        """The command, if it waits for parts."""
        gather = self._context.gathers.get(number)
        return gather if isinstance(gather, Gather) and number in self._parts else None

    def missing(self, number: str) -> list[int]:
        """The parts of a waiting command that have not come to an end."""
        gather, parts = self.waiting(number), self._parts[number]
        assert gather is not None
        return [index for index in range(gather.parts) if index not in parts.whole]

    def ended(self, number: str) -> int:
        """How many parts of a command have come to an end."""
        parts = self._parts.get(number)
        return len(parts.whole) if parts is not None else 0

    # -- beginning ----------------------------------------------------------------------------

    def begin(self, number: str, gather: Gather) -> None:
        """Wait for the parts of a command from now on."""
        context = self._context
        kind = context.catalog.command(gather.kind, topic_of(gather.origin))
        age = context.rules.gather_timeout
        if kind.deadline is not None:
            age = min(age, round(kind.deadline * 1000))
        context.keep_until(context.gathers, number, gather, context.now + age)
        self._parts[number] = _Parts()
        context.count(Event.GATHERS)

    def scatter(
        self, number: str, gather: Gather, frame: bytes, headers: Headers, listed: Sequence[Listed]
    ) -> None:
        """Tell each switch's home of the parts for it; what cannot be sent has failed already."""
        context = self._context
        room = context.rules.max_message_bytes - len(frame) - size_of(headers)
        homes: dict[int, list[tuple[int, str, bytes]]] = {}
        for index, item in enumerate(listed):
            if item.switch:
                part = (index, item.switch, item.payload)
                homes.setdefault(context.home(item.switch), []).append(part)
            else:
                problem = Problem(ErrorType.DATA_INVALID, "the item is not valid", item.fault)
                self.fail(number, index, problem, item.given)
        for home, parts in homes.items():
            most, room = MAX_RECORD_PARTS, min(room, FULL_RECORD_BYTES)
            for some in in_records(parts, lambda part: len(part[2]), room, most):
                origin, cid = gather.origin, gather.correlation_id
                context.tell(home, Scatter(origin, context.number, cid, frame, headers, some))
        # Once the command is known nobody reads it again, and says again what failed.
        context.gathers.write_last(number)

    # -- going on -----------------------------------------------------------------------------

    def fail(self, number: str, index: int, problem: Problem, given: str = "") -> None:
        """A part failed before it was sent to anybody."""
        error = msgspec.json.encode(error_data(*problem))
        self._came(number, index, 0, Part(False, 0, error, given))

    def results(self, note: PartResults) -> None:
        """Something came for parts of a command."""
        for index, link, part in note.results:
            self._came(note.number, index, link, part)

    def _came(self, number: str, index: int, link: int, part: Part) -> None:
        context = self._context
        gather = self.waiting(number)
        if gather is None or index >= gather.parts:
            context.count(Event.LATE_PARTS)
            return
        parts = self._parts[number]
        if parts.bytes + len(part.payload) > context.rules.max_scattered_bytes:
            part = self._no_room(gather, index, part)
        useless = parts.came(index, link, part)
        if useless is None:
            context.count(Event.DUPLICATE_PARTS)
            return
        context.gathers.put(_key(number, index, link), part)
        self._bytes += len(part.payload)
        parts.bytes += len(part.payload)
        for useless_link in useless:
            parts.bytes -= self._drop(_key(number, index, useless_link))
        if len(parts.whole) == gather.parts:
            self._finish(number, gather, parts)

    def _no_room(self, gather: Gather, index: int, part: Part) -> Part:
        """What stands for a result where all of them together are too large to be kept."""
        context = self._context
        reason = f"an answer of {len(part.payload)} bytes to part {index} of {gather.origin}"
        context.dead_letter(Origin.parse(gather.origin), part.payload, reason, only_head=True)
        most = context.rules.max_scattered_bytes
        error = error_data(
            ErrorType.INTERNAL_ERROR,
            "the answers are too large together",
            f"At most {most:,} bytes are kept of them. Ask fewer switches at a time.",
        )
        return Part(False, 0, msgspec.json.encode(error), part.given)

    # -- ending -------------------------------------------------------------------------------

    def _finish(self, number: str, gather: Gather, parts: _Parts) -> None:
        context = self._context
        links = [range(parts.whole[index]) for index in range(gather.parts)]
        keys = [[_key(number, index, link) for link in some] for index, some in enumerate(links)]
        rows = [[self._row(key) for key in part_keys] for part_keys in keys]
        error = self._answer.send(gather, targets(gather), rows)
        context.end(number, gather, error)
        del self._parts[number]
        expires = context.now + context.rules.blacklist_ttl
        cid, origin, received = gather.correlation_id, gather.origin, gather.received
        done = Gather(cid, "", origin, gather.kind, expires, answered=True, received=received)
        context.keep_until(context.gathers, number, done, expires)
        self._answered += 1
        for part_keys in keys:
            self._spent += part_keys

    def _row(self, key: str) -> Part:
        row = self._context.gathers[key]
        assert isinstance(row, Part)
        return row

    def clear(self) -> None:
        """At the beginning of a batch: drop the rows whose use ended before it."""
        for key in self._spent:
            self._drop(key)
        self._spent.clear()

    def _drop(self, key: str) -> int:
        """Drop what came for a part; how many bytes that had."""
        part = self._context.gathers.drop(key)
        size = len(part.payload) if isinstance(part, Part) else 0
        self._bytes -= size
        return size

    # -- time ---------------------------------------------------------------------------------

    def woken(self, numbers: Iterable[str]) -> None:
        """These commands' time is over: forget those that were answered, hurry the others."""
        context = self._context
        for number in numbers:
            gather = context.gathers.get(number)
            if not isinstance(gather, Gather) or gather.due > context.now:
                continue
            if gather.answered:
                context.gathers.drop(number)
                self._answered -= 1
                continue
            self._hurry(number, gather)
            # Again, in case that those who are to end the parts have not had them yet.
            context.deadlines.add(context.now + context.rules.response_timeout, "gathers", number)

    def _hurry(self, number: str, gather: Gather) -> None:
        """Have the parts without an answer ended, each where it is at home: there it is known
        what lies unread for it.
        """
        context = self._context
        homes: dict[int, list[int]] = {}
        asked = targets(gather)
        for index in self.missing(number):
            home = context.number if gather.floodlights else context.home(asked[index])
            homes.setdefault(home, []).append(index)
        for home, indexes in homes.items():
            for at in range(0, len(indexes), 10 * MAX_RECORD_PARTS):
                some = indexes[at : at + 10 * MAX_RECORD_PARTS]
                context.tell(home, PartsOverdue(number, context.number, some))


def targets(gather: Gather) -> list[str]:
    """Whom the parts went to, in request order."""
    if gather.floodlights:
        return gather.floodlights
    digits = gather.switches.hex(":", 1)
    return [digits[at : at + 23] for at in range(0, len(digits), 24)]


def packed(listed: Iterable[Listed]) -> bytes:
    """The switches of a list, as a `Gather` keeps them."""
    return b"".join(bytes.fromhex(item.switch.replace(":", "")) or bytes(8) for item in listed)


def _key(number: str, index: int, link: int) -> str:
    return f"{part_number(number, index)}.{link}"


def _split(key: str) -> tuple[str, int, int]:
    """What :func:`_key` put together; nothing's number for a key that it did not write."""
    number, _, rest = key.rpartition(".")
    number, _, index = number.rpartition(".")
    part, row = read_number(index), read_number(rest)
    return ("", -1, -1) if part is None or row is None else (number, part, row)
