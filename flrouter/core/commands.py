"""Commands: from the inbound topic to the FL that holds the switch."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from flrouter.core.gathers.gathers import Gathers
from flrouter.core.gathers.population import Populations
from flrouter.core.gathers.scatter import Scatters
from flrouter.core.requests import traces
from flrouter.core.requests.parts import part_number
from flrouter.core.requests.pending import Requests
from flrouter.core.requests.rejected import Rejected, envelope_of, invalid, too_large, unreadable
from flrouter.core.state.context import Context
from flrouter.core.state.rules import MAX_ID_BYTES
from flrouter.core.values.effects import Answering, size_of
from flrouter.core.values.events import Event
from flrouter.core.values.inputs import Command
from flrouter.core.values.peers import SyncWanted
from flrouter.core.values.records import Gather, Mode, Pending
from flrouter.core.values.request import Origin
from flrouter.messages import headers as header
from flrouter.messages.correlation import salvage
from flrouter.messages.envelope import COMMANDS, Envelope
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms.error_forms import draft
from flrouter.messages.kinds.catalog import CommandKind, Done, Scope
from flrouter.messages.kinds.switch_list import TooLarge, check_room
from flrouter.messages.switch_id import BadSwitchId


@dataclass(eq=False)
class Commands:
    """The rules for what comes from requesters (protocol.md, 4.2)."""

    _context: Context
    _requests: Requests
    _gathers: Gathers

    def __post_init__(self) -> None:
        self.scatters = Scatters(self._context, self._requests, self._gathers, self._route)
        self.populations = Populations(self._context, self._requests)

    def take(self, command: Command) -> None:
        """One record of an inbound topic (protocol.md, 3.4)."""
        context = self._context
        envelope = command.envelope
        if envelope is not None and envelope.form not in COMMANDS:
            context.dead_letter_of(command, f"no command: {envelope.clazz[:200]!r}")
            return
        try:
            self._place(command, self._usable(command))
        except Rejected as rejected:
            self._reject(command, rejected)

    def _usable(self, command: Command) -> Envelope:
        """The envelope of a command.

        Raises:
            Rejected: it cannot be read, or is too large.
        """
        context, envelope = self._context, command.envelope
        if envelope is None:
            raise unreadable(command.fault)
        size, limit = len(command.data) + size_of(command.headers), context.rules.max_message_bytes
        if size > limit:
            why = f"{size} bytes with its record headers; at most {limit} are taken."
            raise invalid("the command is too large", why)
        id_size = len((envelope.correlation_id or "").encode())
        if id_size > MAX_ID_BYTES:
            why = f"{id_size} bytes; at most {MAX_ID_BYTES} are taken."
            raise invalid("the correlation id is too long", why)
        if not envelope.kind:
            why = "A command is an object with a payload whose clazz says what to do."
            raise invalid("the command has no payload with a clazz", why)
        return envelope

    def _place(self, command: Command, envelope: Envelope) -> None:
        """Take a command to its home, and there to its FL."""
        context = self._context
        kind_name = envelope.kind
        kind = context.catalog.command(kind_name, command.origin.topic)
        if kind.scope is Scope.SWITCH:
            switch = self._switch(envelope, command.data)
            home = context.home(switch)
        else:
            switch = ""
            home = context.home(envelope.correlation_id or command.origin.number)
        if envelope.reply_to:
            self._check_reply(envelope.reply_to, command.reply_exists)
        if home != context.number:
            self._pass_on(home, command, kind, envelope)
            return
        number = command.origin.number
        cid = envelope.correlation_id or number
        if self._requests.has(number) or number in context.gathers:
            if self._requests.knows(number, cid) or self._gathers.knows(number, cid):
                if not self.scatters.copy(number, command):
                    context.count(Event.REDELIVERED)
                return
            self._requests.replace(number)
            self._gathers.replace(number)
        topic, origin = self._reply_topic(kind, envelope, command), str(command.origin)
        pending = Pending.single(cid, topic, switch, origin, context.now)
        pending.draft = draft(kind.error, command.data)
        pending.steps = context.steps(kind_name, command.data)
        if command.headers:
            traces.begin(pending, command.headers)
        if kind.scope is Scope.SWITCH:
            self._route(number, pending, command, kind.done)
        elif kind.scope is Scope.FLOODLIGHTS:
            self._to_every_floodlight(kind, number, pending, command, envelope)
        elif kind.scope is Scope.POPULATION:
            self._someone_up()
            self.populations.send(pending, command)
        else:
            self.scatters.send(kind, number, Gather.of(pending, kind_name), command)

    def _pass_on(self, home: int, command: Command, kind: CommandKind, envelope: Envelope) -> None:
        """Send a command to its home; if the broker refuses it, its requester gets an error."""
        origin = str(command.origin)
        cid = envelope.correlation_id or command.origin.number
        topic = self._reply_topic(kind, envelope, command)
        answers = Answering(cid, origin, topic, draft(kind.error, command.data))
        headers = ((header.ORIGIN, origin.encode()), *command.headers)
        self._context.pass_to(home, "command", command.data, headers, answers)

    def _switch(self, envelope: Envelope, data: bytes) -> str:
        try:
            return self._context.catalog.switch_of(envelope, data)
        except BadSwitchId as error:
            if error.given is None:
                places = self._context.catalog.places.told(envelope.kind)
                why = f"Commands of kind {envelope.kind[:200]} need one at {places}."
                raise invalid("the command names no switch", why) from error
            why = str(error)[:500]
            raise invalid("the switch id is not valid", why, ErrorType.DATA_INVALID) from error

    def _check_reply(self, topic: str, exists: bool) -> None:
        rules = self._context.rules
        if topic in rules.reserved_topics or rules.may_be_floodlights(topic):
            raise Rejected(
                ErrorType.PARAMETERS_INVALID,
                f"reply_to names {topic[:249]}, which is not for answers",
                "It is an inbound topic, an FL's or the router's own.",
            )
        if not exists:
            raise Rejected(
                ErrorType.PARAMETERS_INVALID,
                f"reply_to names {topic[:249]}, which does not exist",
                "Create the topic first; the router creates none for answers.",
            )

    def _reply_topic(self, kind: CommandKind, envelope: Envelope, command: Command) -> str:
        return envelope.reply_to or self._context.catalog.answer_topic(kind, command.origin.topic)

    # -- single switch ------------------------------------------------------------------------

    def _route(
        self, number: str, pending: Pending, command: Command, done: Done = Done.MESSAGE
    ) -> None:
        """Send a command to the active FL of its switch (protocol.md, 8.1).

        Args:
            done: what completes its answer; of a part, a message.
        """
        context = self._context
        assert command.envelope is not None
        switch = context.switches.get(pending.switch)
        holder = switch.holders.get(switch.active) if switch is not None else None
        if switch is None or holder is None or holder.mode is not Mode.RW:
            if self._cold():
                self._check_room(number, "")
                pending.due = pending.due or context.now + context.rules.sync_timeout
                pending.command, pending.headers = command.data, tuple(command.headers)
                self._requests.hold(number, pending)
                return
            raise Rejected(
                ErrorType.NOT_FOUND,
                f"no floodlight holds switch {pending.switch}",
                "It is not connected, or no floodlight that has it is its master.",
            )
        if not context.floodlights[switch.active].up:
            raise Rejected(
                ErrorType.NOT_FOUND,
                f"floodlight {switch.active} of switch {pending.switch} is not answering",
                "The command was not sent. Try again when the floodlight is back.",
            )
        self._check_room(number, switch.active)
        pending.floodlight = switch.active
        envelope, headers = command.envelope, command.headers
        self._requests.forward(number, pending, command.data, envelope, headers, done)

    def _check_room(self, number: str, floodlight: str) -> None:
        full = self._requests.full(floodlight)
        if full and number not in self._context.pending:
            advice = "The command was not sent. Send fewer at a time."
            raise Rejected(ErrorType.INTERNAL_ERROR, full, advice)

    def _cold(self) -> bool:
        """Whether some FL has not said yet which switches it holds."""
        floodlights = self._context.floodlights
        return not floodlights or any(
            state.known and state.up and not state.synced for state in floodlights.values()
        )

    def release(self, switch: str) -> None:
        """An FL holds `switch` now: send on the commands that waited for it (protocol.md, 6.5)."""
        for number, pending in self._requests.held(switch):
            self._decide_again(number, pending)

    def release_all(self) -> None:
        """A sync is over. After the last one, nothing is held any more (protocol.md, 6.5)."""
        if not self._cold():
            for number, pending in self._requests.held():
                self._decide_again(number, pending)

    def _decide_again(self, number: str, pending: Pending) -> None:
        origin, data = Origin.parse(pending.origin), pending.command
        try:
            # It could be read when it came, if perhaps not this deep in the stack.
            envelope = envelope_of(data)
            kind = self._context.catalog.command(envelope.kind, origin.topic)
            command = Command(origin, data, envelope, pending.headers)
            done = Done.MESSAGE if pending.is_part else kind.done
            self._route(number, pending, command, done)
        except Rejected as rejected:
            self._requests.fail(number, *rejected.problem)

    # -- every floodlight ---------------------------------------------------------------------

    def _to_every_floodlight(
        self, kind: CommandKind, number: str, pending: Pending, command: Command, envelope: Envelope
    ) -> None:
        context = self._context
        known = context.known_floodlights()
        if kind.done is Done.SYNC:
            if not known:
                raise Rejected(ErrorType.NOT_FOUND, "no floodlight is known")
            for floodlight in known:
                context.tell_home(floodlight, SyncWanted(floodlight, pending.correlation_id))
            return
        up = self._someone_up()
        try:
            size = len(known) * (len(command.data) + size_of(command.headers))
            check_room(len(known), size, context.rules.max_scattered_bytes)
        except TooLarge as error:
            raise too_large(str(error)) from error
        if kind.gathered:
            self.scatters.send_to_all(number, Gather.of(pending, envelope.kind), known, command)
            return
        parts = [part_number(number, at) for at in range(len(known))]
        if any(self._requests.knows(part, pending.correlation_id) for part in parts):
            context.count(Event.REDELIVERED)
            return
        for part, floodlight in zip(parts, known, strict=True):
            if floodlight in up:
                self._requests.replace(part)
                cid, topic = pending.correlation_id, pending.reply_topic
                copy = Pending.copy(floodlight, cid, topic, pending.origin, pending.received)
                copy.steps = context.steps(envelope.kind, command.data)
                self._requests.forward(part, copy, command.data, envelope, command.headers)

    def _someone_up(self) -> list[str]:
        """The FLs that answer; raises `Rejected` when there are none."""
        context = self._context
        up = [name for name in context.known_floodlights() if context.floodlights[name].up]
        if not up:
            raise Rejected(ErrorType.NOT_FOUND, "no floodlight is answering")
        return up

    def fail(self, command: Command, message: str) -> None:
        """End a command that could not be handled, by a bug of ours (protocol.md, 4.2)."""
        why = "It is kept as a dead letter."
        self._reject(command, invalid(message, why, ErrorType.INTERNAL_ERROR))

    # -- ends ---------------------------------------------------------------------------------

    def _reject(self, command: Command, rejected: Rejected) -> None:
        context, envelope = self._context, command.envelope
        kind_name = envelope.kind if envelope is not None else ""
        kind = context.catalog.command(kind_name, command.origin.topic)
        topic = context.catalog.answer_topic(kind, command.origin.topic)
        key: str | None = None
        if envelope is None:
            correlation_id = salvage(command.data, "correlation_id")
            wanted = salvage(command.data, "reply_to")
        else:
            correlation_id, wanted = envelope.correlation_id, envelope.reply_to
            if kind.scope is Scope.SWITCH:
                with suppress(Rejected):
                    key = self._switch(envelope, command.data)
        correlation_id = correlation_id or command.origin.number
        if wanted:
            with suppress(Rejected):  # it may name a topic that takes no answers
                self._check_reply(wanted, command.reply_exists)
                topic = wanted
        origin, problem = str(command.origin), rejected.problem
        pending = Pending.single(correlation_id, topic, key or "", origin, context.now)
        pending.draft = draft(kind.error, command.data)
        pending.steps = context.steps(kind_name, command.data)
        if command.headers:
            traces.begin(pending, command.headers)
        traces.answer_error(context, pending, problem, key)
        context.end(command.origin.number, pending, str(problem))
        if rejected.keep:
            context.dead_letter_of(command, f"{problem}. {problem.description}")
