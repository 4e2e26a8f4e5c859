"""An FL of a profile with several topics: it reads all of them, and says all in one."""

from __future__ import annotations

import pytest

from flrouter.speaker.simulated import FloodlightOptions, SimulatedFloodlight, numbered

from .stand_in import PARTITIONS, around, command, options, run, switch

VERSION = "kafka.message.version.header"


@pytest.mark.broker
def test_commands_of_every_topic_are_answered_in_one(broker_url: str) -> None:
    """With the profile's header, in its command's partition, and without an acknowledgement."""

    async def test() -> None:
        told = options(broker_url, profile="openkilda", headers={VERSION: "v7"})
        floodlight = SimulatedFloodlight(FloodlightOptions(speaker=told, switches=numbered(1)))
        assert len(told.reads) == 6
        async with around(floodlight) as router:
            for at, topic in enumerate(told.reads):
                partition = at % PARTITIONS
                await router.send(command(topic, switch(1)), partition, topic=topic)
                [answer] = await router.answered(topic)
                assert answer.kind == "InstallTransitFlow"
                assert answer.partition == partition
            alive = await router.alive()
            for seen in (*router.seen, alive):
                assert seen.headers == {VERSION: b"v7"}

    run(test())
