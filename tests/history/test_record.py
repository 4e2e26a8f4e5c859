"""Records of the history: what they say survives the topic, and ids are the same each time."""

from __future__ import annotations

import msgspec
import pytest

from flrouter.core.values.effects import Happening
from flrouter.history import record
from flrouter.history.record import FORMAT, Unreadable
from tests.history.batches import MIDNIGHT, batch, end


def test_a_request_comes_through_the_topic() -> None:
    """Every step, how it ended, and which trace."""
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    written = batch(
        end(
            MIDNIGHT + 500,
            error="NOT_FOUND: no floodlight holds switch 1",
            kind="InstallFlow",
            sent=MIDNIGHT + 1,
            acked=MIDNIGHT + 2,
            trace=trace,
            command=b"{",
        )
    )
    (request,) = record.ended(*record.decode(record.encode([written])))
    assert (request.error, request.message) == ("NOT_FOUND", "no floodlight holds switch 1")
    assert request.kind == "InstallFlow"
    assert (request.received, request.sent, request.acked) == (
        MIDNIGHT + 490,
        MIDNIGHT + 1,
        MIDNIGHT + 2,
    )
    assert (request.answered, request.delivered) == (MIDNIGHT + 500, MIDNIGHT + 502)
    assert request.trace == "0af7651916cd43dd8448eb211c80319c"
    assert (request.part, request.command, request.worker) == (-1, "{", "http://worker-1:6066")


def test_a_part_knows_its_index() -> None:
    """Its number is its command's, a dot and the index."""
    (part,) = record.ended(batch(end(number="c0ffee00.1.7.41")))
    (command,) = record.ended(batch(end(number="c0ffee00.1.7", parts=50)))
    assert (part.part, part.parts) == (41, 0)
    assert (command.part, command.parts) == (-1, 50)


def test_ids_are_in_the_order_of_time_and_differ() -> None:
    """More than a millisecond has numbers for run on into the next one."""
    count = (1 << record.SEQUENCE_BITS) + 5
    times = [MIDNIGHT] * count + [MIDNIGHT + 1, MIDNIGHT + 9]
    identities = list(record.ids(0, 3, times))
    assert len(set(identities)) == len(times)
    assert identities == sorted(identities)
    assert record.time_of(identities[0]) == MIDNIGHT
    assert record.time_of(identities[-1]) == MIDNIGHT + 9
    more = list(record.ids(identities[-1] >> record.SOURCE_BITS, 3, [MIDNIGHT + 9]))
    assert more[0] > identities[-1]
    assert max(identities) < 1 << 63


def test_sources_have_ids_of_their_own() -> None:
    """Two shards may end requests in the same millisecond."""
    one, other = (next(record.ids(0, source, [MIDNIGHT])) for source in (0, 1))
    assert one != other


def test_a_record_of_a_later_release_is_left_alone() -> None:
    """And what was added to this format at its end does not matter."""
    said = msgspec.msgpack.decode(record.encode(batch(end())))
    longer = msgspec.msgpack.encode([[*said, "new"]])
    [read] = record.decode(longer)
    assert len(read.ends) == 1
    with pytest.raises(Unreadable, match="later release"):
        record.decode(msgspec.msgpack.encode([[FORMAT + 1, *said[1:]]]))


@pytest.mark.parametrize("value", [b"", b"{}", b"\x93\x01\x02", msgspec.msgpack.encode("text")])
def test_what_is_no_record_is_said_to_be_none(value: bytes) -> None:
    """The topic is anybody's who may write to it."""
    with pytest.raises(Unreadable, match="not a record"):
        record.decode(value)


def test_events_come_through_the_topic() -> None:
    """With who ordered them."""
    order = Happening(MIDNIGHT, "order", "fl-1", text="drain", who="ann", source="10.0.0.1")
    (event,) = record.happened(*record.decode(record.encode([batch(events=[order])])))
    assert (event.kind, event.floodlight, event.who) == ("order", "fl-1", "ann")
    assert event.at == MIDNIGHT
