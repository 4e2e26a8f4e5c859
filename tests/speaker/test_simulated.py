"""The simulated FL: its answers, its switches, and each of its faults."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiokafka import TopicPartition

from flrouter.messages import chains, envelope
from flrouter.messages.switch_id import BadSwitchId
from flrouter.speaker import PortState
from flrouter.speaker.simulated import (
    BadFault,
    BadLatency,
    Faults,
    FloodlightOptions,
    Latency,
    Mode,
    SimulatedFloodlight,
    UnknownSwitch,
    numbered,
)

from .stand_in import SAMPLES, Router, around, options, run, switch, when

broker = pytest.mark.broker


def floodlight(url: str, count: int = 3, **more: Any) -> SimulatedFloodlight:
    """An FL with the switches 1, 2, …"""
    return SimulatedFloodlight(
        FloodlightOptions(speaker=options(url), switches=numbered(count), **more)
    )


# -- what it answers


@broker
@pytest.mark.parametrize(
    ("sample", "kinds"),
    [
        ("01-install-ingress-none-flow.json", ["InstallIngressFlow"]),
        ("05-install-egress-none-flow.json", ["InstallEgressFlow"]),
        ("09-install-transit-flow.json", ["InstallTransitFlow"]),
        ("14-default-flows-command.json", ["DefaultFlowsCommandData"]),
        ("32-dump-rules-with-reply-to.json", ["SwitchFlowEntries"]),
        ("33-remove-flow.json", ["RemoveFlow"]),
        ("34-batch-install.json", ["BatchInstallRequest"]),
        ("D04-network-command-v2018.json", ["NetworkDumpSwitchData"] * 9),
        ("D15-ports-command-broadcast.json", ["SwitchPortStatusData"] * 9),
    ],
)
def test_every_sample_command_is_acked_and_answered(
    broker_url: str, sample: str, kinds: list[str]
) -> None:
    """Each gets an answer of its form (protocol.md, 2.2), under the correlation id of its ack."""

    async def test() -> None:
        async with around(floodlight(broker_url, count=9)) as router:
            await router.send((SAMPLES / sample).read_bytes(), partition=1)
            cid = (await router.first(partition=1)).cid
            told = await router.wait(
                lambda: router.about(cid) if len(router.about(cid)) > len(kinds) else [],
                "ack and answer",
            )
            assert [each.kind for each in told] == ["FlReceiveAck", *kinds]

    run(test())


@broker
def test_the_sample_alive_request_is_answered(broker_url: str) -> None:
    """With the region and the count of failed writes, and no ack."""

    async def test() -> None:
        async with around(floodlight(broker_url)) as router:
            await router.send((SAMPLES / "D01-alive-request.json").read_bytes())
            [answer] = await router.wait(lambda: router.about("alive-1"), "the response")
            assert answer.kind == "AliveResponse"
            assert answer.payload["failed_messages"] == 0
            assert answer.payload["region"] == answer.message["region"]

    run(test())


@broker
@pytest.mark.parametrize("kind", ["InstallTransitFlow", "DumpRulesRequest"])
def test_an_unknown_switch_is_not_found(broker_url: str, kind: str) -> None:
    """An FL that is asked for a switch that it does not hold says so."""

    async def test() -> None:
        async with around(floodlight(broker_url)) as router:
            _, error = await router.answered(await router.command(switch(77), kind))
            assert error.payload["error-type"] == "NOT_FOUND"
            assert switch(77) in error.payload["error-message"]

    run(test())


@broker
@pytest.mark.parametrize(
    ("kind", "more", "answer"),
    [
        ("DumpMetersRequest", {}, "SwitchMeterEntries"),
        ("DumpPortDescriptionRequest", {"port_no": 2}, "PortDescription"),
        ("DumpPortDescriptionRequest", {"port_no": 99}, "ErrorData"),
        ("DumpSwitchPortsDescriptionRequest", {}, "SwitchPortsDescription"),
        ("DiscoverIslCommandData", {"port_number": 1}, "DiscoPacketSendingConfirmation"),
        ("PingRequest", {"ping": {"source": {"switch_id": "1"}}}, "PingResponse"),
        ("ConnectModeRequest", {}, "ConnectModeResponse"),
    ],
)
def test_commands_that_ask_get_an_info_message(
    broker_url: str, kind: str, more: dict[str, Any], answer: str
) -> None:
    """One message of the kind that OpenKilda sends."""

    async def test() -> None:
        async with around(floodlight(broker_url)) as router:
            cid = await router.command(switch(1), kind, **more)
            assert [each.kind for each in await router.answered(cid)] == ["FlReceiveAck", answer]

    run(test())


@broker
def test_many_rules_come_as_a_chain(broker_url: str) -> None:
    """What was installed is dumped; what was removed is not."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            for number in range(121):
                await router.command(switch(1), flowid=str(number), cookie=number)
            await router.command(switch(1), "RemoveFlow", flowid="7", cookie=7)
            cid = await router.command(switch(1), "DumpRulesRequest")
            links = await router.chain(cid, 3)
            assert [chains.link_of(envelope.decode(each.value)) for each in links] == [
                chains.Link(index, 3) for index in range(3)
            ]
            cookies = [rule["cookie"] for each in links for rule in each.payload["flows"]]
            assert cookies == [number for number in range(121) if number != 7]
            assert speaker.switch("1").acted == 122

    run(test())


# -- its switches


@broker
def test_its_switches_are_reported_when_it_is_ready(broker_url: str) -> None:
    """ACTIVATED, or ADDED when read-only; keyed by switch id, all delivered before start ends."""

    async def test() -> None:
        speaker = floodlight(broker_url, count=30, read_only=("0x1f",))
        async with speaker:
            assert speaker.counts.written == 31
            async with Router(speaker.options) as router:
                await router.wait(lambda: len(router.events()) == 31, "the events")
                assert {each.key for each in router.events()} == {
                    switch(number).encode() for number in range(1, 32)
                }
                states = {
                    each.payload["switch_id"]: each.payload["state"] for each in router.events()
                }
                assert states.pop(switch(31)) == "ADDED"
                assert set(states.values()) == {"ACTIVATED"}

    run(test())


@broker
def test_switches_and_ports_change_at_run_time(broker_url: str) -> None:
    """Each change is reported, and the answers follow it."""

    async def test() -> None:
        speaker = floodlight(broker_url, count=1)
        async with around(speaker) as router:
            assert await speaker.connect("2", ports=5, mode=Mode.READ_ONLY)
            assert await speaker.set_port("2", 5, PortState.DOWN)
            assert await speaker.disconnect("1", "REMOVED")
            [ports] = await router.chain(await router.sync(), 1)
            assert ports.payload["switch_record"]["datapath"] == switch(2)
            assert ports.payload["switch_record"]["ports"][4] == {"number": 5, "state": "DOWN"}
            _, gone = await router.answered(await router.command(switch(1)))
            assert gone.payload["error-type"] == "NOT_FOUND"
            await router.wait(lambda: len(router.events()) == 3, "three switch events")
            states = {(each.key, each.payload["state"]) for each in router.events()}
            assert states == {
                (switch(1).encode(), "ACTIVATED"),
                (switch(2).encode(), "ADDED"),
                (switch(1).encode(), "REMOVED"),
            }
            with pytest.raises(UnknownSwitch):
                speaker.disconnect("1")
            with pytest.raises(UnknownSwitch):
                speaker.set_port("2", 6, PortState.UP)

    run(test())


# -- its faults


@broker
def test_a_silent_switch_neither_acks_nor_answers(broker_url: str) -> None:
    """Nor does it act; other switches do, and a re-sent command is served once it speaks again."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("silent", switch="0x2")
            lost = await router.command(switch(2))
            await router.fence()
            assert not router.about(lost)
            assert speaker.switch("2").acted == 0
            speaker.set_fault("silent", False, switch="2")
            await router.command(switch(2), cid=lost)
            await router.answered(lost)

    run(test())


@broker
def test_a_silent_fl_is_still_alive(broker_url: str) -> None:
    """Silence towards commands is another fault than silence towards AliveRequests."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("silent")
            lost, sync = await router.command(switch(1)), await router.sync()
            await router.alive()
            speaker.set_fault("silent", False)
            await router.fence()
            assert not router.about(lost)
            assert not router.about(sync)

    run(test())


@broker
def test_an_fl_that_does_not_say_that_it_is_alive(broker_url: str) -> None:
    """It answers commands and no AliveRequest, until the fault ends."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("no_alive")
            await router.send((SAMPLES / "D01-alive-request.json").read_bytes())
            await router.fence()
            assert not router.about("alive-1")
            speaker.set_fault("no_alive", False)
            await router.alive()

    run(test())


@broker
def test_a_slow_switch(broker_url: str) -> None:
    """Acked at once, answered after the extra latency; other switches are not slowed."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("slow", 300, switch="2")
            began = time.monotonic()
            slow = await router.command(switch(2))
            await router.fence()
            await router.wait(lambda: router.acks(slow), "its ack")
            assert not router.answers(slow)
            await router.answered(slow)
            assert time.monotonic() - began >= 0.3

    run(test())


@broker
def test_no_ack(broker_url: str) -> None:
    """An answer comes, an ack does not."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("no_ack", switch="2")
            [answer] = await router.answered(await router.command(switch(2)))
            assert answer.kind == "InstallTransitFlow"

    run(test())


@broker
def test_no_answer(broker_url: str) -> None:
    """An ack comes, and the command is carried out; an answer does not come."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("no_answer", switch="2")
            cid = await router.command(switch(2))
            await router.fence()
            assert [each.kind for each in router.about(cid)] == ["FlReceiveAck"]
            assert speaker.switch("2").acted == 1

    run(test())


@broker
def test_duplicate_answers(broker_url: str) -> None:
    """Each answer comes so many times more."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("duplicates", 2, switch="2")
            cid = await router.command(switch(2))
            await router.answered(cid, times=3)
            await router.fence()
            assert len(router.answers(cid)) == 3
            assert len({each.value for each in router.answers(cid)}) == 1
            assert speaker.switch("2").acted == 1

    run(test())


@broker
def test_half_a_chain(broker_url: str) -> None:
    """It stops in the middle; answers of one message are whole."""

    async def test() -> None:
        speaker = floodlight(broker_url, count=9)
        async with around(speaker) as router:
            speaker.set_fault("half_chain")
            cid = await router.sync()
            await router.chain(cid, 4)
            await router.answered(await router.command(switch(1)))
            assert [each.message["message_id"] for each in router.answers(cid)] == [
                f"{index} : {cid}" for index in range(4)
            ]

    run(test())


@broker
def test_cut_off_from_kafka(broker_url: str) -> None:
    """Nothing is read and nothing written; after it, commands are served and events arrive."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            await router.alive()
            speaker.set_fault("cut")
            read = speaker.counts.read
            event = speaker.disconnect("2")
            cid = await router.command(switch(1))
            await when(lambda: speaker.writer.failures == 1)
            # The command has come as far as the client's buffer, whence it would go on at once.
            partition = TopicPartition(speaker.options.reads[0], 0)
            await when(lambda: speaker.reader._consumer.highwater(partition) == 2)
            for _ in range(50):
                await asyncio.sleep(0)
            assert speaker.counts.read == read
            assert not router.about(cid)
            speaker.set_fault("cut", False)
            assert await event
            await router.answered(cid)
            assert await router.failed_messages() == 1

    run(test())


@broker
def test_null_keys_and_random_partitions(broker_url: str) -> None:
    """As an FL writes that knows nothing of keys; the messages are the same."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            speaker.set_fault("null_keys")
            for number in range(40):
                await router.answered(await router.command(switch(1), partition=number % 2))
            told = [each for each in router.seen if each.kind != "SwitchInfoData"]
            assert {each.key for each in told} == {None}
            assert len({each.partition for each in told}) > 2

    run(test())


@broker
def test_a_crash_leaves_everything_where_it_is(broker_url: str) -> None:
    """What it handled or held is lost, without a word; the next life serves what comes."""

    async def test() -> None:
        first = floodlight(broker_url, latency=Latency(1000, 1000))
        async with around(first) as router:
            cid = await router.command(switch(1))
            await router.wait(lambda: router.acks(cid), "its ack")
            first.writer.cut()
            held = first.disconnect("2")
            await first.abort()
            assert not held.done()
            assert first.switch("1").acted == 0
            second = SimulatedFloodlight(
                FloodlightOptions(speaker=first.options, switches=numbered(3))
            )
            async with second:
                await router.fence()
        assert not any(each.payload["state"] == "DEACTIVATED" for each in router.events())

    run(test())


@broker
def test_all_faults_end_at_once(broker_url: str) -> None:
    """Whatever was set, after clearing it the FL is without fault."""

    async def test() -> None:
        speaker = floodlight(broker_url)
        async with around(speaker) as router:
            for fault in ("silent", "no_ack", "no_alive", "null_keys", "cut", "no_answer"):
                speaker.set_fault(fault)
            speaker.set_fault("slow", 60_000, "1")
            speaker.clear_faults()
            ack, answer = await router.answered(await router.command(switch(1)))
            assert ack.key == answer.key == switch(1).encode()
            await router.alive()

    run(test())


def test_faults_of_a_switch_win_over_those_of_all() -> None:
    """Also when they say that nothing is wrong."""
    faults = Faults()
    faults.set("silent")
    faults.set("silent", False, "1")
    faults.set("slow", 5)
    assert faults.of(switch(2)).silent
    assert not faults.of(switch(1)).silent
    assert faults.of(switch(1)).slow == 5
    faults.clear("1")
    assert faults.of(switch(1)).silent
    faults.clear()
    assert not faults.of(switch(2)).silent


def test_faults_that_there_are_not() -> None:
    """A slip of the pen is told, with what there is."""
    faults = Faults()
    with pytest.raises(BadFault, match="half_chain"):
        faults.set("mute")
    with pytest.raises(BadFault, match="-1"):
        faults.set("slow", -1)
    with pytest.raises(BadSwitchId):
        faults.set("slow", 1, "no switch")
    with pytest.raises(BadFault, match="whole floodlight"):
        floodlight("tansu://nowhere:1").set_fault("cut", switch="1")
    with pytest.raises(BadFault, match="abort"):
        floodlight("tansu://nowhere:1").set_fault("crash")


def test_latencies() -> None:
    """Fixed or evenly spread between bounds, and the same again from the same seed."""
    import random

    assert Latency.parse("5").draw_s(random.Random(1)) == 0.005
    spread = Latency.parse("1-20")
    drawn = [spread.draw_s(random.Random(seed)) for seed in range(100)]
    assert all(0.001 <= each <= 0.020 for each in drawn)
    assert len(set(drawn)) == 100
    assert spread.draw_s(random.Random(7)) == spread.draw_s(random.Random(7))
    for text in ("", "x", "5-1", "-3"):
        with pytest.raises(BadLatency):
            Latency.parse(text)
