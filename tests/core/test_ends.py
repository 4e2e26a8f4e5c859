"""What is told of requests that have ended: each once, with its FL or its error."""

from __future__ import annotations

import pytest

from .floodlight import ONLY_ACK, Doing
from .gathered import O, ask, holding
from .world import World

SWITCH = "00:00:00:00:00:00:00:01"


@pytest.fixture
def world() -> World:
    """An FL that holds a switch."""
    world = World("fl-1")
    world.floodlights["fl-1"].switches[SWITCH] = "ACTIVATED"
    world.run()
    return world


def test_an_answer(world: World) -> None:
    """By whom, and when."""
    world.floodlights["fl-1"].usual = Doing(answer_after=500)
    asked = world.now
    world.ask(SWITCH, "op")
    world.run()
    assert not world.ends
    world.pass_time(600)
    [end] = world.ends
    assert (end.correlation_id, end.switch, end.floodlight) == ("op", SWITCH, "fl-1")
    assert (end.error, end.reply_topic) == ("", "kilda.flow")
    assert asked <= end.received < end.ended
    assert end.ended - end.received >= 500


def test_an_error(world: World) -> None:
    """With its type, and the FL that was waited for."""
    world.floodlights["fl-1"].usual = ONLY_ACK
    world.ask(SWITCH, "op")
    world.pass_time(10_000)
    [end] = world.ends
    assert end.floodlight == "fl-1"
    assert end.error.startswith("OPERATION_TIMED_OUT: ")


def test_a_command_that_goes_nowhere(world: World) -> None:
    """Nobody had it; and only so much is kept of what a requester wrote."""
    world.ask("00:00:00:00:00:00:00:77", "x" * 4_000)
    world.run()
    [end] = world.ends
    assert end.floodlight == ""
    assert end.error.startswith("NOT_FOUND: no floodlight holds switch")
    assert len(end.correlation_id) < 1_000


def test_a_part_that_goes_nowhere(world: World) -> None:
    """It ends too, beside the command that it is a part of."""
    nowhere = "00:00:00:00:00:00:00:77"
    ask(world, [SWITCH, nowhere])
    world.run()
    by_switch = {end.switch: end for end in world.ends}
    assert set(by_switch) == {"", SWITCH, nowhere}
    command, refused = by_switch[""], by_switch[nowhere]
    assert refused.error.startswith("NOT_FOUND: no floodlight holds switch")
    assert refused.number == f"{command.number}.1"


def test_a_copy_for_an_fl_that_is_not_answering() -> None:
    """It ends too, beside the command and its other copies."""
    world = holding("fl-1", "fl-2")
    world.floodlights["fl-2"].alive = False
    world.pass_time(20_000)
    world.ask(None, "op", clazz=f"{O}.command.switches.ConnectModeRequest")
    world.run()
    errors = {end.floodlight: end.error for end in world.ends}
    assert set(errors) == {"", "fl-1", "fl-2"}
    assert errors["fl-2"].startswith("NOT_FOUND: floodlight fl-2 is not answering")
    assert not errors["fl-1"]
