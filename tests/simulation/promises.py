"""The promises of docs/protocol.md, checked on every record as it is written."""

from __future__ import annotations

from enum import IntEnum
from itertools import pairwise
from typing import Any

from flrouter.core.state.rules import Rules
from flrouter.core.values import peers
from flrouter.core.values.request import Origin, Suffixes
from flrouter.messages.envelope import decode
from flrouter.messages.forms.error_forms import ErrorForm
from tests.core.floodlight import Written
from tests.core.world import AFTER_SENDING, Record

#: stands in the records that FLs write for commands: which of `marks` it is.
MARK = "written"
#: stands in the router's own errors: the command's origin.
REQUEST = "flrouter-request"


class Violation(Exception):
    """A promise that was not kept."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


class Repeats(IntEnum):
    """Whether a crash allows that a command is done again."""

    NONE = 0
    #: it is read again, while what is known of it was kept.
    READ = 1
    #: what was written for it is written again.
    DONE = 2


class Asked:
    """A command that a requester sent, and what has become of it."""

    __slots__ = (
        "at",
        "barred",
        "batch",
        "coming",
        "coming_last",
        "correlation_id",
        "decided_in",
        "decisions",
        "ends_in",
        "events",
        "finals",
        "form",
        "free",
        "links",
        "number",
        "offset",
        "partition",
        "pending",
        "repeats",
        "resent_in",
        "sent",
        "sent_in",
        "source",
        "topic",
        "unanswered",
        "wrote",
    )

    def __init__(
        self, origin: Origin, correlation_id: str | None, topic: str, switch: str, at: int
    ) -> None:
        self.number = origin.number
        self.correlation_id = correlation_id or self.number
        #: where its answer should come, and whether none in particular is expected.
        self.topic = topic
        self.free = False
        #: how an error of the router's is to be told, and whether nothing answers it by design, or
        #: only events do.
        self.form = ErrorForm.ERROR_MESSAGE
        self.unanswered = self.events = False
        self.source = (origin.topic, origin.partition, switch)
        self.offset = origin.offset
        self.at = at
        self.repeats = Repeats.NONE
        #: to which FLs it was sent, and when that was decided.
        self.sent: list[tuple[int, str]] = []
        #: the batch that it was sent in last.
        self.sent_in: int | None = None
        self.pending = False
        #: it was decided that it goes to an FL once more, and that is not written.
        self.coming = False
        #: (batch, FL that it goes to or empty for an error): what was decided of it.
        self.decisions: list[tuple[int, str]] = []
        #: that was decided last of it, and no answer: so it goes to an FL after an error.
        self.coming_last = False
        #: the batch in which something was decided of it last, and the one in which it was sent
        #: behind an answer, as it was read twice.
        self.decided_in = self.resent_in = -1
        #: the batch in which it was sent while pending, as the answer that was decided before is
        #: still to be written.
        self.ends_in: int | None = None
        self.finals = 0
        #: the batch that its last final answer was in.
        self.batch: int | None = None
        #: ms: when it was answered with an error that put it on the blacklist.
        self.barred: int | None = None
        #: (ms, what) its FLs wrote.
        self.wrote: list[tuple[int, Written]] = []
        self.links: set[int] = set()
        #: where its answers go.
        self.partition = -1

    @property
    def inbound(self) -> str:
        """The topic that it came from."""
        return self.source[0]

    def is_asked(self, written: Written, batch: int | None) -> bool:
        """Whether it went to the FL that wrote what was told in a batch.

        An FL may have answered what another one was sent. If a crash has the command go to the
        first one, its answer is there already, and may be told before the command is written.
        """
        if any(written.floodlight == name for _, name in self.sent):
            return True
        if written.part != "spoof" or not self.repeats or batch is None:
            return False
        before = [name for at, name in self.decisions if at <= batch]
        return before[-1:] == [written.floodlight]

    def __str__(self) -> str:
        return f"the command at {'/'.join(map(str, self.source[:2]))}/{self.offset}"


class Promises:
    """Knows every command, hears of every record and complains."""

    def __init__(self, rules: Rules, *, skewed: bool) -> None:
        self._rules = rules
        self._skewed = skewed
        self._suffixes = Suffixes(rules.app_id, rules.partitions)
        self.by_number: dict[str, Asked] = {}
        self._by_origin: dict[str, Asked] = {}
        self.marks: list[Written] = []
        #: FL → when it wrote that it is alive; whether it acknowledges; whether its records keep
        #: their order.
        self.alive: dict[str, list[int]] = {}
        self.acks: dict[str, bool] = {}
        self.ordered: dict[str, bool] = {}
        self._last: dict[tuple[str, int, str], Asked] = {}
        self._readers: dict[str, str] = {}
        #: in which batch a record was decided: batches travel side by side, so what was decided
        #: first need not be written first. None when nobody knows.
        self.batch: int | None = None
        #: whether anything is read again at all.
        self._rereads = False

    def floodlight(self, name: str, *, acks: bool, ordered: bool) -> None:
        """There is such an FL."""
        self.acks[name] = acks
        self.ordered[name] = ordered
        self.alive[name] = []
        for inbound in ("", *self._rules.fl_read_topics):
            self._readers[self._rules.read_topic(name, inbound)] = name

    # -- what happens --------------------------------------------------------------------------

    def asked(
        self, origin: Origin, correlation_id: str | None, topic: str, switch: str, at: int
    ) -> Asked:
        """A requester sent a command."""
        asked = Asked(origin, correlation_id, topic, switch, at)
        self.by_number[asked.number] = self._by_origin[str(origin)] = asked
        return asked

    def wrote(self, written: Written, at: int) -> None:
        """An FL wrote a record for a command."""
        asked = self.by_number.get(written.number)
        if asked is not None:
            asked.wrote.append((at, written))

    def repeats(self, number: str, how: Repeats, *, only_again: bool = False) -> None:
        """A crash lets this request be done again; `only_again`: if it is read again already."""
        asked = self.by_number.get(number)
        self._rereads = True
        if asked is not None and how > asked.repeats >= only_again:
            asked.repeats = how

    def decided(self, record: Record, batch: int) -> None:
        """A record is on its way; one decided later may be written earlier."""
        if self._rereads:
            asked = self.by_number.get(self.number_of(record) or "")
            if asked is not None:
                coming = record.topic in self._readers
                if coming and asked.decided_in == batch:
                    asked.resent_in = -1 if asked.coming_last else batch
                asked.coming_last, asked.decided_in = coming, batch
                asked.coming = asked.coming or coming
                if coming or all(name != MARK for name, _ in record.headers):
                    asked.decisions.append((batch, self._readers.get(record.topic, "")))

    def number_of(self, record: Record) -> str | None:
        """The request that a record of the router is for: a forwarded command or an answer."""
        for name, value in record.headers:
            if name == MARK:
                return self.marks[int(value)].number
            if name == REQUEST:
                asked = self._by_origin.get(value.decode())
                return asked.number if asked is not None else None
        if record.topic in self._readers:
            suffix = self._suffixes.read(decode(record.value).correlation_id)
            return suffix.number if suffix is not None else None
        return None

    def noted(self, notes: list[str], now: int, looked: int | None) -> None:
        """The router says why it does something."""
        for note in notes:
            if "it does not answer" in note and not self._skewed:
                name = note.split()[3].removesuffix(":")
                if looked is None:
                    raise Violation("no false outage", f"{note}: nobody looked at what lies unread")
                said = [at for at in self.alive[name] if at < looked]
                if said and now - said[-1] <= self._rules.alive_timeout:
                    raise Violation("no false outage", f"{note}, but it said so at {said[-1]}")

    # -- to FLs --------------------------------------------------------------------------------

    def forwarded(self, record: Record, at: int) -> None:
        """The router wrote something for an FL."""
        suffix = self._suffixes.read(decode(record.value).correlation_id)
        if suffix is None:
            raise Violation("no unknown command", f"an FL is sent {record.value!r}")
        number = suffix.number
        asked = self.by_number.get(number)
        if asked is None:
            if number.startswith(("alive.", "sync.")):
                return
            raise Violation("no unknown command", f"an FL is sent {record.value!r}")
        if asked.free:
            return
        floodlight = self._readers[record.topic]
        if record.topic != self._rules.read_topic(floodlight, asked.inbound):
            raise Violation("the right topic", f"{asked} goes to {record.topic}")
        before_its_answer = (
            self.batch is not None and asked.batch is not None and asked.batch >= self.batch
        )
        if asked.sent or (asked.finals and not before_its_answer):
            self._sent_again(asked, at, before_its_answer=before_its_answer)
        else:
            last = self._last.get(asked.source)
            if last is None or last.offset < asked.offset:
                self._last[asked.source] = asked
            elif not asked.repeats and not last.repeats and not self._beside(record, last):
                raise Violation("order per switch", f"{asked} is sent after {last}")
        asked.coming = False
        asked.sent.append((at, floodlight))
        asked.sent_in = self.batch
        asked.pending = asked.coming_last or not before_its_answer
        if asked.unanswered:
            self._final(asked)
            asked.pending = False

    def _beside(self, record: Record, last: Asked) -> bool:
        """Whether it was decided before, and both go to different FLs, whose topics have no order.

        The first FL lost the switch between them, so its command has ended with an error there.
        """
        _, floodlight = last.sent[-1]
        before = self.batch is not None and last.sent_in is not None and last.sent_in >= self.batch
        return before and floodlight != self._readers[record.topic]

    def _sent_again(self, asked: Asked, at: int, *, before_its_answer: bool) -> None:
        if asked.repeats is Repeats.NONE:
            raise Violation("once to its FL", f"{asked} is sent again, and no worker crashed")
        if asked.repeats is Repeats.READ:
            if asked.pending:
                if asked.resent_in != self.batch:
                    raise Violation("once to its FL", f"{asked} is pending and sent again")
                asked.resent_in = -1  # one answer lets it go once
                asked.ends_in = self.batch
            if not before_its_answer:  # the error of the same batch may be written first
                self._check_barred(asked, at)

    def _check_barred(self, asked: Asked, at: int) -> None:
        if asked.barred is not None and not self._skewed:
            until = asked.barred + self._rules.blacklist_ttl
            if at < until:
                raise Violation("nothing after the blacklist", f"{asked} goes on before {until}")

    # -- to requesters -------------------------------------------------------------------------

    def told(self, record: Record, at: int) -> None:
        """The router wrote something for requesters."""
        for name, value in record.headers:
            if name == MARK:
                self._answered(record, self.marks[int(value)], at)
                return
            if name == REQUEST:
                if value.count(b"/") == 2:
                    asked = self._by_origin.get(value.decode())
                    if asked is None:
                        raise Violation("no unknown answer", f"{record}")
                    if not asked.free:
                        self._failed(record, asked, at)
                return

    def _answered(self, record: Record, written: Written, at: int) -> None:
        asked = self.by_number[written.number]
        if asked.free:
            return
        if asked.events:
            if decode(record.value).correlation_id != asked.correlation_id:
                raise Violation("the requester's id", f"{asked}: {record}")
            return
        if written.part == "ack" or not asked.is_asked(written, self.batch):
            raise Violation("only who was asked answers", f"{asked} gets {written.part}: {record}")
        if written.part == "spoof":  # a crash had the command sent to whoever had spoofed it
            asked.free = True
            asked.finals = 1
            return
        self._check_before(asked, at, "an answer")
        if asked.repeats is Repeats.READ and not asked.pending and not asked.coming:
            raise Violation("one answer", f"{asked} has another, and was not sent again")
        if record.topic != asked.topic:
            raise Violation("the right topic", f"{asked} is answered on {record.topic}")
        old = b"next_request_id" in written.data
        if not (old and written.index > 0):
            cid = decode(record.value).correlation_id
            if cid != asked.correlation_id:
                raise Violation("the requester's id", f"{asked} is answered under {cid}")
        if written.part == "link":
            self._link(record, asked, written)
        else:
            self._final(asked)

    def _link(self, record: Record, asked: Asked, written: Written) -> None:
        if written.index in asked.links and not asked.repeats:
            raise Violation("one answer", f"{asked} gets link {written.index} twice")
        if asked.links and asked.partition != record.partition and not asked.repeats:
            raise Violation("a chain stays together", f"{asked}: {record}")
        if b"next_request_id" in written.data and not asked.repeats:
            behind = [index for index in range(written.index) if index not in asked.links]
            if behind:
                raise Violation("order of links", f"{asked}: link {written.index} before {behind}")
        asked.partition = record.partition
        asked.links.add(written.index)
        if written.total == 0 or len(asked.links) == written.total:
            self._final(asked)

    def _failed(self, record: Record, asked: Asked, at: int) -> None:
        self._check_before(asked, at, "an error")
        message = record.json
        if ("message_context" in message) != (asked.form is not ErrorForm.ERROR_MESSAGE):
            raise Violation("the requester's form", f"{asked}: {message}")
        error = error_in(message)
        if decode(record.value).correlation_id != asked.correlation_id:
            raise Violation("the requester's id", f"{asked}: {message}")
        if record.topic != asked.topic:
            raise Violation("the right topic", f"{asked} fails on {record.topic}: {message}")
        if not asked.repeats and not self._skewed:
            self._check_time(asked, error, at)
        self._final(asked)
        if error["error-description"].startswith(AFTER_SENDING):
            asked.barred = at

    def _check_before(self, asked: Asked, at: int, what: str) -> None:
        if asked.finals and not asked.repeats:
            promise = "nothing after the blacklist" if asked.barred is not None else "one answer"
            raise Violation(promise, f"{asked} had its final answer, and now gets {what}")
        if asked.repeats < Repeats.DONE:
            self._check_barred(asked, at)

    def _final(self, asked: Asked) -> None:
        asked.finals += 1
        asked.batch = self.batch
        goes_on = asked.coming_last and asked.sent_in == self.batch
        if asked.ends_in == self.batch:  # what was sent behind it has an answer of its own
            asked.ends_in, goes_on = None, True
        asked.pending = asked.pending and goes_on
        asked.links.clear()

    # -- deadlines -----------------------------------------------------------------------------

    def _check_time(self, asked: Asked, error: dict[str, Any], at: int) -> None:
        """No deadline fired early, nor over what lay in the FL's write topic before it."""
        text = error["error-message"]
        rules = self._rules
        if "did not acknowledge" in text:
            sent, floodlight = asked.sent[-1]
            due = sent + rules.ack_timeout
            early = [each for each in self._own(asked, floodlight) if each[0] < due]
            if early or at < due:
                raise Violation("acks in time count", f"{asked}, due at {due}: {text}, but {early}")
        elif "did not answer in time" in text:
            self._check_answer_time(asked, text, at)

    def _check_answer_time(self, asked: Asked, text: str, at: int) -> None:
        begin, floodlight = asked.sent[-1]
        timeout = self._rules.response_timeout
        own = self._own(asked, floodlight)
        if self.acks[floodlight]:
            if not own:
                raise Violation(
                    "answers in time count", f"{asked}: {text}, but nobody acknowledged"
                )
            begin = own[0][0]
        if at < begin + timeout:
            raise Violation("answers in time count", f"{asked}: {text}, but it had until later")
        if len({written.handling for _, written in own}) != 1:
            return  # it wrote two answers, of which the router may have followed either
        came: dict[tuple[str, int], int] = {}
        for when, written in own:
            came.setdefault((written.part, written.index), when)
        total = max((written.total for _, written in own), default=-1)
        links = sum(part == "link" for part, _ in came)
        whole = ("answer", -1) in came or total in (0, links)
        times = [asked.sent[-1][0], *came.values()]
        gaps = [later - before for before, later in pairwise(times)]
        if whole and all(gap < timeout for gap in gaps):
            raise Violation(
                "answers in time count", f"{asked}: {text}, but the answer lay there: {own}"
            )

    def _own(self, asked: Asked, floodlight: str) -> list[tuple[int, Written]]:
        """What the FL wrote for it, as far as anybody can tell that it is for it.

        Old-form links after the first have ids of their own: they say nothing when the FL failed
        to write what comes before them.
        """
        own = [
            (when, written)
            for when, written in asked.wrote
            if written.floodlight == floodlight and written.part != "spoof"
        ]
        while own and own[0][1].index > 0 and b"next_request_id" in own[0][1].data:
            del own[0]
        return own

    # -- the end -------------------------------------------------------------------------------

    def check_all_answered(self) -> None:
        """Everything is quiet now, so nobody waits any more."""
        for asked in self.by_number.values():
            if not asked.finals and not asked.free:
                raise Violation("every command is answered", f"{asked} of {asked.at} is not")
            if asked.ends_in is not None and asked.repeats is Repeats.READ and not asked.free:
                raise Violation("once to its FL", f"{asked} was pending and sent again")


def error_in(message: dict[str, Any]) -> dict[str, Any]:
    """What went wrong, as an `ErrorData` says it, in whichever form the router told it."""
    payload: dict[str, Any] | None = message.get("payload") or message.get("data")
    if payload is not None:
        return payload
    failed = message.get("failed_command_ids", {})
    text = str(message.get("description") or next(iter(failed.values())))
    said, _, description = text.partition(". ")
    return {"error-message": said, "error-description": description}


def note_of(record: Record, *kinds: bytes) -> peers.Peer | None:
    """What a record of the shards' topic says, if it is of one of these kinds."""
    for name, value in record.headers:
        if name == "flrouter-what":
            if value == b"peer" and any(kind in record.value for kind in kinds):
                return peers.decode(record.value)
            return None
    return None
