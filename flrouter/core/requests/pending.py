"""Pending requests: from the command to its one final answer (protocol.md, 4.2).

A request's life: what happens to it, in which stage, and what follows: a stage, nothing (=) or the
end. A *copy* belongs to a command to every FL, whose answers are passed on one by one. Nobody knows
the last of them, so in the end a copy is forgotten, without an error. Only this file writes the
stage; `tests/core/test_a_requests_life.py` tries each cell.

========================================  ======  ========  =========  ========  =========
what happens                              HELD    SENT      SENT copy  ACKED     PASSING
========================================  ======  ========  =========  ========  =========
an FL reports its switch                  SENT    =         =          =         =
one reports it that does not acknowledge  ACKED   =         =          =         =
its FL acknowledges it                    =       ACKED     PASSING    =         =
a link of a chain comes                   =       ACKED     ACKED      =         =
the last link comes                       =       answered  answered   answered  answered
an answer comes                           =       answered  PASSING    answered  =
its time is over                          failed  failed    failed     failed    forgotten
its FL goes down                          =       failed    failed     failed    forgotten
its FL is removed                         =       failed    failed     failed    forgotten
its FL loses the switch                   =       failed    =          failed    =
all FLs have listed their switches        failed  =         =          =         =
another command is read in its place      failed  failed    failed     failed    forgotten
========================================  ======  ========  =========  ========  =========
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from flrouter.core.requests import traces
from flrouter.core.requests.blacklist import Blacklist
from flrouter.core.requests.parts import Parts, part_number
from flrouter.core.state.context import MAX_TOLD_CHARACTERS, Context
from flrouter.core.state.rules import BYTES_PER_PENDING
from flrouter.core.values.effects import Headers
from flrouter.core.values.events import Event
from flrouter.core.values.peers import LinkWanted, PartsOverdue
from flrouter.core.values.records import Barred, Part, Pending, Stage
from flrouter.core.values.request import Origin, read_number, topic_of
from flrouter.messages.correlation import with_correlation_id
from flrouter.messages.envelope import Envelope
from flrouter.messages.errors import ErrorType, Problem
from flrouter.messages.kinds.catalog import ENDS_WHEN_SENT, Done


class Requests:
    """The pending table, its deadlines, and the blacklist of what failed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # Asked for each command: looked up once.
        self._too_many = context.rules.too_many_pending
        self._too_many_at_floodlight = context.rules.max_at_floodlight
        self.parts = Parts(context)
        self.blacklist = Blacklist(context)
        #: switch → its requests, so that losing a switch costs no look at all others.
        self._at: dict[str, dict[str, None]] = {}
        #: the sizes of large requests, and their sum.
        self._large: dict[str, int] = {}
        self._bytes = 0
        #: FL → how many requests it holds.
        self.by_floodlight: Counter[str] = Counter()
        #: what was pending when the shard was taken over: these commands may be read again.
        self._taken_over: dict[str, str] = {}

    def rebuild(self) -> None:
        """Make indexes and deadlines from the restored tables."""
        context = self._context
        self._taken_over = {
            number: pending.correlation_id for number, pending in context.pending.items()
        }
        for number, pending in context.pending.items():
            pending.ahead.sort()  # release 0.1.0 kept them as they came
            self._at.setdefault(pending.switch, {})[number] = None
            self.by_floodlight[pending.floodlight] += 1
            self._weigh(number, pending.size)
            context.deadlines.add(pending.due, "pending", number)
        self.blacklist.rebuild()

    def rearm(self) -> None:
        """The clock went back: no deadline is later than one that begins now."""
        context, rules = self._context, self._context.rules
        latest = context.now + max(rules.ack_timeout, rules.response_timeout, rules.sync_timeout)
        context.keep_no_longer(context.pending, latest)
        self.blacklist.rearm()

    @property
    def room_taken(self) -> float:
        """Pending requests; a large one counts as several."""
        return len(self._context.pending) + self._bytes / BYTES_PER_PENDING

    def _weigh(self, number: str, size: int) -> None:
        """Note the size of a request; 0: it is gone."""
        self._bytes -= self._large.pop(number, 0)
        if size > BYTES_PER_PENDING:
            self._large[number] = size
            self._bytes += size

    # -- beginning ----------------------------------------------------------------------------

    def has(self, number: str) -> bool:
        """Whether there is, or was a short while ago, a request with this number."""
        context = self._context
        return (
            number in context.pending or number in context.blacklist or number in self._taken_over
        )

    def knows(self, number: str, correlation_id: str) -> bool:
        """Whether this request is known, so that its command was read before (protocol.md, 4.5).

        A record that is delivered again has the same id. With another id it is another command: its
        topic was deleted and made again, or a broker lost records.
        """
        context = self._context
        pending, barred = context.pending.get(number), context.blacklist.get(number)
        return (
            (pending is not None and pending.correlation_id == correlation_id)
            or (
                barred is not None
                and barred.correlation_id[:MAX_TOLD_CHARACTERS]
                == correlation_id[:MAX_TOLD_CHARACTERS]
            )
            or self._taken_over.get(number) == correlation_id
        )

    def replace(self, number: str, gather: int = -1) -> None:
        """Make room for another command where this request was read (protocol.md, 4.5).

        Args:
            gather: if the new command is a part: the home of its command.
        """
        context = self._context
        pending = context.pending.get(number)
        if pending is not None and 0 <= pending.gather == gather:
            context.pending.drop(number)  # its former command is not gathered there any more
            self._forget_place(number, pending)
        elif pending is not None:
            self.fail(
                number,
                ErrorType.INTERNAL_ERROR,
                "another command was read in its place",
                "The topic that it was sent to was deleted and made again. Whether it took"
                " effect is not known.",
            )
        context.blacklist.drop(number)

    def full(self, floodlight: str) -> str:
        """Why the shard takes no more requests for this FL (protocol.md, 4.2); empty if it does."""
        context = self._context
        if self.room_taken >= self._too_many:
            large = f", {self._bytes} bytes in large ones" if self._bytes else ""
            count = len(context.pending)
            return f"shard {context.number} has {count} commands without an answer{large}"
        waiting = self.by_floodlight[floodlight]
        if waiting >= self._too_many_at_floodlight and context.others_up(floodlight):
            return f"floodlight {floodlight} has {waiting} commands to answer"
        return ""

    def hold(self, number: str, pending: Pending) -> None:
        """Keep a command until an FL holds its switch, or none is known to (protocol.md, 6.5)."""
        context = self._context
        if number not in context.pending:
            self.by_floodlight[pending.floodlight] += 1
        context.keep_until(context.pending, number, pending, pending.due)
        self._at.setdefault(pending.switch, {})[number] = None
        self._weigh(number, pending.size)
        context.count(Event.HELD)

    def forward(
        self,
        number: str,
        pending: Pending,
        data: bytes,
        envelope: Envelope | None,
        headers: Headers,
        done: Done = Done.MESSAGE,
    ) -> None:
        """Send a command to the FL that `pending` names (protocol.md, 3.2); wait for the answer.

        Args:
            data: the command as it came.
            envelope: what was read of `data`; None: it has no correlation id.
            headers: its record headers, which travel with it.
            done: what completes its answer; if nothing does, it ends here.
        """
        context, rules = self._context, self._context.rules
        if number in context.pending:
            self.by_floodlight[""] -= 1
        acks = context.floodlights[pending.floodlight].acks
        pending.stage = Stage.SENT if acks else Stage.PASSING if pending.passes else Stage.ACKED
        pending.command, pending.headers = b"", ()
        if pending.steps is not None:
            pending.steps.sent = context.now
        forwarded = context.suffixes.add(
            pending.correlation_id, context.number, number, events=done is Done.EVENTS
        )
        if headers and (pending.trace or pending.is_part):
            headers = traces.onward(context, pending.origin, headers)
        known_id = envelope.correlation_id if envelope is not None else None
        message_id = envelope.message_id if envelope is not None else None
        context.send(
            rules.read_topic(pending.floodlight, topic_of(pending.origin)),
            pending.switch or pending.correlation_id,
            with_correlation_id(data, forwarded, old=known_id, message_id=message_id or ""),
            headers,
            context.number,
        )
        due = context.now + (rules.ack_timeout if acks else rules.response_timeout)
        context.keep_until(context.pending, number, pending, due)
        self._at.setdefault(pending.switch, {})[number] = None
        self.by_floodlight[pending.floodlight] += 1
        own = len(pending.correlation_id) + len(pending.draft)
        if number in self._large or own > BYTES_PER_PENDING:
            self._weigh(number, pending.size)
        context.count(Event.COMMANDS, pending.floodlight)
        if done in ENDS_WHEN_SENT:
            self.done(number)

    # -- going on -----------------------------------------------------------------------------

    def acknowledged(self, number: str, pending: Pending) -> None:
        """The FL has the command (protocol.md, 4.3)."""
        if pending.stage is Stage.SENT:
            if pending.steps is not None:
                pending.steps.acked = self._context.now
            self._answers_within(number, pending, Stage.PASSING if pending.passes else Stage.ACKED)

    def came_in_part(self, number: str, pending: Pending) -> None:
        """A link of the answer's chain came, so the FL has the command."""
        answers = Stage.ACKED if pending.stage is Stage.SENT else pending.stage
        self._answers_within(number, pending, answers)

    def passed_on(self, number: str, pending: Pending) -> None:
        """One of several answers went out; nobody knows which is the last (protocol.md, 5.1)."""
        self._answers_within(number, pending, Stage.PASSING)

    def _answers_within(self, number: str, pending: Pending, stage: Stage) -> None:
        context = self._context
        pending.stage = stage
        due = context.now + context.rules.response_timeout
        context.keep_until(context.pending, number, pending, due)

    # -- ending -------------------------------------------------------------------------------

    def done(self, number: str, answer: bytes = b"") -> None:
        """The final answer went out."""
        pending = self._context.pending.drop(number)
        if pending is not None:
            self._forget_place(number, pending)
            self._context.end(number, pending, answer=answer)

    def fail(self, number: str, kind: ErrorType, message: str, description: str) -> None:
        """End a request with an error; what its FL sends later is dropped (protocol.md, 4.6)."""
        context, problem = self._context, Problem(kind, message, description)
        pending = context.pending.drop(number)
        if pending is None:
            return
        self._forget_place(number, pending)
        if pending.stage is Stage.PASSING:
            return
        context.end(number, pending, str(problem))
        error = self.parts.failed(number, pending.gather, problem) if pending.is_part else b""
        expires = context.now + context.rules.blacklist_ttl
        cid = pending.correlation_id[:MAX_TOLD_CHARACTERS]
        self.blacklist.put(number, Barred(expires, pending.floodlight, cid, error))
        if not pending.is_part:
            key = pending.correlation_id if pending.begun else pending.switch
            traces.answer_error(context, pending, problem, key)

    def fail_at(self, floodlight: str, switch: str | None, why: str) -> None:
        """An FL, or one switch of it, is gone: end what is pending there (protocol.md, 4.2)."""
        pending = self._context.pending
        unsure = "The command was on its way; whether it took effect is not known."
        for number in list(pending) if switch is None else self.at(switch):
            if pending[number].floodlight == floodlight:
                self.fail(number, ErrorType.NOT_FOUND, why, unsure)

    def at(self, switch: str) -> list[str]:
        """The numbers of the requests that are pending at a switch."""
        return list(self._at.get(switch, ()))

    def held(self, switch: str | None = None) -> list[tuple[str, Pending]]:
        """The held commands, of one switch or of all, in the order in which they came."""
        pending = self._context.pending
        numbers = pending if switch is None else self._at.get(switch, ())
        rows = [(number, pending[number]) for number in numbers]
        return sorted((row for row in rows if row[1].stage is Stage.HELD), key=_place_in_line)

    def _forget_place(self, number: str, pending: Pending) -> None:
        self.by_floodlight[pending.floodlight] -= 1
        if number in self._large:
            self._weigh(number, 0)
        numbers = self._at.get(pending.switch)
        if numbers is not None:
            numbers.pop(number, None)
            if not numbers:
                del self._at[pending.switch]

    # -- time ---------------------------------------------------------------------------------

    def woken(self, numbers: list[str]) -> None:
        """Look at requests whose deadline may be due.

        It fires only once the router has read what already lay in the FL's write topics and on the
        shards' topic (protocol.md, 4.4).
        """
        context = self._context
        overdue: dict[str, list[tuple[str, int]]] = {}
        for number in numbers:
            pending = context.pending.get(number)
            if pending is not None and pending.due <= context.now:
                overdue.setdefault(pending.floodlight, []).append((number, pending.due))
        for floodlight, requests in overdue.items():
            self._after_catch_up(floodlight, partial(self._fire_all, requests))

    def _after_catch_up(self, floodlight: str, then: Callable[[int], None]) -> None:
        """Go on once what the FL wrote has been read; at once for requests without an FL."""
        if floodlight:
            self._context.catch_up(floodlight, then)
        else:
            then(0)

    def _fire_all(self, requests: list[tuple[str, int]], _token: int) -> None:
        for number, due in requests:
            pending = self._context.pending.get(number)
            # Otherwise it was answered or acknowledged while the topic was read.
            if pending is not None and pending.due == due:
                self._fire(number, pending)

    def _fire(self, number: str, pending: Pending) -> None:
        if pending.stage is Stage.HELD:
            self.fail(
                number,
                ErrorType.NOT_FOUND,
                f"no floodlight holds switch {pending.switch}",
                "Not all floodlights had listed their switches in time, and none listed this one.",
            )
        elif pending.stage is Stage.SENT:
            self.fail(
                number,
                ErrorType.NOT_FOUND,
                f"floodlight {pending.floodlight} did not acknowledge the command",
                f"No FlReceiveAck within {self._context.rules.ack_timeout} ms.",
            )
        elif pending.next_id is not None:
            # The link may wait in its id's home.
            context = self._context
            wanted = LinkWanted(pending.next_id, number, context.number)
            context.tell_home(pending.next_id, wanted)
        else:
            self._time_out(number, pending)

    def link_missing(self, number: str, link_id: str) -> None:
        """The home of an old-form link's id has not seen the overdue link."""
        pending = self._context.pending.get(number)
        if pending is not None and pending.next_id == link_id:
            self._time_out(number, pending)

    def _time_out(self, number: str, pending: Pending) -> None:
        waited = f"Nothing came within {self._context.rules.response_timeout} ms"
        since = "after part of a chain" if pending.begun else "of the acknowledgement"
        self.fail(
            number,
            ErrorType.OPERATION_TIMED_OUT,
            f"floodlight {pending.floodlight} did not answer in time",
            f"{waited} {since}.",
        )

    def end_parts(self, note: PartsOverdue) -> None:
        """A command's time is over: end its parts that have no answer (protocol.md, 5.3).

        What a part has told before may be told again: the command's home drops it.
        """
        context = self._context
        if note.gather >= context.rules.partitions:
            return  # no shard wrote this: there is no such partition
        ending: dict[str, list[str]] = {}
        for index in note.indexes:
            number = part_number(note.number, index)
            pending = context.pending.get(number)
            if pending is not None and pending.gather == note.gather:
                ending.setdefault(pending.floodlight, []).append(number)
            elif not self.failed_before(number, note.gather):
                message = "what became of it is not known"
                lost = Problem(ErrorType.INTERNAL_ERROR, message, "Its result was lost.")
                self.parts.failed(number, note.gather, lost)
        for floodlight, numbers in ending.items():
            self._after_catch_up(floodlight, partial(self._end_all, numbers))

    def failed_before(self, number: str, gather: int) -> bool:
        """Whether a part ended with an error a short while ago; that is told once more."""
        barred = self._context.blacklist.get(number)
        if barred is None or not barred.error:
            return False
        self.parts.answered(number, gather, 0, Part(False, 0, barred.error))
        return True

    def _end_all(self, numbers: list[str], _token: int) -> None:
        for number in numbers:
            pending = self._context.pending.get(number)
            if pending is not None:
                at = f"floodlight {pending.floodlight}" if pending.floodlight else "no floodlight"
                late = f"{at} did not answer before the command's deadline"
                unsure = "Whether it took effect is not known."
                self.fail(number, ErrorType.OPERATION_TIMED_OUT, late, unsure)


def _place_in_line(held: tuple[str, Pending]) -> tuple[int, int]:
    """Commands by their offset, parts of one command by their index.

    Deadlines come from several workers' clocks, and restored tables have no order. Between
    partitions no order is promised.
    """
    number, pending = held
    index = (read_number(number.rpartition(".")[2]) or 0) if pending.is_part else 0
    return Origin.parse(pending.origin).offset, index
