"""Scatter: a command for many switches or FLs becomes parts, and parts become requests."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from flrouter.core.gathers.gathers import Gathers, packed
from flrouter.core.requests.parts import part_number
from flrouter.core.requests.pending import Requests
from flrouter.core.requests.rejected import Rejected, envelope_of, invalid, too_large
from flrouter.core.state.context import Context
from flrouter.core.values.effects import size_of
from flrouter.core.values.events import Event
from flrouter.core.values.inputs import Command
from flrouter.core.values.peers import Scatter
from flrouter.core.values.records import Gather, Pending
from flrouter.core.values.request import Origin
from flrouter.messages import headers as header
from flrouter.messages.assembly import payload_of
from flrouter.messages.errors import ErrorType, Problem
from flrouter.messages.kinds import switch_list
from flrouter.messages.kinds.catalog import CommandKind


@dataclass(eq=False)
class Scatters:
    """The commands whose home this shard is, and the parts whose switches are at home here."""

    _context: Context
    _requests: Requests
    _gathers: Gathers
    #: sends a single-switch command to its FL, or raises `Rejected`.
    _route: Callable[[str, Pending, Command], None]

    def send(self, kind: CommandKind, number: str, gather: Gather, command: Command) -> None:
        """In the command's home: send each switch's home its parts (protocol.md, 5.2).

        Raises:
            Rejected: it lists no switches, or too many.
        """
        context, rules = self._context, self._context.rules
        frame = switch_list.frame_of(command.data, gather.correlation_id)
        around = len(frame) + size_of(command.headers)
        try:
            listed = switch_list.read(
                payload_of(command.data),
                kind,
                context.catalog,
                rules.most_parts,
                around,
                rules.max_scattered_bytes,
            )
        except switch_list.TooLarge as error:
            raise too_large(str(error)) from error
        except switch_list.BadList as error:
            message = "the command lists no switches that it can be sent to"
            raise invalid(message, str(error)[:500]) from error
        gather.switches = packed(listed)
        self._gathers.begin(number, gather)
        self._gathers.scatter(number, gather, frame, command.headers, listed)
        faults = [item.fault for item in listed if item.fault]
        if faults:
            invalid_items = f"{len(faults)} of {len(listed)} items are not valid"
            context.dead_letter_of(command, f"DATA_INVALID: {invalid_items}. {faults[0]}")

    def send_to_all(
        self, number: str, gather: Gather, floodlights: Collection[str], command: Command
    ) -> None:
        """In the command's home: a copy for each FL; in outage it fails at once (protocol.md, 5.1).

        The copies go out when the command comes back here, for by then the list of FLs is durable.
        After a kill in between, the command goes to the same FLs under the same numbers.
        """
        gather.floodlights = list(floodlights)
        self._gathers.begin(number, gather)
        self._context.effects.checkpoint = True
        for index, floodlight in enumerate(floodlights):
            if not self._context.floodlights[floodlight].up:
                self._fail(number, gather, index)
        headers = ((header.ORIGIN, gather.origin.encode()), *command.headers)
        self._context.pass_to(self._context.number, "command", command.data, headers)

    def copy(self, number: str, command: Command) -> bool:
        """Send the copies that are not on their way. False: this is no command for every FL, or it
        is answered.
        """
        gather = self._gathers.waiting(number)
        if gather is None or not gather.floodlights:
            return False
        context, requests = self._context, self._requests
        for index in self._gathers.missing(number):
            floodlight, part = gather.floodlights[index], part_number(number, index)
            if requests.knows(part, gather.correlation_id):
                requests.failed_before(part, context.number)
                continue
            state = context.floodlights.get(floodlight)
            if state is None or not state.up:
                self._fail(number, gather, index)
                continue
            pending = self._copy(gather, floodlight)
            pending.steps = context.steps(gather.kind, command.data)
            requests.forward(part, pending, command.data, command.envelope, command.headers)
        return True

    def take(self, note: Scatter) -> None:
        """In the switches' home: each part becomes a single-switch command (protocol.md, 5.2)."""
        origin = Origin.parse(note.origin)
        for index, switch, payload in note.parts:
            number = part_number(origin.number, index)
            if self._requests.knows(number, note.correlation_id):
                self._context.count(Event.REDELIVERED)
                self._requests.failed_before(number, note.gather)
                continue
            self._requests.replace(number, note.gather)
            cid, place = note.correlation_id, note.origin
            pending = Pending.part(note.gather, cid, place, self._context.now, switch)
            command = Command(origin, note.frame + payload + b"}", None, note.headers)
            try:
                self._begin(number, pending, command)
            except Rejected as rejected:
                self._context.end(number, pending, str(rejected.problem))
                self._requests.parts.failed(number, note.gather, rejected.problem)

    def _begin(self, number: str, pending: Pending, command: Command) -> None:
        data, limit = command.data, self._context.rules.max_message_bytes
        if len(data) > limit:
            why = f"{len(data)} bytes; at most {limit} are taken."
            raise invalid("the command is too large", why)
        envelope = command.envelope = envelope_of(data)
        pending.steps = self._context.steps(envelope.kind, data)
        self._route(number, pending, command)

    def _copy(self, gather: Gather, floodlight: str) -> Pending:
        cid, place = gather.correlation_id, gather.origin
        pending = Pending.part(self._context.number, cid, place, gather.received)
        pending.floodlight = floodlight
        return pending

    def _fail(self, number: str, gather: Gather, index: int) -> None:
        """A copy's FL does not answer."""
        floodlight = gather.floodlights[index]
        message = f"floodlight {floodlight} is not answering"
        problem = Problem(ErrorType.NOT_FOUND, message, "The command was not sent.")
        part = part_number(number, index)
        self._context.end(part, self._copy(gather, floodlight), str(problem))
        self._gathers.fail(number, index, problem)
