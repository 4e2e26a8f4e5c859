"""A switch that connects again while its old connection still looks alive."""

from __future__ import annotations

from flrouter.speaker.openflow.switches.wire import of
from tests.openflow.scripted import ScriptedSwitch, floodlight
from tests.speaker.stand_in import run


def test_the_new_connection_counts() -> None:
    """The old one is hung up on, and nobody is told that the switch is gone."""

    async def test() -> None:
        old, new = ScriptedSwitch(9), ScriptedSwitch(9)
        async with floodlight() as (one, written), old.connected(one.port):
            await old.until(lambda: one.connected and old.asked(of.OFPT_FLOW_MOD))
            (before,) = one.connected.values()
            async with new.connected(one.port):
                await old.hung_up()
                (after,) = one.connected.values()
                assert after is not before
                assert before.connection.closed.done()
                # An answer over it, when all that the end of the old one caused is done.
                assert len(await after.ask_ports()) == 2
                assert list(one.connected.values()) == [after]
                assert written.states() == ["ACTIVATED", "ACTIVATED"]

    run(test())
