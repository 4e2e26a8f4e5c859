"""What FLs send: acknowledgements, answers, chains, events."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from flrouter.core.floodlights.liveness import Liveness
from flrouter.core.floodlights.sync import Syncs, mode_of
from flrouter.core.floodlights.sync_run import read_sync_number
from flrouter.core.requests import traces
from flrouter.core.requests.links import Links
from flrouter.core.requests.pending import Requests
from flrouter.core.state.context import Context
from flrouter.core.switches.holders import CONNECTED, LOST, SwitchMap
from flrouter.core.values.dead_letters import HEAD_KEPT
from flrouter.core.values.effects import Answering
from flrouter.core.values.events import Event
from flrouter.core.values.inputs import Report
from flrouter.core.values.records import Mode, Part, Pending, Stage
from flrouter.messages import headers as header
from flrouter.messages import names
from flrouter.messages.assembly import payload_of
from flrouter.messages.chains import BadLink, OldFormLink, follow, has_come, link_of
from flrouter.messages.correlation import with_correlation_id
from flrouter.messages.envelope import Envelope, Form
from flrouter.messages.errors import ErrorType, Problem
from flrouter.messages.forms.notifications import record_of
from flrouter.messages.kinds.catalog import EventKind
from flrouter.messages.kinds.places import switch_of

#: links of one chain that may come before a missing one: one row keeps their indexes.
MAX_AHEAD = 100_000
PLAIN_COMMANDS = (Form.COMMAND, Form.COMMAND_WITH_REPLY)


@dataclass(eq=False)
class Reports:
    """The rules for what comes from FLs (protocol.md, 4.3, 4.7 and 8.3)."""

    _context: Context
    _requests: Requests
    _switches: SwitchMap
    _links: Links
    _liveness: Liveness
    _syncs: Syncs

    def take(self, report: Report) -> None:
        """One record of an FL's write topic (protocol.md, 3.4)."""
        context = self._context
        envelope = report.envelope
        form = envelope.form if envelope is not None else None
        if envelope is None or form is None:
            if self._known(report):
                clazz = envelope.clazz[:200] if envelope is not None else ""
                reason = report.fault or f"no message that an FL sends: {clazz!r}"
                context.dead_letter_of(report, reason)
            return
        if report.number is not None:
            self._numbered(report, envelope, form, report.number)
            return
        if envelope.kind == names.ALIVE_RESPONSE:
            if self._here(report, context.home(report.floodlight)) and self._known(report):
                self._liveness.alive_response(report.floodlight, envelope)
            return
        suffix = context.suffixes.read(_asked_under(envelope))
        if suffix is None:
            self._unasked(report, envelope, form)
        elif suffix.events:
            self._unasked(*_under(suffix.original, report, envelope), form)
        elif self._here(report, suffix.home) and self._known(report):
            self._numbered(report, envelope, form, suffix.number, suffix.original)

    def _known(self, report: Report) -> bool:
        """Whether the record's FL is known here.

        Only the record's home asks: it may have sent the FL commands before other shards have heard
        of it.
        """
        state = self._context.floodlights.get(report.floodlight)
        known = state is not None and state.known
        if not known:
            self._context.count(Event.UNKNOWN_FLOODLIGHT, report.floodlight)
        return known

    def _here(self, report: Report, home: int) -> bool:
        """Whether this shard is the record's home; if not, send it there."""
        context = self._context
        if home == context.number:
            return True
        headers = (
            (header.FLOODLIGHT, report.floodlight.encode()),
            (header.ORIGIN, str(report.origin).encode()),
            # An FL's own headers must not pass for a shard's.
            *(item for item in report.headers if not header.is_own(item[0])),
        )
        context.pass_to(home, "report", report.data, headers)
        return False

    # -- answers ------------------------------------------------------------------------------

    def _numbered(
        self, report: Report, envelope: Envelope, form: Form, number: str, cid: str | None = None
    ) -> None:
        """A record that belongs to a request or a sync of this shard.

        Args:
            cid: the requester's id under which it came; None: an older link with an id of its own.
        """
        pending = self._context.pending.get(number)
        if pending is None and (sync := read_sync_number(number)) is not None:
            self._syncs.take(report, envelope, form, *sync)
        elif pending is not None and cid not in (None, pending.correlation_id):
            self._context.count(Event.STRAY, report.floodlight)  # for the command before this one
        elif envelope.kind == names.ACK:
            self._acknowledged(report, number, pending)
        else:
            self._answer(report, envelope, form, number, pending)

    def _acknowledged(self, report: Report, number: str, pending: Pending | None) -> None:
        context = self._context
        if pending is None or pending.floodlight != report.floodlight:
            context.count(Event.LATE, report.floodlight)
            return
        if pending.stage is Stage.SENT:
            self._liveness.took(report.floodlight, pending.due - context.rules.ack_timeout)
        self._requests.acknowledged(number, pending)

    def _answer(
        self, report: Report, envelope: Envelope, form: Form, number: str, pending: Pending | None
    ) -> None:
        """An answer, or a link of one, to a request of this shard."""
        context = self._context
        if pending is None:
            known = Event.LATE if number in context.blacklist else Event.STRAY
            context.count(known, report.floodlight)
            return
        if pending.floodlight != report.floodlight:
            context.count(Event.FOREIGN, report.floodlight)  # only the FL that was asked may answer
            return
        if not context.floodlights[report.floodlight].acks:
            self._liveness.took(report.floodlight, pending.due - context.rules.response_timeout)
        if form is Form.CHUNK:
            self._link(report, envelope, number, pending)
            return
        if pending.passes:  # nobody knows which answer of an FL is the last
            key = self._switch_of(report, envelope) or pending.correlation_id
            self._pass_on(report, envelope, number, pending, key)
            self._requests.passed_on(number, pending)
            return
        key = pending.correlation_id if pending.begun else pending.switch
        self._pass_on(report, envelope, number, pending, key)
        self._done(number, pending, report.data)

    def _done(self, number: str, pending: Pending, answer: bytes) -> None:
        """The final answer went out, unless the request has ended with an error already."""
        if pending.trace and number in self._context.pending:
            traces.end(self._context, pending)
        self._requests.done(number, answer)

    def _link(self, report: Report, envelope: Envelope, number: str, pending: Pending) -> None:
        """A link of a chain that answers a request: passed on, followed, not stored."""
        context = self._context
        try:
            link = link_of(envelope)
        except BadLink as error:
            context.dead_letter_of(report, str(error))
            return
        key = pending.correlation_id
        if isinstance(link, OldFormLink):
            # The first link has the request's own id. Without it, it was read before a kill.
            expected = report.number is None
            if pending.begun:
                expected = envelope.correlation_id == pending.next_id
            if not expected:
                context.count(Event.DUPLICATE_LINKS, report.floodlight)
                return
            whole = link.next_id is None
            pending.next_id = link.next_id
            at, total = pending.next_index, pending.next_index + 1 if whole else -1
            pending.next_index += 1
        else:
            if pending.total >= 0 and link.total != pending.total:
                why = f"a chain of {pending.total} has a link of a chain of {link.total}"
                context.dead_letter_of(report, why)
                return
            if has_come(pending, link):
                context.count(Event.DUPLICATE_LINKS, report.floodlight)
                return
            if len(pending.ahead) >= MAX_AHEAD and link.index != pending.next_index:
                reason = (
                    f"link {link.index} came while {MAX_AHEAD} wait for link {pending.next_index}"
                )
                context.dead_letter_of(report, reason)
                return
            whole = follow(pending, link)
            at, total = link.index, link.total
        passed = self._pass_on(report, envelope, number, pending, key, at, total)
        if whole or not passed:
            self._done(number, pending, report.data)
            return
        self._requests.came_in_part(number, pending)
        if pending.next_id is not None and isinstance(link, OldFormLink):
            self._links.expect(pending.next_id, report.floodlight, number, pending.due)

    def _pass_on(
        self,
        report: Report,
        envelope: Envelope,
        number: str,
        pending: Pending,
        key: str,
        link: int = 0,
        total: int = 0,
    ) -> bool:
        """Send an answer to its requester under the command's own id; of a part, its payload to the
        command's home. False: it is too large.

        Args:
            link: of a chain: which link it is; -1: the chain has none.
            total: of how many.
        """
        context = self._context
        value = report.data
        inner_id = envelope.correlation_id if not pending.is_part else None
        if inner_id is not None and context.suffixes.read(inner_id) is not None:
            value = with_correlation_id(
                value, pending.correlation_id, old=inner_id, message_id=envelope.message_id or ""
            )
        if len(value) > context.rules.max_message_bytes:
            self._too_large(report, number, pending, len(value), key)
            return False
        if pending.is_part:
            ok = envelope.form is not Form.ERROR
            whole = report.data if not envelope.root else payload_of(report.data)
            payload = whole if link >= 0 else b"[]"
            part = Part(ok, total, payload)
            self._requests.parts.answered(number, pending.gather, max(link, 0), part)
            context.count(Event.PART_ANSWERS, report.floodlight)
            return True
        answers = Answering(pending.correlation_id, pending.origin, draft=pending.draft)
        headers = report.headers
        if pending.trace:
            headers = traces.back(context, pending, headers)
        context.send(pending.reply_topic, key, value, headers, answers=answers)
        context.count(Event.ANSWERS, report.floodlight)
        return True

    def _too_large(
        self, report: Report, number: str, pending: Pending, size: int, key: str
    ) -> None:
        context = self._context
        limit = context.rules.max_message_bytes
        why = f"It has {size} bytes; at most {limit} are passed on. {HEAD_KEPT}"
        problem = Problem(ErrorType.INTERNAL_ERROR, "the answer is too large", why)
        if not pending.passes:
            self._requests.fail(number, *problem)
        else:
            topic, cid, origin = pending.reply_topic, pending.correlation_id, pending.origin
            context.answer_error(topic, cid, problem, origin=origin, key=key)
        reason = f"an answer of {size} bytes"
        context.dead_letter(report.origin, report.data, reason, report.headers, only_head=True)

    # -- events -------------------------------------------------------------------------------

    def _unasked(self, report: Report, envelope: Envelope, form: Form) -> None:
        """A record whose correlation id is none of ours."""
        context = self._context
        if form is Form.CHUNK:
            try:
                link = link_of(envelope)
            except BadLink as error:
                if self._known(report):
                    context.dead_letter_of(report, str(error))
                return
            if isinstance(link, OldFormLink) and envelope.correlation_id:
                if self._here(report, context.home(envelope.correlation_id)):
                    self._links.came(report, envelope.correlation_id)
                return
        switch = None if form in PLAIN_COMMANDS else self._switch_of(report, envelope)
        if switch is not None and not self._here(report, context.home(switch)):
            return
        if not self._known(report):
            return
        clazz = names.ERROR_DATA if form is Form.ERROR else envelope.kind
        event = context.catalog.event(clazz, report.floodlight, report.origin.topic)
        if form in PLAIN_COMMANDS and not event.written:
            context.dead_letter_of(report, "a command from an FL: only requesters send commands")
        elif envelope.kind == names.ACK:
            context.count(Event.STRAY, report.floodlight)
        elif switch is None or event.from_any:
            self._publish(report, event, envelope.correlation_id)
        elif self._is_news(report, envelope, switch):
            self._publish(report, event, switch)
        else:
            context.count(Event.NOT_ACTIVE, report.floodlight)

    def _switch_of(self, report: Report, envelope: Envelope) -> str | None:
        return switch_of(envelope, report.data, self._context.catalog.places)

    def _is_news(self, report: Report, envelope: Envelope, switch: str) -> bool:
        """Bring the map up to date; True if requesters are to see the event."""
        state = envelope.payload.state if envelope.payload is not None else None
        if envelope.kind == names.SWITCH_EVENT and isinstance(state, str):
            if state in CONNECTED:
                record = record_of(report.data)
                mode = CONNECTED[state]
                return self._switches.connected(switch, report.floodlight, mode, record)
            if state in LOST:
                return self._switches.lost(switch, report.floodlight, state)
        # A sync of another router also lists switches that the FL may only read.
        listed = mode_of(envelope) if envelope.kind == names.DUMP_SWITCH else None
        return self._switches.seen(switch, report.floodlight, listed or Mode.RW)

    def _publish(self, report: Report, event: EventKind, key: str | None) -> None:
        context = self._context
        if len(report.data) > context.rules.max_message_bytes:
            context.dead_letter_of(report, f"an event of {len(report.data)} bytes")
            return
        context.send(context.catalog.topic_of(event), key, report.data, report.headers)
        context.count(Event.EVENTS, report.floodlight)


def _under(original: str, report: Report, envelope: Envelope) -> tuple[Report, Envelope]:
    """What an FL wrote for a command whose answers are events, under the requester's own id."""
    old, message_id = envelope.correlation_id, envelope.message_id or ""
    data = with_correlation_id(report.data, original, old=old, message_id=message_id)
    envelope = replace(envelope, correlation_id=original)
    return replace(report, data=data, envelope=envelope), envelope


def _asked_under(envelope: Envelope) -> str | None:
    """The id under which the FL was asked for this, if it was asked."""
    dump_id = envelope.payload.dump_id if envelope.payload is not None else None
    if isinstance(dump_id, str) and envelope.kind == names.DUMP_SWITCH:
        return dump_id  # the correlation ids of such records are made up by the FL
    return envelope.correlation_id
