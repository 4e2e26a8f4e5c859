"""A request that comes a second time is answered again and not acted on again."""

from __future__ import annotations

import asyncio

import pytest

from flrouter.speaker import Speaker
from flrouter.speaker.requests import Message, RequestKey, Requests

from .stand_in import Recorder, around, command, options, run, switch


@pytest.mark.broker
def test_a_duplicate_gets_the_same_answer_and_is_not_acted_on(broker_url: str) -> None:
    """Its ack and its answer go to the partition where the duplicate was read."""

    async def test() -> None:
        handler = Recorder()
        speaker = Speaker(options(broker_url), handler)
        async with around(speaker) as router:
            cid = await router.command(switch(1), partition=1)
            await router.answered(cid)
            await router.command(switch(1), partition=2, cid=cid)
            await router.answered(cid, times=2)
            first, second = router.answers(cid)
            assert first.value == second.value
            assert [each.partition for each in router.answers(cid)] == [1, 2]
            assert [each.partition for each in router.acks(cid)] == [1, 2]
            assert len(handler.acted) == 1
            assert speaker.counts.repeated == 1

    run(test())


@pytest.mark.broker
def test_a_duplicate_of_a_request_being_handled_waits_for_its_answer(broker_url: str) -> None:
    """It is acked at once, and both get the one answer."""

    async def test() -> None:
        handler = Recorder()
        gate = handler.gates[switch(1)] = asyncio.Event()
        async with around(Speaker(options(broker_url), handler)) as router:
            cid = await router.command(switch(1), partition=1)
            await handler.acting(1)
            await router.command(switch(1), partition=3, cid=cid)
            await router.wait(lambda: len(router.acks(cid)) == 2, "both acks")
            assert not router.answers(cid)
            gate.set()
            await router.answered(cid, times=2)
            assert sorted(each.partition for each in router.answers(cid)) == [1, 3]
            assert len(handler.acted) == 1

    run(test())


@pytest.mark.broker
def test_a_failed_request_is_not_tried_again(broker_url: str) -> None:
    """An error is an answer like any other."""

    async def test() -> None:
        handler = Recorder()
        handler.raising = ZeroDivisionError()
        async with around(Speaker(options(broker_url), handler)) as router:
            cid = await router.command(switch(1))
            await router.command(switch(1), cid=cid)
            await router.answered(cid, times=2)
            first, second = router.answers(cid)
            assert first.value == second.value
            assert len(handler.acted) == 1

    run(test())


@pytest.mark.broker
def test_one_correlation_id_for_several_switches_is_several_requests(broker_url: str) -> None:
    """One flow operation spans several switches, and each acts."""

    async def test() -> None:
        handler = Recorder()
        async with around(Speaker(options(broker_url), handler)) as router:
            await router.send(command("flow", switch(1)))
            await router.send(command("flow", switch(2)))
            await router.send(command("flow", switch(2), "InstallEgressFlow"))
            await router.answered("flow", times=3)
            assert len(handler.acted) == 3

    run(test())


def key(number: int) -> RequestKey:
    """A request's key."""
    return RequestKey(str(number), None, "kind")


def answered(requests: Requests, number: int, at: float, size: int = 1) -> None:
    """Have a request begun and answered."""
    requests.finish(requests.begin(key(number)), [Message(b"", b"x" * size)], at)


def test_answered_requests_are_forgotten_beyond_a_count() -> None:
    """The oldest goes first."""
    requests = Requests(count=2, age_s=10, size=1000)
    for number in range(3):
        answered(requests, number, at=0.0)
    assert requests.find(key(0), 0.0) is None
    assert requests.find(key(1), 0.0) is not None
    assert len(requests) == 2


def test_answered_requests_are_forgotten_after_a_time() -> None:
    """The age counts from the answer."""
    requests = Requests(count=9, age_s=10, size=1000)
    answered(requests, 1, at=0.0)
    assert requests.find(key(1), 10.0) is not None
    assert requests.find(key(1), 10.1) is None
    assert len(requests) == 0


def test_large_answers_are_forgotten_sooner() -> None:
    """All remembered answers together have a limit in bytes, and it is paid back."""
    requests = Requests(count=9, age_s=10, size=100)
    answered(requests, 1, at=0.0, size=60)
    answered(requests, 2, at=0.0, size=60)
    assert requests.find(key(1), 0.0) is None
    answered(requests, 3, at=0.0, size=40)
    assert requests.find(key(2), 0.0) is not None
    assert requests.find(key(3), 0.0) is not None


def test_a_request_being_handled_is_never_forgotten() -> None:
    """However long it takes: forgetting it could mean acting on it twice."""
    requests = Requests(count=1, age_s=1, size=1)
    requests.begin(key(1))
    for number in range(2, 9):
        answered(requests, number, at=float(number))
    assert requests.find(key(1), 1000.0) is not None
