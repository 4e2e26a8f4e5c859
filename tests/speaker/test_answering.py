"""Ack, answer, partition, order: what each command gets."""

from __future__ import annotations

import asyncio
import json

import pytest

from flrouter.messages import chains, envelope
from flrouter.speaker import Chain, CommandFailed, Each, ErrorType, Info, Speaker, Written

from .stand_in import PARTITIONS, Recorder, around, command, options, run, switch

pytestmark = pytest.mark.broker

RULES = {"clazz": "org.openkilda.messaging.info.rule.SwitchFlowEntries"}


def test_a_command_is_acked_and_then_answered_in_its_own_partition(broker_url: str) -> None:
    """Ack before answer, both where the command was read, keyed by its switch."""

    async def test() -> None:
        handler = Recorder()
        async with around(Speaker(options(broker_url), handler)) as router:
            for partition in range(PARTITIONS):
                cid = await router.command(switch(9), partition=partition)
                ack, answer = await router.answered(cid)
                assert ack.kind == "FlReceiveAck"
                assert answer.kind == "InstallTransitFlow"
                assert ack.partition == answer.partition == partition
                assert ack.offset < answer.offset
                assert ack.key == answer.key == switch(9).encode()

    run(test())


def test_the_ack_does_not_wait_for_the_handler(broker_url: str) -> None:
    """A command is acked on receipt, while its handling has hardly begun."""

    async def test() -> None:
        handler = Recorder()
        gate = handler.gates[switch(1)] = asyncio.Event()
        async with around(Speaker(options(broker_url), handler)) as router:
            cid = await router.command(switch(1))
            await router.wait(lambda: router.acks(cid), "the ack")
            assert not router.answers(cid)
            gate.set()
            assert len(await router.answered(cid)) == 2

    run(test())


def test_success_is_the_command_itself_byte_for_byte(broker_url: str) -> None:
    """A flow command comes back as it was written, unknown fields included."""

    async def test() -> None:
        async with around(Speaker(options(broker_url), Recorder())) as router:
            data = command("odd", "0x9", unknown=[1.0, {"é": 10**20}])
            await router.send(data)
            _, answer = await router.answered("odd")
            assert answer.value == data
            assert answer.key == switch(9).encode()

    run(test())


def test_a_command_with_reply_to_comes_back_as_a_plain_one(broker_url: str) -> None:
    """The success answer is a CommandMessage that asks for no answer of its own."""

    async def test() -> None:
        async with around(Speaker(options(broker_url), Recorder())) as router:
            message = json.loads(command("with-reply-to", switch(1)))
            message["clazz"] = "org.openkilda.messaging.command.CommandWithReplyToMessage"
            message["reply_to"] = "somewhere"
            await router.send(json.dumps(message).encode())
            _, answer = await router.answered("with-reply-to")
            del message["reply_to"]
            assert answer.message == {
                **message,
                "clazz": "org.openkilda.messaging.command.CommandMessage",
            }

    run(test())


def test_a_command_without_a_correlation_id_is_given_one(broker_url: str) -> None:
    """Its ack and its answer belong together."""

    async def test() -> None:
        async with around(Speaker(options(broker_url), Recorder())) as router:
            message = json.loads(command("", switch(1)))
            del message["correlation_id"]
            await router.send(json.dumps(message).encode())
            await router.wait(lambda: len(router.seen) == 2, "ack and answer")
            ack, answer = router.seen
            assert ack.cid
            assert ack.cid == answer.cid

    run(test())


def test_a_ping_is_keyed_by_its_source_switch(broker_url: str) -> None:
    """The catalog says where a kind keeps its switch id."""

    async def test() -> None:
        handler = Recorder(Info(RULES))
        async with around(Speaker(options(broker_url), handler)) as router:
            ping = {"source": {"switch_id": "7"}}
            cid = await router.command(None, "PingRequest", ping=ping)
            _, answer = await router.answered(cid)
            assert answer.key == switch(7).encode()
            assert handler.acted[0].switch == switch(7)

    run(test())


def test_commands_of_one_switch_wait_and_those_of_others_do_not(broker_url: str) -> None:
    """Order per switch, concurrency between switches; acks and alive responses go on."""

    async def test() -> None:
        handler = Recorder()
        gate = handler.gates[switch(1)] = asyncio.Event()
        async with around(Speaker(options(broker_url), handler)) as router:
            first = await router.command(switch(1))
            await handler.acting(1)
            second = await router.command(switch(1))
            other = await router.command(switch(2))
            await router.answered(other)
            assert router.acks(second)
            assert (await router.alive()).kind == "AliveResponse"
            assert [each.correlation_id for each in handler.acted] == [first, other]
            assert not router.answers(first)
            gate.set()
            await router.answered(second)
            assert [each.correlation_id for each in handler.acted] == [first, other, second]

    run(test())


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (CommandFailed(ErrorType.NOT_FOUND, "no such meter", "look"), "NOT_FOUND"),
        (ZeroDivisionError("bug"), "INTERNAL_ERROR"),
    ],
)
def test_a_handler_that_fails_is_an_answer(broker_url: str, raised: Exception, kind: str) -> None:
    """A typed failure keeps its type, any other is internal, and the next command is served."""

    async def test() -> None:
        handler = Recorder()
        handler.raising = raised
        async with around(Speaker(options(broker_url), handler)) as router:
            _, error = await router.answered(await router.command(switch(1), partition=2))
            assert error.message["clazz"].endswith(".error.ErrorMessage")
            assert error.payload["error-type"] == kind
            assert str(raised) in error.payload["error-message"]
            assert error.partition == 2
            handler.raising = None
            _, answer = await router.answered(await router.command(switch(1)))
            assert answer.kind == "InstallTransitFlow"

    run(test())


def test_an_answer_that_is_too_large_becomes_an_error(broker_url: str) -> None:
    """The requester hears of it, and what follows in the partition is not held up."""

    async def test() -> None:
        handler = Recorder(Info({**RULES, "filler": "x" * 5000}))
        speaker = Speaker(options(broker_url, max_message_bytes=4000), handler)
        async with around(speaker) as router:
            _, error = await router.answered(await router.command(switch(1)))
            assert error.payload["error-type"] == "INTERNAL_ERROR"
            assert speaker.counts.lost == 0

    run(test())


def test_a_chain_of_the_newer_form(broker_url: str) -> None:
    """All links share the correlation id and say which of how many they are."""

    async def test() -> None:
        handler = Recorder(Chain([{**RULES, "part": part} for part in range(3)]))
        async with around(Speaker(options(broker_url), handler)) as router:
            cid = await router.command(switch(1), "DumpRulesRequest", partition=3)
            links = await router.chain(cid, 3)
            assert [link.payload["part"] for link in links] == [0, 1, 2]
            assert [link.message["message_id"] for link in links] == [
                f"{index} : {cid}" for index in range(3)
            ]
            assert [chains.link_of(envelope.decode(link.value)) for link in links] == [
                chains.Link(index, 3) for index in range(3)
            ]
            assert {(link.partition, link.key) for link in links} == {(3, switch(1).encode())}

    run(test())


def test_an_empty_chain_of_the_newer_form(broker_url: str) -> None:
    """Nothing to list is said explicitly."""

    async def test() -> None:
        async with around(Speaker(options(broker_url), Recorder(Chain([])))) as router:
            cid = await router.command(switch(1), "DumpRulesRequest")
            [link] = await router.chain(cid, 1)
            assert link.message["total_messages"] == 0
            assert link.payload is None
            assert chains.link_of(envelope.decode(link.value)) == chains.Link(-1, 0)

    run(test())


def test_several_answers_are_keyed_by_the_switch_of_each(broker_url: str) -> None:
    """PortsCommandData has one message per switch, all under its correlation id."""

    async def test() -> None:
        payloads = [{**RULES, "switch_id": switch(number)} for number in (1, 2)]
        async with around(Speaker(options(broker_url), Recorder(Each(payloads)))) as router:
            cid = await router.command(None, "PortsCommandData", partition=1)
            await router.answered(cid, times=2)
            assert [(each.key, each.partition) for each in router.answers(cid)] == [
                (switch(1).encode(), 1),
                (switch(2).encode(), 1),
            ]

    run(test())


def test_an_answer_that_the_handler_wrote_itself(broker_url: str) -> None:
    """It is sent as it is."""

    async def test() -> None:
        data = command("mine", switch(1), "Anything")
        async with around(Speaker(options(broker_url), Recorder(Written(data)))) as router:
            await router.send(command("mine", switch(1)))
            _, answer = await router.answered("mine")
            assert answer.value == data

    run(test())


def test_what_is_no_command_is_counted_and_passed_over(broker_url: str) -> None:
    """A broken record, an empty one and an answer on the read topic stop nothing."""

    async def test() -> None:
        speaker = Speaker(options(broker_url), Recorder())
        async with around(speaker) as router:
            await router.send(b"{broken")
            await router.send(b"")
            await router.send(b'{"clazz":"org.openkilda.messaging.info.InfoMessage"}')
            await router.fence()
            assert speaker.counts.unreadable == 3
            assert speaker.counts.handled == 1

    run(test())
