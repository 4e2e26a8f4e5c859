"""Traces: a command's `traceparent` goes to its FL and back, and its end here is a span.

The span's id is made from where the command was first read. So a new owner of the shard goes on
with the same span, and only the requester's header has to be kept.
"""

from __future__ import annotations

from flrouter.core.state.context import Context
from flrouter.core.values.effects import Headers, Span
from flrouter.core.values.records import Gather, Pending
from flrouter.messages import headers as header
from flrouter.messages import trace
from flrouter.messages.errors import Problem


def begin(record: Pending, headers: Headers) -> None:
    """Keep the trace that a command's headers name."""
    parent = trace.found_in(headers)
    if parent and trace.read(parent) is not None:
        record.trace = parent


def onward(context: Context, origin: str, headers: Headers) -> Headers:
    """The headers for what is done for a command: within its span, if it has one."""
    parent = trace.found_in(headers)
    inner = _within(context, origin, parent) if parent else b""
    if not inner:
        return headers
    return (*(item for item in headers if item[0] != header.TRACE), (header.TRACE, inner))


def back(context: Context, record: Pending | Gather, headers: Headers = ()) -> Headers:
    """The headers of an answer (protocol.md, 3.3); a trace that the FL names itself goes first."""
    if trace.found_in(headers):
        return headers
    return (*headers, (header.TRACE, _within(context, record.origin, record.trace) or record.trace))


def end(context: Context, record: Pending | Gather, error: str = "") -> None:
    """A command's answer goes out; `error` is its type, if it is one."""
    parent = trace.read(record.trace)
    if not context.rules.traces or parent is None or not parent.sampled:
        return
    cid, origin, start = record.correlation_id, record.origin, record.received
    span = Span(parent, cid, origin, start, record.switch, record.floodlight, error)
    context.effects.spans.append(span)


def answer_error(
    context: Context, record: Pending | Gather, problem: Problem, key: str | None = None
) -> None:
    """Answer a request with an error, in its requester's form, and end its span.

    Args:
        key: of the record; None: the correlation id.
    """
    context.answer_error(
        record.reply_topic,
        record.correlation_id,
        problem,
        origin=record.origin,
        key=key,
        headers=back(context, record) if record.trace else (),
        draft=record.draft,
    )
    if record.trace:
        end(context, record, problem.kind.value)


def _within(context: Context, origin: str, value: bytes) -> bytes:
    """The header for what happens within a command's span; empty if it has none."""
    parent = trace.read(value) if context.rules.traces else None
    if parent is None or not parent.sampled:
        return b""
    return trace.continued(parent, trace.span_id(origin))
