"""Gathers: commands whose parts went to several switches or FLs, until their one answer.

This is the side of the command's home, the shard of its correlation id. It sends the switches'
homes their parts, keeps the results, and answers once every part has one. What happens to a part
meanwhile is up to its own home (`core/requests/parts.py`).

Rows are written in this order: the bad items of a list, the command, the results of its parts, the
command as answered; then the results are dropped. A killed worker has written the first few of
these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flrouter.core.gathers.answer import Answer
from flrouter.core.requests.parts import FULL_RECORD_BYTES, in_records, part_number
from flrouter.core.state.context import Context
from flrouter.core.state.rules import BYTES_PER_PENDING
from flrouter.core.values.effects import Headers, size_of
from flrouter.core.values.events import Event
from flrouter.core.values.peers import PartResults, PartsOverdue, Scatter
from flrouter.core.values.records import Gather, Part
from flrouter.core.values.request import Origin, read_number, topic_of
from flrouter.messages.errors import ErrorType, Problem
from flrouter.messages.kinds.switch_list import Listed

#: parts in one record: few enough not to keep a shard busy for long.
MAX_RECORD_PARTS = 200


@dataclass(slots=True)
class _Chain:
    """The links of a chain that have come."""

    links: set[int] = field(default_factory=set)
    #: -1 until it is known.
    total: int = -1


@dataclass(slots=True)
class _Parts:
    """How far the parts of one command are; made from the table after a restart."""

    #: of all results together.
    bytes: int = 0
    #: index of a part that has ended → rows of its result.
    whole: dict[int, int] = field(default_factory=dict)
    #: index of a part that has not → its chain, as far as that has come.
    chains: dict[int, _Chain] = field(default_factory=dict)

    def came(self, index: int, link: int, part: Part) -> set[int] | None:
        """Note a result; returns the links that it makes useless, None if it is useless itself."""
        if index in self.whole:
            return None
        if part.total == 0:  # a whole answer, or an error in the middle of a chain
            self.whole[index] = 1
            return self._begin_anew(index, link)
        chain = self.chains.get(index)
        useless: set[int] = set()
        if chain is not None and part.total > 0 and chain.total not in (-1, part.total):
            useless = self._begin_anew(index, link)  # the FL was asked again, and answers again
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
    """The commands that are gathered here (protocol.md, 5.3)."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._answer = Answer(context)
        self._parts: dict[str, _Parts] = {}
        #: useless rows: dropped after the batch that made them useless.
        self._spent: list[str] = []
        #: commands in the table that are answered, and stay only to be known if read again.
        self._answered = 0
        #: of all results that are kept.
        self._bytes = 0

    def rebuild(self) -> None:
        """The table was restored: see how far each command is."""
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
        for number, progress in self._parts.items():
            gather = self.waiting(number)
            if gather is not None and len(progress.whole) == gather.parts:
                # A kill came before it was kept that the command is answered: that is due now.
                context.keep_until(context.gathers, number, gather, context.now)

    def rearm(self) -> None:
        """The clock went back: no command has more time than one that begins now."""
        context, rules = self._context, self._context.rules
        latest = context.now + max(rules.gather_timeout, rules.blacklist_ttl)
        context.keep_no_longer(context.gathers, latest)

    @property
    def room_taken(self) -> float:
        """What commands and results take of the room for pending requests."""
        return len(self._context.gathers) - self._answered + self._bytes / BYTES_PER_PENDING

    def knows(self, number: str, correlation_id: str) -> bool:
        """Whether a command is gathered, or was answered a short while ago."""
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
        """A command, if it waits for parts."""
        gather = self._context.gathers.get(number)
        return gather if isinstance(gather, Gather) and number in self._parts else None

    def missing(self, number: str) -> list[int]:
        """The parts of a waiting command that have not ended."""
        gather, parts = self.waiting(number), self._parts[number]
        assert gather is not None
        return [index for index in range(gather.parts) if index not in parts.whole]

    def ended(self, number: str) -> int:
        """How many parts of a command have ended."""
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
        """Send each switch's home its parts; items that cannot be sent fail at once.

        Args:
            frame: how each part's command begins, up to its payload.
            headers: the command's own, which all parts get.
            listed: its items, in request order.
        """
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
        # The command's row comes last: once it is kept, no item fails a second time.
        context.gathers.write_last(number)

    # -- going on -----------------------------------------------------------------------------

    def fail(self, number: str, index: int, problem: Problem, given: str = "") -> None:
        """A part failed before it was sent to anybody."""
        self._came(number, index, 0, Part(False, 0, problem.payload, given))

    def results(self, note: PartResults) -> None:
        """Results came for parts of a command."""
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
        """An error in place of a result, when all of them together are too large to keep."""
        context = self._context
        reason = f"an answer of {len(part.payload)} bytes to part {index} of {gather.origin}"
        context.dead_letter(Origin.parse(gather.origin), part.payload, reason, only_head=True)
        most = context.rules.max_scattered_bytes
        problem = Problem(
            ErrorType.INTERNAL_ERROR,
            "the answers are too large together",
            f"At most {most:,} bytes are kept of them. Ask fewer switches at a time.",
        )
        return Part(False, 0, problem.payload, part.given)

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
        """At the beginning of a batch: drop the rows that the one before made useless."""
        for key in self._spent:
            self._drop(key)
        self._spent.clear()

    def _drop(self, key: str) -> int:
        """Drop a result; returns its bytes."""
        part = self._context.gathers.drop(key)
        size = len(part.payload) if isinstance(part, Part) else 0
        self._bytes -= size
        return size

    # -- time ---------------------------------------------------------------------------------

    def woken(self, numbers: Iterable[str]) -> None:
        """The time of these commands is over: forget those that are answered, hurry the others."""
        context = self._context
        for number in numbers:
            gather = context.gathers.get(number)
            if not isinstance(gather, Gather) or gather.due > context.now:
                continue
            if gather.answered:
                context.gathers.drop(number)
                self._answered -= 1
                continue
            parts = self._parts[number]
            if len(parts.whole) == gather.parts:
                self._finish(number, gather, parts)
                continue
            self._hurry(number, gather)
            # And again later, for homes that have not had their parts yet.
            context.deadlines.add(context.now + context.rules.response_timeout, "gathers", number)

    def _hurry(self, number: str, gather: Gather) -> None:
        """Have the homes of unanswered parts end them: they know what is still unread."""
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
    """What :func:`_key` put together; an empty number for any other key."""
    number, _, rest = key.rpartition(".")
    number, _, index = number.rpartition(".")
    part, row = read_number(index), read_number(rest)
    return ("", -1, -1) if part is None or row is None else (number, part, row)
