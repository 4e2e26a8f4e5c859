"""The promises to those who ask several switches, or every FL, with one command.

Each part is a command of its own, which keeps the promises of one up to where its result is told to
the command's home; the answer has an entry for each part, in order, with what was told.
"""

from __future__ import annotations

from typing import Any

import msgspec

from flrouter.core.state.rules import Rules
from flrouter.core.values import peers
from flrouter.core.values.records import Part
from flrouter.core.values.request import Origin
from flrouter.messages import names
from flrouter.messages.assembly import payload_of
from flrouter.messages.envelope import decode
from tests.core.floodlight import Written
from tests.core.world import AFTER_SENDING, Record

from .listener import Listener
from .populations import Population
from .promises import MARK, REQUEST, Asked, Promises, Repeats, Violation, note_of
from .syncs import SyncPromises

#: a part's home was asked for a result that it had told.
TOLD_BEFORE = b"what became of it is not known"
DEADLINE = "before the command's deadline"


class _Entry(msgspec.Struct):
    status: str
    payload: msgspec.Raw
    switch_id: str = ""
    floodlight: str = ""


class _Response(msgspec.Struct):
    results: list[_Entry]
    succeeded: int
    failed: int


_response = msgspec.json.Decoder(_Response)
_links = msgspec.json.Decoder(list[msgspec.Raw])


class PartAsked(Asked):
    """A part: what was told of it."""

    __slots__ = ("index", "many", "replied", "results")

    def __init__(self, many: Many, index: int, switch: str) -> None:
        origin = Origin(many.source[0], many.source[1], many.offset)
        super().__init__(origin, many.correlation_id, "", switch, many.at)
        self.number = f"{many.number}.{index}"
        # Parts come by way of other shards: they have no order with other commands.
        self.source = (self.number, 0, switch)
        self.many = many
        self.index = index
        #: how many whole answers of FLs were told.
        self.replied = 0
        self.repeats = min(many.repeats, Repeats.READ)
        #: link → what was told of it.
        self.results: dict[int, list[Part]] = {}

    @property
    def inbound(self) -> str:
        """The topic that its command came from."""
        return self.many.inbound

    def may_be(self, status: str, payload: bytes) -> bool:
        """Whether an entry says what was told."""
        told = self.results.get(0, ())
        whole = [each.payload for each in told if not each.total and each.ok == (status == "ok")]
        if payload in whole:
            return True
        if status != "ok" or payload[:1] != b"[":
            return False
        # An FL that was asked again may have begun another chain: links of both may stand side by
        # side, and which of them is whole first decides.
        shown = list(map(bytes, _links.decode(payload)))
        totals = {each.total for told in self.results.values() for each in told}
        return len(shown) in totals and all(
            link in (each.payload for each in self.results.get(at, ()))
            for at, link in enumerate(shown)
        )


class Many(Asked):
    """A command for several switches or for every FL."""

    __slots__ = ("answered", "chain", "items", "parts")

    def __init__(
        self, origin: Origin, cid: str | None, topic: str, items: list[str] | None, at: int
    ) -> None:
        super().__init__(origin, cid, topic, "", at)
        #: the switches in order, bad ones as they are; None when it is for every FL.
        self.items = items
        self.parts = {
            index: PartAsked(self, index, switch)
            for index, switch in enumerate(items or ())
            if ":" in switch
        }
        #: ms: when it was answered last.
        self.answered: int | None = None
        self.chain: dict[int, bytes] = {}


class GatherPromises(Promises):
    """Knows these commands too."""

    def __init__(self, rules: Rules, *, skewed: bool) -> None:
        super().__init__(rules, skewed=skewed)
        self.syncs = SyncPromises(self._suffixes, rules, skewed=skewed)
        self.listener = Listener(rules)

    # -- what happens --------------------------------------------------------------------------

    def asked_many(
        self, origin: Origin, cid: str | None, topic: str, items: list[str] | None, at: int
    ) -> Many:
        """A requester sent such a command; `items` is None for one to every FL."""
        many = Many(origin, cid, topic, items, at)
        self.by_number[many.number] = self._by_origin[str(origin)] = many
        self.by_number |= {part.number: part for part in many.parts.values()}
        return many

    def asked_all(self, origin: Origin, cid: str | None, topic: str, at: int) -> Population:
        """A requester sent a command for all switches."""
        asked = Population(origin, cid, topic, at)
        self.by_number[asked.number] = self._by_origin[str(origin)] = asked
        return asked

    def number_of(self, record: Record) -> str | None:
        """... and all records of a command for all switches are for that."""
        number = super().number_of(record)
        whole = self.by_number.get((number or "").rpartition(".")[0])
        return whole.number if isinstance(whole, Population) else number

    def _part(self, number: str) -> PartAsked | None:
        """The part with this number; of a command to every FL, how many it has is seen here."""
        part = self.by_number.get(number)
        if isinstance(part, PartAsked):
            return part
        before, _, index = number.rpartition(".")
        many = self.by_number.get(before)
        if not isinstance(many, Many) or many.items is not None:
            return None
        part = many.parts[int(index)] = PartAsked(many, int(index), "")
        self.by_number[number] = part
        return part

    def repeats(self, number: str, how: Repeats, *, only_again: bool = False) -> None:
        """... and with a command its parts may be told of again; whether they go on, they know."""
        self._part(number)  # it may be excused before it is written first
        super().repeats(number, how, only_again=only_again)
        many = self.by_number.get(number)
        if isinstance(many, Many):
            for part in many.parts.values():
                super().repeats(part.number, min(how, Repeats.READ), only_again=only_again)

    def decided(self, record: Record, batch: int) -> None:
        """... and a part's error ends what was decided of it before."""
        super().decided(record, batch)
        note = note_of(record, b"PartResults")
        if self._rereads and isinstance(note, peers.PartResults):
            for index, _, result in note.results:
                part = self.by_number.get(f"{note.number}.{index}")
                if part is not None and not result.ok:
                    part.decisions.append((batch, ""))

    def numbers_of(self, record: Record) -> list[str]:
        """The requests that the router's own record is for."""
        note = note_of(record, b"Scatter", b"PartResults", b"Populate")
        if isinstance(note, peers.Populate):
            return [Origin.parse(note.origin).number]
        if isinstance(note, peers.Scatter):
            number = Origin.parse(note.origin).number
            return [number, *(f"{number}.{index}" for index, _, _ in note.parts)]
        if isinstance(note, peers.PartResults):
            return [f"{note.number}.{index}" for index, _, _ in note.results]
        number = self.number_of(record)
        return [number] if number is not None else []

    def forwarded(self, record: Record, at: int) -> None:
        """The router wrote something for an FL."""
        self._check_headers(record)
        number = self.number_of(record)
        whole = self.by_number.get(number or "")
        if isinstance(whole, Population):
            suffix = self._suffixes.read(decode(record.value).correlation_id)
            assert suffix is not None
            whole.forwarded(record, suffix, self._readers[record.topic], self._rules.partitions)
            return
        part = self._part(number) if number is not None else None
        if part is not None and part.repeats:
            # What was told of it in this batch is written at its end.
            part.pending = False
        super().forwarded(record, at)

    def _check_headers(self, record: Record) -> None:
        """OpenKilda's readers drop a record that has not exactly one of these headers."""
        for wanted, _ in self._rules.headers:
            if [name for name, _ in record.headers].count(wanted) != 1:
                raise Violation("the constant headers", f"{record}")

    # -- parts ---------------------------------------------------------------------------------

    def passed(self, record: Record, at: int) -> None:
        """A shard told another something."""
        self.syncs.passed(record, at)
        note = note_of(record, b"Scatter", b"PartResults")
        if isinstance(note, peers.PartResults):
            for index, link, result in note.results:
                part = self._part(f"{note.number}.{index}")
                if part is None:
                    raise Violation("no unknown answer", f"part {index} of {note.number}")
                self._result(part, link, result, at)

    def _result(self, part: PartAsked, link: int, result: Part, at: int) -> None:
        if TOLD_BEFORE in result.payload:
            at_home = part.many.items is None and not part.sent  # nobody was told of its failure
            if not part.finals and not at_home:
                raise Violation("results are not lost", f"part {part.index} of {part.many}")
            return
        told = part.results.setdefault(link, [])
        if result in told and not result.ok:
            return  # an error of which the command's home is told again
        told.append(result)
        wrote = self._who_wrote(part, result)
        if wrote is None:
            self._part_failed(part, msgspec.json.decode(result.payload), at)
            return
        if not any(part.is_asked(each, self.batch) for each in wrote):
            raise Violation("only who was asked answers", f"{part}: {wrote}")
        self._check_before(part, at, "an answer")
        if part.repeats is Repeats.READ and part.replied >= len(part.sent) + part.coming:
            raise Violation("one answer", f"{part} has another, and was not sent again")
        if result.total == 0:
            self._replied(part)
        else:
            self._part_link(part, link, result)

    def _replied(self, part: PartAsked) -> None:
        part.replied += 1
        self._final(part)

    def _who_wrote(self, part: PartAsked, result: Part) -> list[Written] | None:
        """The records of FLs that say this; None when the router made it up."""
        matching = [
            written
            for _, written in part.wrote
            if written.part != "ack"
            and (payload_of(written.data) == result.payload or written.total == 0)
        ]
        if not matching and result.ok:
            raise Violation("answers as FLs wrote them", f"{part}: {result}")
        return matching if matching and not (not result.ok and _is_ours(result.payload)) else None

    def _part_link(self, part: PartAsked, link: int, result: Part) -> None:
        if link in part.links and not part.repeats:
            raise Violation("one answer", f"{part} gets link {link} twice")
        part.links.add(link)
        if len(part.links) == result.total:
            self._replied(part)

    def _part_failed(self, part: PartAsked, error: dict[str, Any], at: int) -> None:
        self._check_before(part, at, "an error")
        if not part.repeats and not part.many.repeats and not self._skewed:
            if DEADLINE in error["error-message"]:
                self._check_deadline(part, at)
            else:
                self._check_time(part, error, at)
        self._final(part)
        after = (*AFTER_SENDING, "Whether it took effect")
        if error["error-description"].startswith(after) and part.sent:
            part.barred = at

    def _check_deadline(self, part: PartAsked, at: int) -> None:
        due = part.many.at + self._rules.gather_timeout
        if at < due:
            raise Violation("answers in time count", f"{part}: ended at {at}, before {due}")
        if not part.sent:
            return
        own = self._own(part, part.sent[-1][1])
        if len({written.handling for _, written in own}) != 1:
            return
        if any(b"next_request_id" in written.data for _, written in own):
            return  # a link may be with its id's home, which waits for the one before it
        came = {written.index for when, written in own if when < due and written.part != "ack"}
        total = max((written.total for _, written in own), default=-1)
        whole = -1 in came if total <= 0 else len(came) == total
        if whole and part.pending:
            raise Violation("answers in time count", f"{part}: the answer lay there: {own}")

    # -- the answer ----------------------------------------------------------------------------

    def told(self, record: Record, at: int) -> None:
        """The router wrote something for requesters."""
        self._check_headers(record)
        self.syncs.told(record)
        self.listener.told(record, at, self.batch or 0)
        for name, value in record.headers:
            if name == REQUEST and value.count(b"/") == 2:
                many = self._by_origin.get(value.decode())
                if isinstance(many, Many):
                    self._assembled(many, record, at)
                    return
        number = self.number_of(record)
        asked = self.by_number.get(number or "")
        if isinstance(asked, PartAsked):
            raise Violation("one answer", f"a part's answer goes to requesters: {record}")
        if isinstance(asked, Population):
            marks = [self.marks[int(value)] for name, value in record.headers if name == MARK]
            asked.told(record, marks[0] if marks else None)
            return
        super().told(record, at)

    def _assembled(self, many: Many, record: Record, at: int) -> None:
        if many.finals and not many.repeats:
            raise Violation("one answer", f"{many} has another: {record}")
        if many.repeats is Repeats.READ and many.answered is not None and not self._skewed:
            until = many.answered + self._rules.blacklist_ttl
            if at < until:
                raise Violation("one answer", f"{many} has another before {until}")
        message = record.json
        if message["correlation_id"] != many.correlation_id:
            raise Violation("the requester's id", f"{many} is answered under {message}")
        if record.topic != many.topic:
            raise Violation("the right topic", f"{many} is answered on {record.topic}")
        if message["clazz"] == names.ERROR:
            self._check_all_failed(many)
        elif message["clazz"] == names.CHUNK:
            index = int(message["message_id"].partition(":")[0])
            many.chain[index] = payload_of(record.value)
            if len(many.chain) < message["total_messages"]:
                return
            self._check_entries(many, [many.chain[at] for at in sorted(many.chain)])
        else:
            self._check_entries(many, [payload_of(record.value)])
        many.chain.clear()
        # One that was never scattered is not known any more when it is read again.
        at_once = message["clazz"] == names.ERROR and not _too_few(message["payload"])
        many.answered = None if at_once else at
        self._final(many)

    def _check_all_failed(self, many: Many) -> None:
        if many.repeats:
            return
        good = [
            part
            for part in many.parts.values()
            if not part.repeats  # what is told first counts
            and any(each.ok and not each.total for each in part.results.get(0, ()))
        ]
        if good:
            raise Violation("an error when all failed", f"{many}: {good[0].results}")

    def _check_entries(self, many: Many, payloads: list[bytes]) -> None:
        pages = [_response.decode(payload) for payload in payloads]
        entries = [entry for page in pages for entry in page.results]
        for page in pages:
            ok = sum(entry.status == "ok" for entry in page.results)
            if (page.succeeded, page.failed) != (ok, len(page.results) - ok):
                raise Violation("entries are counted", f"{many}: {page}")
        if many.items is not None:
            shown = [entry.switch_id for entry in entries]
            if shown != many.items:
                raise Violation("entries complete and in order", f"{many}: {shown}")
        else:
            shown = [entry.floodlight for entry in entries]
            if shown != sorted(set(shown)) or not set(shown) <= set(self.alive):
                raise Violation("entries complete and in order", f"{many}: {shown}")
        for index, entry in enumerate(entries):
            self._check_entry(many, index, entry)

    def _check_entry(self, many: Many, index: int, entry: _Entry) -> None:
        part, payload = many.parts.get(index), bytes(entry.payload)
        at_once = b"The command was not sent" in payload and entry.floodlight
        if part is None or not part.results or (many.repeats and at_once):
            # It was sent to nobody; or, bit by bit, what was told of it is written after this.
            if entry.status == "ok" or not _is_ours(payload):
                raise Violation("entries are what was told", f"{many}, {index}: {payload!r}")
            return
        asked = [floodlight for _, floodlight in part.sent]
        if many.repeats and entry.floodlight and entry.floodlight not in asked:
            return  # FLs came or went before the command was read again after a kill
        if entry.floodlight and asked and entry.floodlight not in asked:
            raise Violation("entries complete and in order", f"{many}: {part.sent}, {entry}")
        if not part.may_be(entry.status, payload) and TOLD_BEFORE not in payload:
            raise Violation("entries are what was told", f"{many}, {index}: {payload!r}")

    def check_all_answered(self) -> None:
        """Everything is quiet now, so nobody waits any more."""
        self.syncs.check_all_served()
        for asked in self.by_number.values():
            if isinstance(asked, Population):
                asked.free = True  # it may be for nobody; whether it is, a probe shows
            elif isinstance(asked, PartAsked):
                many = asked.many
                # Rejected with its command, or never taken up; or its FL was in outage when the
                # command was read again after a kill, so the copy of before is nobody's.
                anew = many.items is None and many.repeats and many.finals
                asked.free = asked.free or not asked.sent or bool(anew)
        super().check_all_answered()


def _too_few(error: dict[str, Any]) -> bool:
    """Whether an error says that parts failed, and not that there were none."""
    return " failed" in error["error-message"]


def _is_ours(payload: bytes) -> bool:
    """Whether the router made this error."""
    return names.ERROR_DATA.encode() in payload and b'"error-message":"m"' not in payload
