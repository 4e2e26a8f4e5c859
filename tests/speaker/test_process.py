"""`python -m flrouter.speaker`: a simulated FL in a process of its own, told by JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flrouter.speaker import SpeakerOptions
from flrouter.speaker.__main__ import main
from flrouter.speaker.simulated import FloodlightOptions, Latency, SimulatedFloodlight, numbered
from flrouter.speaker.simulated.control import CRASHED_STATUS, Control

from .stand_in import PARTITIONS, Router, options, run, switch


class Process:
    """A running process, and its two channels."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self) -> dict[str, Any]:
        """Its next line."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "it ended"
        return dict(json.loads(line))

    async def ask(self, **request: Any) -> dict[str, Any]:
        """Its reply to a request."""
        self.tell(**request)
        return await self.says()

    def tell(self, **request: Any) -> None:
        """Write a request."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit status."""
        return await self._process.wait()


@contextlib.asynccontextmanager
async def started(told: SpeakerOptions, *more: str) -> AsyncIterator[Process]:
    """A process that is ready; killed after, if it is still there."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flrouter.speaker"),
        *("--id", told.id, "--broker", told.broker, "--partitions", str(PARTITIONS)),
        *more,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        running = Process(process)
        ready = await running.says()
        assert ready["ready"] is True
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        # The pipes close with their transport, which only a turn of the loop brings about.
        process._transport.close()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--switch", "zz"), "'zz' is no switch id: expected eight"),
        (("--read-only", "1.2"), "'1.2' is no switch id: expected eight"),
        (("--latency-ms", "soon"), "'soon' is no latency: expected ms, like 5"),
        (("--header", "region"), "'region' is no name=value"),
        (("--log-level", "loud"), "'loud' is not one of 'debug', 'info'"),
    ],
)
def test_a_wrong_option(
    given: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what would be right, without a traceback."""
    with pytest.raises(SystemExit) as ended:
        main(["--id", "fl-1", *given], SpeakerOptions(id=""), "flrouter speaker")
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


@pytest.mark.broker
def test_a_life_in_a_process(broker_url: str) -> None:
    """Ready with its events delivered, controlled by lines, summed up at SIGTERM."""

    async def test() -> None:
        told = options(broker_url)
        async with (
            started(told, "--switches", "24", "--first-switch", "0x10", "--ports", "3") as fl,
            Router(told) as router,
        ):
            await router.wait(lambda: len(router.events()) == 24, "its switches' events")
            assert {each.payload["switch_id"] for each in router.events()} == set(numbered(24, 16))
            assert await fl.ask(fault="no_ack", switch="10") == {"ok": True}
            [answer] = await router.answered(await router.command(switch(0x10)))
            assert answer.kind == "InstallTransitFlow"
            assert await fl.ask(clear=True, switch="10", id=7) == {"ok": True, "id": 7}
            assert len(await router.answered(await router.command(switch(0x10)))) == 2
            assert await fl.ask(disconnect=["10", "11"]) == {"ok": True, "delivered": True}
            assert len(await router.chain(await router.sync(), 22)) == 22
            counts = (await fl.ask(counts=True))["counts"]
            assert counts["events"] == 26
            fl.terminate()
            summary = (await fl.says())["summary"]
            assert summary["id"] == told.id
            assert summary["handled"] == 3
            assert summary["acks"] == 2
            assert await fl.ended() == 0

    run(test())


@pytest.mark.broker
def test_a_crash_of_the_process_and_another_life(broker_url: str) -> None:
    """It ends at once with no word; started again it goes on with what came meanwhile."""

    async def test() -> None:
        told = options(broker_url)
        async with started(told, "--latency-ms", "1") as fl, Router(told) as router:
            await router.answered(await router.command(switch(1)))
            fl.tell(crash=True)
            assert await fl.ended() == CRASHED_STATUS
            meanwhile = await router.command(switch(1))
            async with started(told) as again:
                await router.answered(meanwhile)
                assert await again.ask(stop=True) == {"ok": True}
                assert "summary" in await again.says()
                assert await again.ended() == 0

    run(test())


@pytest.mark.broker
def test_a_process_without_a_broker_can_be_told_to_stop() -> None:
    """It waits for the broker, and SIGTERM ends the waiting."""

    async def test() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "flrouter.speaker", "--id", "x"),
            *("--broker", "tansu://127.0.0.1:1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        while b"waiting for the broker" not in await process.stderr.readline():
            pass
        process.terminate()
        out, _ = await process.communicate()
        assert "summary" in json.loads(out)
        assert process.returncode == 0

    run(test())


def test_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option has its place; those that are not given are as in the settings."""
    line = (
        "--id fl-1 --broker tansu://h:1 --region r --switches 2 --first-switch 0x1f --switch 0xff"
        " --read-only 99 --ports 5 --latency-ms 1-20 --seed 3 --partitions 7 --read-topic r.{fl}"
        " --write-topic w.{fl} --expire-after-ms 5 --write-timeout-ms 6 --log-level info"
        " --profile openkilda --header a=b=c --header d=e"
    )
    serving: list[tuple[FloodlightOptions, str]] = []
    serve = "flrouter.speaker.serving.process.serve"
    monkeypatch.setattr(serve, lambda _, *given: serving.append(given))
    plain = SpeakerOptions(id="", headers={"a": "x", "f": "g"}, hold=7, traces_url="http://c")
    with pytest.raises(SystemExit, match="0"):
        main(line.split(), plain, "flrouter speaker")
    [(told, level)] = serving
    assert told == FloodlightOptions(
        speaker=SpeakerOptions(
            id="fl-1",
            broker="tansu://h:1",
            region="r",
            profile="openkilda",
            headers={"a": "b=c", "d": "e", "f": "g"},
            hold=7,
            traces_url="http://c",
            read_topic="r.{fl}",
            write_topic="w.{fl}",
            partitions=7,
            expire_after_ms=5,
            write_timeout_ms=6,
        ),
        switches=(switch(0x1F), switch(0x20), switch(0xFF)),
        read_only=(switch(0x99),),
        ports=5,
        latency=Latency(1, 20),
        seed=3,
    )
    assert level == "INFO"
    assert (told.speaker.reads, told.speaker.writes) == (["r.fl-1"], "w.fl-1")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--profile nobody-s", "profile nobody-s: it is none of plain"),
        ("--header novalue", "'novalue' is no name=value"),
    ],
)
def test_a_bad_profile_or_header_is_told(
    capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    """At once, with what would do."""
    with pytest.raises(SystemExit, match="2"):
        main(["--id", "fl-1", *line.split()], SpeakerOptions(id=""), "flrouter speaker")
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"{", "DecodeError"),
        (b"[]", "BadRequest"),
        (b'{"faults": 1}', "BadRequest"),
        (b'{"fault": "mute"}', "BadFault"),
        (b'{"fault": "slow", "value": "x"}', "ValueError"),
        (b'{"fault": "silent", "switch": "zz"}', "BadSwitchId"),
        (b'{"connect": "1", "mode": "RX"}', "KeyError"),
        (b'{"disconnect": "77"}', "UnknownSwitch"),
        (b'{"port": 1, "state": "UP"}', "KeyError"),
        (b'{"port": 1, "switch": "1", "state": "GREEN"}', "ValueError"),
    ],
)
def test_a_line_that_cannot_be_done_is_told(line: bytes, error: str) -> None:
    """The reply names what is wrong, and nothing else happens."""
    replies: list[dict[str, Any]] = []
    floodlight = SimulatedFloodlight(FloodlightOptions(speaker=options("tansu://nowhere:1")))
    Control(floodlight, replies.append, stop=lambda: None).line(line)
    [reply] = replies
    assert reply["ok"] is False
    assert reply["error"].startswith(error)


@pytest.mark.broker
def test_topics_that_do_not_match_are_refused(broker_url: str) -> None:
    """Answers go to the partition of their command, so both topics need the same number."""

    async def test() -> None:
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic

        told = options(broker_url)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker_url.partition("://")[2])
        await admin.start()
        await admin.create_topics([NewTopic(told.reads[0], 3, 1), NewTopic(told.writes, 2, 1)])
        await admin.close()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "flrouter.speaker", "--id", told.id, "--broker", broker_url),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode == 1
        assert f"{told.reads[0]} has 3 partitions and {told.writes} has 2".encode() in said

    run(test())
