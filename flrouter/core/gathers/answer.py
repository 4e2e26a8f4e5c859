"""The one answer to a command whose parts have all come to an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from flrouter.core.requests import traces
from flrouter.core.state.context import Context
from flrouter.core.values.dead_letters import HEAD_KEPT
from flrouter.core.values.effects import Answering, Headers
from flrouter.core.values.events import Event
from flrouter.core.values.records import Gather, Part
from flrouter.core.values.request import Origin, topic_of
from flrouter.messages import headers as header
from flrouter.messages import names
from flrouter.messages.assembly import Entry, list_results
from flrouter.messages.chains import MAX_LINKS
from flrouter.messages.errors import ErrorType, Problem
from flrouter.messages.forms import build
from flrouter.messages.kinds.catalog import CommandKind
from flrouter.messages.members import decode, members

#: room for what an assembler writes around a payload.
ENVELOPE_BYTES = 1_000
#: failed parts that an error names.
MAX_TOLD_ERRORS = 5


class _Error(msgspec.Struct):
    """What is told of a failed part."""

    type: str = msgspec.field(name="error-type", default="INTERNAL_ERROR")
    message: str = msgspec.field(name="error-message", default="")


_decoder = msgspec.json.Decoder(_Error)


class Answer:
    """Puts answers together, and sends them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def send(self, gather: Gather, targets: Sequence[str], parts: Sequence[list[Part]]) -> str:
        """Answer a command (protocol.md, 5.3); returns the error that was sent, or an empty text.

        Args:
            targets: whom its parts went to, in request order.
            parts: what came back for each of them.
        """
        context = self._context
        kind = context.catalog.command(gather.kind, topic_of(gather.origin))
        link = build.chunk(None, gather.correlation_id, MAX_LINKS, MAX_LINKS, context.now)
        room = context.rules.max_message_bytes - len(link)
        field = "floodlight" if gather.floodlights else "switch_id"
        entries = [
            self._entry(gather, field, target, part, room)
            for target, part in zip(targets, parts, strict=True)
        ]
        succeeded = sum(entry.ok for entry in entries)
        if succeeded < kind.enough(len(entries)):
            return self.error(gather, _too_few(entries, succeeded))
        try:
            payloads = self._assemble(kind, entries, room)
        except Exception as error:  # noqa: BLE001 - another's code must not lose an answer
            context.note(f"the assembler {kind.assemble} failed: {error!r}")
            message = f"the answer was not assembled: {error!r}"[:500]
            problem = Problem(ErrorType.INTERNAL_ERROR, message, f"By {kind.assemble}.")
            return self.error(gather, problem)
        answers = Answering(gather.correlation_id, gather.origin, draft=gather.draft)
        headers: Headers = ((header.REQUEST, gather.origin.encode()),)
        if gather.trace:
            headers = traces.back(context, gather, headers)
            traces.end(context, gather)
        for index, payload in enumerate(map(msgspec.Raw, payloads)):
            cid, now = gather.correlation_id, context.now
            if len(payloads) == 1:
                value = build.message(names.INFO, payload, cid, now)
            else:
                value = build.chunk(payload, cid, index, len(payloads), now)
            context.send(gather.reply_topic, cid, value, headers, answers=answers)
        context.count(Event.GATHERED)
        return ""

    def _assemble(self, kind: CommandKind, entries: list[Entry], room: int) -> Sequence[bytes]:
        assembler = self._context.catalog.assembler(kind)
        payloads = assembler(entries, room)
        if not payloads:
            raise ValueError("it gave no payload")
        for payload in payloads:
            if len(payload) > room:
                raise ValueError(f"a payload has {len(payload)} bytes; there is room for {room}")
            if assembler is not list_results:
                members(payload)  # raises unless it is an object
        return payloads

    def _entry(
        self, gather: Gather, field: str, target: str, parts: list[Part], room: int
    ) -> Entry:
        first = parts[0]
        payload = first.payload
        if first.total:  # a chain: the list of its links' payloads
            payload = b"[%b]" % b",".join(part.payload for part in parts)
        if len(payload) + ENVELOPE_BYTES <= room:
            return Entry(field, first.given or target, first.ok, payload)
        context = self._context
        reason = f"an answer of {len(payload)} bytes to a part of {gather.origin}, of {target}"
        context.dead_letter(Origin.parse(gather.origin), payload, reason, only_head=True)
        problem = Problem(
            ErrorType.INTERNAL_ERROR,
            "the answer is too large",
            f"It has {len(payload)} bytes, and must go in one message. {HEAD_KEPT}",
        )
        return Entry(field, target, False, problem.payload)

    def error(self, gather: Gather, problem: Problem) -> str:
        """Answer a command with an error; returns the error's text."""
        traces.answer_error(self._context, gather, problem)
        return str(problem)


def _too_few(entries: list[Entry], succeeded: int) -> Problem:
    """An error of the commonest type, which names the first parts that failed."""
    errors = [(entry.target, _read(entry.payload)) for entry in entries if not entry.ok]
    [(commonest, _)] = Counter(error.type for _, error in errors).most_common(1) or [("", 0)]
    kind = ErrorType.__members__.get(commonest, ErrorType.INTERNAL_ERROR)
    told = [
        f"{target}: {error.type}, {error.message}"[:200]
        for target, error in errors[:MAX_TOLD_ERRORS]
    ]
    more = f"; and {len(errors) - MAX_TOLD_ERRORS} more" if len(errors) > MAX_TOLD_ERRORS else ""
    message = f"{len(errors)} of {len(entries)} failed"
    if succeeded:
        message += f", {succeeded} succeeded, which is too few"
    return Problem(kind, message, "; ".join(told) + more)


def _read(payload: bytes) -> _Error:
    try:
        return decode(_decoder, payload)
    except msgspec.MsgspecError:
        return _Error()
