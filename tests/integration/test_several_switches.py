"""Commands for several switches and for every FL, against real workers that come and go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import flrouter
from tests.support.assembled import entries, outcome
from tests.support.clients import Record
from tests.support.deployment import Deployment
from tests.support.guarantees import GUARANTEES
from tests.support.patience import PATIENCE
from tests.support.plain import (
    DUMP,
    Behaviour,
    Floodlight,
    O,
    Request,
    Requester,
    command,
    error_type,
    info,
    switch_id,
)

pytestmark = pytest.mark.broker

MANY = "flrouter.MultiSwitchCommand"
MODE = f"{O}.command.switches.ConnectModeRequest"


def answer(request: Request) -> Sequence[bytes]:
    """A payload that only this switch's FL would write so, spelled in its own way."""
    return info(f'{{"clazz":"test.Rules", "of" : "{request.switch}","rate":1.50e3}}')(request)


def ask(requester: Requester, name: str, switches: Sequence[str]) -> None:
    """Send one command for all of these switches."""
    payload = {"clazz": MANY, "switch_ids": switches, "command": {"clazz": DUMP}}
    requester.post(command(payload, name))


def ask_one(requester: Requester, name: str, switch: str) -> Record:
    """Send a command for one switch; its answer."""
    requester.send(command({"clazz": DUMP, "switch_id": switch}, name), switch)
    return requester.wait(name, timeout=30)[0]


def warm_up(requester: Requester, switches: Sequence[str]) -> None:
    """Wait until these switches are served."""
    for switch in switches:
        assert error_type(ask_one(requester, f"warm {switch}", switch)) is None


def entries_of(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The entries of an answer."""
    return entries(record.message for record in records)


def assert_own_payloads(found: Sequence[dict[str, Any]]) -> None:
    """Each entry has the payload of its own switch."""
    for entry in found:
        assert entry["payload"] == {
            "clazz": "test.Rules",
            "of": entry["switch_id"],
            "rate": 1500.0,
        }


# -- many switches ------------------------------------------------------------------------------

EACH = 125


def test_500_switches_on_four_fls(broker_url: str, work_folder: Path) -> None:
    """One FL dead, one past its deadline, everything twice: one answer, and nothing later."""
    names = ["fl-1", "fl-2", "fl-3", "fl-4"]
    own = {
        name: [switch_id(0x1000 * (at + 1) + number) for number in range(EACH)]
        for at, name in enumerate(names)
    }
    switches = [switch for four in zip(*own.values(), strict=True) for switch in four]
    with Deployment(
        broker_url,
        work_folder,
        floodlights=names,
        ack_timeout=10 * PATIENCE,
        response_timeout=4 * PATIENCE,
        alive_timeout=4 * PATIENCE,
        sync_timeout=10 * PATIENCE,
    ) as deployment:
        deployment.create_topics()
        fls = {name: deployment.floodlight(name, switches=own[name]) for name in names}
        for fl in fls.values():
            fl.default = Behaviour(answer, copies=2)
        requester = deployment.requester()
        deployment.start_worker()
        warm_up(requester, switches[::25])
        fls["fl-3"].kill()
        slow = fls["fl-4"]
        slow.default = Behaviour(answer, hold=True)
        ask(requester, "500", switches)
        [record] = requester.wait("500", timeout=60)

        found = entries_of([record])
        assert [entry["switch_id"] for entry in found] == switches
        outcomes = {
            name: {outcome(found[at]) for at in range(place, 500, 4)}
            for place, name in enumerate(names)
        }
        assert outcomes == {
            "fl-1": {"ok"},
            "fl-2": {"ok"},
            "fl-3": {"NOT_FOUND"},
            "fl-4": {"OPERATION_TIMED_OUT"},
        }
        good = [entry for entry in found if entry["status"] == "ok"]
        assert_own_payloads(good)
        assert (record.value or b"").count(b'"rate":1.50e3}') == len(good)
        received = [request.switch for fl in fls.values() for request in fl.received]
        assert len(received) - len(switches[::25]) == 3 * EACH  # each once; the dead one's never

        slow.release()
        slow.default = Behaviour(answer)
        homes = {deployment.home(switch): switch for switch in own["fl-4"]}
        for switch in homes.values():  # behind the late answers, in each partition
            ask_one(requester, f"behind {switch}", switch)
        assert len(requester.answers_to("500")) == 1
        deployment.assert_running()


# -- workers that are killed --------------------------------------------------------------------

COMMANDS, LISTED = 200, 20
HELD = [switch_id(0x7000 + number) for number in range(100)]


def listed(number: int) -> list[str]:
    """The switches of command `number`."""
    return [HELD[(number * 7 + at * 3) % len(HELD)] for at in range(LISTED)]


def wait_parts(fls: Sequence[Floodlight], count: int) -> None:
    """Wait until the FLs have been sent so many parts, in all."""
    seen: set[str] = set()

    def enough() -> bool:
        for fl in fls:
            seen.update(request.correlation_id for request in list(fl.received))
        return len(seen) >= count

    fls[0].until(enough, 60, f"{count} parts at the FLs")


@pytest.mark.kafka
@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_200_commands_while_workers_are_killed(
    broker_url: str, work_folder: Path, guarantee: str
) -> None:
    """All answered once, no entry missing or double. Workers die while commands are scattered, and
    while half of the parts are answered; with transactions also while answers are on their way,
    which may come once more without.
    """
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1", "fl-2"],
        ack_timeout=30 * PATIENCE,
        response_timeout=30 * PATIENCE,
        alive_timeout=10 * PATIENCE,
        sync_timeout=10 * PATIENCE,
        guarantee=guarantee,
    ) as deployment:
        deployment.create_topics()
        fls = [
            deployment.floodlight("fl-1", switches=HELD[::2]),
            deployment.floodlight("fl-2", switches=HELD[1::2]),
        ]
        for fl in fls:
            fl.default = Behaviour(answer)
        requester = deployment.requester(only=[deployment.topic("northbound")])
        workers = [deployment.start_worker(wait=False) for _ in range(2)]
        for worker in workers:
            worker.wait_ready()
        warm_up(requester, HELD[:20])
        for fl in fls:
            fl.received.clear()
            fl.default = Behaviour(answer, hold=True)

        for number in range(COMMANDS):
            ask(requester, f"many {number}", listed(number))
            if number == COMMANDS // 2:
                requester.flush()
                wait_parts(fls, LISTED)
                workers[0].kill()  # with parts on their way in both directions
        requester.flush()
        workers.append(deployment.start_worker())
        wait_parts(fls, COMMANDS * LISTED)
        for fl in fls:
            fl.default = Behaviour(answer)
        fls[0].release()
        if guarantee == "exactly_once":
            fls[1].release()
        workers[1].kill()
        fls[1].release()
        workers.append(deployment.start_worker(wait=False))
        requester.until(
            lambda: all(f"many {number}" in requester.by_id for number in range(COMMANDS)),
            120,
            "200 answers",
        )
        for number in range(COMMANDS):
            found = entries_of(requester.answers_to(f"many {number}"))  # fails if there are two
            assert [entry["switch_id"] for entry in found] == listed(number)
            assert {outcome(entry) for entry in found} == {"ok"}
            assert_own_payloads(found)
        deployment.assert_running(*workers[2:])


# -- every FL -----------------------------------------------------------------------------------


def test_every_fl_while_one_is_added(broker_url: str, work_folder: Path) -> None:
    """Entries for those that were known; one in outage has failed at once."""
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1", "fl-2", "fl-3"],
        ack_timeout=10 * PATIENCE,
        response_timeout=30 * PATIENCE,
        alive_timeout=4 * PATIENCE,
        sync_timeout=10 * PATIENCE,
    ) as deployment:
        deployment.create_topics()
        switch = switch_id(0x300)
        first, second = deployment.floodlight("fl-1"), deployment.floodlight("fl-2")
        third = deployment.floodlight("fl-3", switches=[switch])
        for at, fl in enumerate((first, second, third)):
            fl.default = Behaviour(info(f'{{"clazz":"test.Mode","of":{at + 1}}}'))
        requester = deployment.requester(only=[deployment.topic("northbound")])
        deployment.start_worker()
        warm_up(requester, [switch])
        third.mute = True
        third.until(lambda: _in_outage(requester, switch), 60, "the outage of fl-3")
        second.default = Behaviour(info('{"clazz":"test.Mode","of":2}'), hold=True)

        requester.send(command({"clazz": MODE, "mode": "AUTO", "serial": "1"}, "modes"))
        second.request("1")
        done = flrouter("floodlight", "add", "fl-4", settings=deployment.settings)
        assert done.returncode == 0, done.stderr
        fourth = deployment.floodlight("fl-4")
        fourth.default = Behaviour(info('{"clazz":"test.Mode","of":4}'))
        second.release()
        found = entries_of(requester.wait("modes", timeout=20))
        assert [entry["floodlight"] for entry in found] == ["fl-1", "fl-2", "fl-3"]
        assert [outcome(entry) for entry in found] == ["ok", "ok", "NOT_FOUND"]
        assert "is not answering" in found[2]["payload"]["error-message"]
        assert [entry["payload"]["of"] for entry in found[:2]] == [1, 2]

        second.default = first.default
        requester.send(command({"clazz": MODE, "mode": "AUTO", "serial": "2"}, "modes again"))
        found = entries_of(requester.wait("modes again", timeout=20))
        assert [entry["floodlight"] for entry in found] == ["fl-1", "fl-2", "fl-3", "fl-4"]
        assert [request.serial for request in fourth.received] == ["2"]


def _in_outage(requester: Requester, switch: str) -> bool:
    """Whether the router says at once that the switch's FL does not answer."""
    name = f"outage? {len(requester.answers)}"
    said = ask_one(requester, name, switch)
    return "is not answering" in said.payload.get("error-message", "")


# -- sizes --------------------------------------------------------------------------------------


def test_large_and_odd_lists(broker_url: str, work_folder: Path) -> None:
    """An answer beyond the limit is a chain; lists that are none get a clear answer."""
    switches = [switch_id(0x500 + number) for number in range(40)]
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1"],
        ack_timeout=10 * PATIENCE,
        response_timeout=10 * PATIENCE,
        alive_timeout=5 * PATIENCE,
        sync_timeout=10 * PATIENCE,
    ) as deployment:
        deployment.create_topics()
        fl = deployment.floodlight("fl-1", switches=switches)
        text = "é" * 40_000
        large = f'{{"clazz":"test.Rules","text":{json.dumps(text, ensure_ascii=False)}}}'
        fl.default = Behaviour(info('{"clazz":"test.Rules"}'))
        requester = deployment.requester()
        deployment.start_worker()
        warm_up(requester, switches[:8])
        fl.default = Behaviour(info(large))

        ask(requester, "large", switches)
        requester.wait("large", count=4, timeout=30)
        links = requester.wait(
            "large", count=requester.answers_to("large")[0].message["total_messages"]
        )
        assert max(len(link.value or b"") for link in links) <= 1_000_000
        assert len({link.partition for link in links}) == 1
        found = entries_of(links)
        assert [entry["switch_id"] for entry in found] == switches
        assert all(entry["payload"]["text"] == text for entry in found)

        fl.default = Behaviour(info('{"clazz":"test.Rules"}'))
        ask(requester, "twice", [switches[0], switches[1], switches[0]])
        ask(requester, "none", [])
        ask(requester, "too many", [f"{number:x}" for number in range(1, 100_002)])
        ask(requester, "bad", [switches[0], "nonsense", switches[1]])
        found = entries_of(requester.wait("twice", timeout=20))
        assert [entry["switch_id"] for entry in found] == [switches[0], switches[1], switches[0]]
        found = entries_of(requester.wait("bad", timeout=20))
        assert [outcome(entry) for entry in found] == ["ok", "DATA_INVALID", "ok"]
        for name, told in (("none", "is empty"), ("too many", "100,001 switches; at most 100,000")):
            [record] = requester.wait(name, timeout=20)
            assert error_type(record) == "REQUEST_INVALID"
            assert told in record.payload["error-description"]
        deployment.assert_running()
