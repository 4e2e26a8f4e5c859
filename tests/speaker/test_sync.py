"""Sync: one chain that lists all switches as they were at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from flrouter.messages import chains, envelope
from flrouter.messages.forms import build
from flrouter.messages.kinds import places
from flrouter.speaker import Command, PortState, Speaker, SwitchRecord, sync
from flrouter.speaker.simulated import FloodlightOptions, SimulatedFloodlight, numbered

from .stand_in import Recorder, Router, around, options, run, switch

pytestmark = pytest.mark.broker


class Changing(SimulatedFloodlight):
    """An FL whose network changes as soon as a snapshot of it was taken."""

    changes: list[asyncio.Future[bool]]

    def switches(self) -> Iterable[SwitchRecord]:
        """The snapshot; the changes come while the chain is being written."""
        found = super().switches()
        self.changes = []
        asyncio.get_running_loop().call_soon(self._change)
        return found

    def _change(self) -> None:
        self.changes += [
            self.disconnect(switch(3)),
            self.set_port(switch(1500), 1, PortState.DOWN),
            self.connect(switch(9999)),
        ]


def test_a_sync_of_many_switches_is_a_snapshot_while_events_go_on(broker_url: str) -> None:
    """The chain shows none of the changes that came while it was written; the events do."""

    async def test() -> None:
        speaker = Changing(
            FloodlightOptions(speaker=options(broker_url), switches=numbered(2000), ports=3)
        )
        async with around(speaker) as router:
            cid = await router.sync(partition=2)
            links = await router.chain(cid, 2000)
            assert len(links) == 2000
            assert {link.partition for link in links} == {2}
            read = [envelope.decode(link.value) for link in links]
            assert [chains.link_of(each) for each in read] == [
                chains.Link(index, 2000) for index in range(2000)
            ]
            assert [
                places.switch_of(each, link.value) for each, link in zip(read, links, strict=True)
            ] == list(numbered(2000))
            for link in links:
                assert link.payload["switch_record"]["ports"] == [
                    {"number": number, "state": "UP"} for number in (1, 2, 3)
                ]
            assert await asyncio.gather(*speaker.changes) == [True] * 3
            await router.wait(lambda: len(router.events()) == 2002, "the events")
            latest = {each.payload["switch_id"]: each for each in router.events()}
            assert latest[switch(3)].payload["state"] == "DEACTIVATED"
            assert latest[switch(9999)].payload["state"] == "ACTIVATED"
            [port] = router.events("PortInfoData")
            assert port.payload["state"] == "DOWN"
            after = await router.chain(await router.sync(), 2000)
            found = [each.payload["switch_record"]["datapath"] for each in after]
            assert found == [*numbered(2), *numbered(1997, 4), switch(9999)]

    run(test())


def test_a_long_chain_leaves_others_their_turn() -> None:
    """It is written a slice at a time, so acks and alive responses need not wait for its end."""

    async def test() -> None:
        data = build.sync_request("sync", 0)
        request = Command(envelope.decode(data), data, 0, 0)
        snapshot = [SwitchRecord(datapath=each) for each in numbered(3000)]
        writing = asyncio.create_task(sync.listing(request, snapshot, "region", 0))
        turns = 0
        while not writing.done():
            await asyncio.sleep(0)
            turns += 1
        assert len(await writing) == 3000
        assert turns >= 6

    run(test())


def test_an_fl_without_switches_sends_an_empty_chain(broker_url: str) -> None:
    """It is explicit and complete: an ack, and one link of none."""

    async def test() -> None:
        async with around(Speaker(options(broker_url), Recorder())) as router:
            ack, link = await router.answered(await router.sync())
            assert ack.kind == "FlReceiveAck"
            assert link.message["total_messages"] == 0
            assert link.payload is None
            assert link.message["clazz"].endswith(".ChunkedInfoMessage")

    run(test())


def test_a_repeated_sync_request_gets_the_same_chain(broker_url: str) -> None:
    """Links of two snapshots under one correlation id could not be put together."""

    async def test() -> None:
        speaker = SimulatedFloodlight(
            FloodlightOptions(speaker=options(broker_url), switches=numbered(3))
        )
        async with around(speaker) as router:
            cid = await router.sync()
            await router.chain(cid, 3)
            await speaker.disconnect(switch(1))
            await again(router, cid)
            links = await router.chain(cid, 6)
            assert [link.value for link in links[:3]] == [link.value for link in links[3:]]

    run(test())


async def again(router: Router, cid: str) -> None:
    """Send the SyncRequest `cid` once more."""
    await router.send(build.sync_request(cid, 0))
