"""Traces: a command's `traceparent` goes to its FL and back, and its end is told once."""

from __future__ import annotations

import pytest

from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.messages.trace import continued, read, span_id

from .floodlight import ONLY_ACK
from .gathered import MANY, SWITCHES, holding
from .world import FLOW, INBOUND, Record, World

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{PARENT}-01".encode()
UNSAMPLED = f"00-{TRACE}-{PARENT}-00".encode()


def ask(world: World, trace: bytes = SAMPLED, clazz: str = FLOW, **payload: object) -> Record:
    """Send a command of a trace, and let all happen."""
    data = build.message(names.COMMAND, {"clazz": clazz, **payload}, "op", world.now)
    sent = world.write(INBOUND, None, data, headers=[("mine", b"x"), ("traceparent", trace)])
    world.run()
    return sent


def forwarded(world: World) -> list[bytes]:
    """The trace context of each command that the FLs were sent."""
    return [
        dict(record.headers)["traceparent"] or b""
        for (topic, _), log in world.logs.items()
        if topic.endswith(".read")
        for record in log
        if dict(record.headers).get("mine") == b"x"
    ]


def within(sent: Record) -> bytes:
    """The header of what is done within the command's own span."""
    trace = read(SAMPLED)
    assert trace is not None
    return continued(trace, span_id(f"{sent.topic}/{sent.partition}/{sent.offset}"))


@pytest.mark.parametrize("trace", [SAMPLED, UNSAMPLED])
def test_without_traces_the_header_is_carried_and_nothing_told(trace: bytes) -> None:
    """To the FL, and back though the FL does not send it."""
    world = holding("fl-1")
    ask(world, trace, switch_id=SWITCHES[0])
    assert forwarded(world) == [trace]
    assert world.out[-1].header["traceparent"] == trace.decode()
    assert world.spans == []


def test_a_sampled_command_is_a_span_between_its_requesters_and_its_floodlights() -> None:
    """The FL's parent is the router's span, whose parent is the requester's."""
    world = holding("fl-1", traces=True)
    sent = ask(world, switch_id=SWITCHES[0])
    assert forwarded(world) == [within(sent)]
    assert world.out[-1].header["traceparent"] == within(sent).decode()
    [span] = world.spans
    assert (span.trace.trace_id, span.trace.parent_id) == (TRACE, PARENT)
    assert (span.correlation_id, span.switch, span.floodlight) == ("op", SWITCHES[0], "fl-1")
    assert (span.error, span.origin) == ("", f"{sent.topic}/{sent.partition}/{sent.offset}")


def test_a_trace_that_is_not_sampled_makes_no_span() -> None:
    """Its context is carried all the same."""
    world = holding("fl-1", traces=True)
    ask(world, UNSAMPLED, switch_id=SWITCHES[0])
    assert forwarded(world) == [UNSAMPLED]
    assert world.spans == []


@pytest.mark.parametrize(
    "header",
    [b"", b"nonsense", SAMPLED[:-1], b"ff" + SAMPLED[2:], b"00-" + b"0" * 32 + SAMPLED[35:]],
)
def test_what_is_no_trace_context_changes_nothing(header: bytes) -> None:
    """It goes to the FL as any other header, and not back."""
    world = holding("fl-1", traces=True)
    ask(world, header, switch_id=SWITCHES[0])
    assert forwarded(world) == [header]
    assert "traceparent" not in world.out[-1].header
    assert world.spans == []


def test_an_error_of_the_router_is_the_end_of_a_span_too() -> None:
    """At once, or when time is over; once each."""
    world = holding("fl-1", traces=True)
    ask(world, switch_id="00:00:00:00:00:00:00:99")
    assert world.out[-1].header["traceparent"]
    world.floodlights["fl-1"].usual = ONLY_ACK
    ask(world, switch_id=SWITCHES[0])
    world.pass_time(10_000)
    assert [span.error for span in world.spans] == ["NOT_FOUND", "OPERATION_TIMED_OUT"]


def test_a_command_for_several_switches_is_one_span_above_its_parts() -> None:
    """Each part's FL is told the command's span, and the one answer ends it."""
    world = holding("fl-1", "fl-2", traces=True)
    sent = ask(world, clazz=MANY, switch_ids=SWITCHES[:4], command={"clazz": FLOW})
    assert forwarded(world) == [within(sent)] * 4
    [span] = world.spans
    assert (span.correlation_id, span.floodlight, span.error) == ("op", "", "")
    assert world.out[-1].header["traceparent"] == within(sent).decode()


def test_whoever_takes_the_shard_over_ends_the_span() -> None:
    """Nothing of it is lost with a worker: all is in the changelog."""
    world = holding("fl-1", traces=True)
    world.floodlights["fl-1"].usual = ONLY_ACK
    began = world.now
    ask(world, switch_id=SWITCHES[0])
    for shard in range(3):
        world.restart(shard)
    world.pass_time(10_000)
    [span] = world.spans
    assert (span.start, span.error) == (began, "OPERATION_TIMED_OUT")
