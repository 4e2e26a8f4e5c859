"""The messages that the benchmark's clients send: as long as promised, and readable by flrouter."""

from __future__ import annotations

import pytest

from benchmarks import messages
from benchmarks.contenders import wire
from benchmarks.layout import Layout, from_environment
from flrouter.messages import names
from flrouter.messages.envelope import decode

ID = messages.correlation_id(7, 42)


@pytest.mark.parametrize("switch", [0, 999, 99_999])
def test_commands_have_300_bytes(switch: int) -> None:
    """For every switch."""
    data = ID.join(messages.command_around(switch))
    assert len(data) == 300
    assert messages.id_in(data) == ID
    envelope = decode(data)
    assert envelope.payload is not None
    assert envelope.payload.switch_id == messages.switch_id(switch)


def test_what_fls_say_is_what_flrouter_reads() -> None:
    """Acknowledgements, signs of life and sync chains, by their kinds."""
    assert decode(ID.join(messages.ack_around())).kind == names.ACK
    assert decode(ID.join(messages.alive_around("fl-0"))).kind == names.ALIVE_RESPONSE
    link = decode(messages.sync_link("some-id", 5, 0, 2))
    assert link.kind == names.DUMP_SWITCH
    assert (link.message_id, link.total_messages) == ("0 : some-id", 2)


def test_all_contenders_find_the_same_fl() -> None:
    """By the switch id's last byte, as the FLs that list the switch do."""
    layout = Layout("localhost:9092", "bench", floodlights=4)
    for switch in (0, 1, 255, 256, 1003):
        message = wire.decode(ID.join(messages.command_around(switch)))
        assert wire.floodlight_of(message, 4) == layout.floodlight_of(switch)
    assert wire.is_ack(wire.decode(ID.join(messages.ack_around())))


def test_a_layout_travels_through_the_environment() -> None:
    """As it was."""
    layout = Layout("localhost:9092", "bench", "tansu", 1, 2, 3)
    assert from_environment(layout.environment()) == layout
