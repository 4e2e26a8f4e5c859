"""The changelogs, read with the `msgpack` package alone, tell what the router holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flrouter.core.state.table import TABLES
from tests.support.changelogs import (
    Table,
    living,
    mentions,
    tables,
    unpack,
    wait_kept,
    wait_table,
)
from tests.support.clients import read_all
from tests.support.deployment import Deployment
from tests.support.plain import (
    DUMP,
    INSTALL,
    Behaviour,
    Floodlight,
    Once,
    Requester,
    command,
    error_type,
    nothing,
    old_chain,
    switch_id,
)

pytestmark = pytest.mark.broker

SWITCHES = {"fl-1": [switch_id(0x61 + n) for n in range(8)], "fl-2": [switch_id(0x71)]}


class Bench:
    """A router with two FLs."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        deployment.create_topics()
        self.fls: dict[str, Floodlight] = {
            name: deployment.floodlight(name, switches=switches)
            for name, switches in SWITCHES.items()
        }
        self.requester: Requester = deployment.requester()
        self.once = Once()
        deployment.start_worker()
        for switches in SWITCHES.values():
            for switch in switches:
                name = self.ask(switch)
                assert error_type(self.requester.wait(name, timeout=20)[0]) is None

    def ask(self, switch: str) -> str:
        """Send a command; returns its id."""
        name = self.once.id()
        self.requester.send(command({"clazz": INSTALL, "switch_id": switch}, name), switch)
        return name


@pytest.fixture(scope="module")
def bench(broker_url: str, work_folder: Path) -> Iterator[Bench]:
    """Entries of the blacklist that expire within a test."""
    with Deployment(broker_url, work_folder, blacklist_ttl=2) as deployment:
        yield Bench(deployment)


def about(table: Table, text: str) -> Table:
    """The entries that mention `text`."""
    return {key: value for key, value in table.items() if mentions(key, value, text)}


def test_switches_say_which_fl_holds_them(bench: Bench) -> None:
    """Each switch has one entry, in its home's partition, that names its FL and no other."""
    table = wait_table(bench.deployment, "switches", lambda found: len(found) >= 9)
    for fl, switches in SWITCHES.items():
        other = "fl-2" if fl == "fl-1" else "fl-1"
        for switch in switches:
            entries = about(table, switch)
            assert len(entries) == 1
            (((partition, _), value),) = entries.items()
            assert partition == bench.deployment.home(switch)
            assert mentions((0, b""), value, fl)
            assert not mentions((0, b""), value, other)


def test_a_switch_that_leaves_is_held_by_nobody(bench: Bench) -> None:
    """After DEACTIVATED no entry says that the FL holds the switch as its master."""
    switch = bench.once.switch()
    bench.fls["fl-2"].event(switch, "ACTIVATED")
    wait_table(bench.deployment, "switches", lambda found: about(about(found, switch), "fl-2"))
    bench.fls["fl-2"].event(switch, "REMOVED")
    wait_table(bench.deployment, "switches", lambda found: not about(about(found, switch), "fl-2"))


def test_a_pending_command_has_an_entry_until_it_is_answered(bench: Bench) -> None:
    """The entry knows id, switch and FL; the answer leaves a tombstone under the same key."""
    switch, fl = SWITCHES["fl-1"][0], bench.fls["fl-1"]
    fl.script[switch] = Behaviour(hold=True)
    name = bench.ask(switch)
    table = wait_table(bench.deployment, "pending", lambda found: about(found, name))
    ((key, value),) = about(table, name).items()
    assert mentions(key, value, switch, "fl-1", bench.deployment.topic("flow"))
    assert key[0] == bench.deployment.home(switch)
    fl.release()
    bench.requester.wait(name)
    wait_table(bench.deployment, "pending", lambda found: key not in found)
    topic = bench.deployment.changelog("pending")
    history = [
        record
        for record in read_all(bench.deployment.bootstrap, [topic])
        if (record.partition, record.key) == key
    ]
    assert history[-1].value is None
    fl.script.clear()


def test_a_failed_request_is_on_the_blacklist_until_it_expires(bench: Bench) -> None:
    """After an error answer the request has an entry, which goes when its time is over."""
    switch = SWITCHES["fl-1"][1]
    bench.fls["fl-1"].script[switch] = Behaviour(nothing, ack=False)
    before = wait_table(bench.deployment, "blacklist", lambda found: True)
    name = bench.ask(switch)
    assert error_type(bench.requester.wait(name)[0]) == "NOT_FOUND"
    table = wait_table(bench.deployment, "blacklist", lambda found: found.keys() - before.keys())
    (key,) = table.keys() - before.keys()
    assert key[0] == bench.deployment.home(switch)
    wait_table(bench.deployment, "blacklist", lambda found: key not in found)
    assert not about(tables(bench.deployment)["pending"], name)


def test_floodlights_are_known(bench: Bench) -> None:
    """Each FL has an entry."""
    table = wait_table(bench.deployment, "floodlights", len)
    assert about(table, "fl-1")
    assert about(table, "fl-2")


def test_every_changelog_value_is_messagepack(bench: Bench) -> None:
    """Only fences have no key, and each value is a map or an array, or a tombstone."""
    for name in TABLES:
        for record in read_all(bench.deployment.bootstrap, [bench.deployment.changelog(name)]):
            assert record.key or record.value is None
            if record.value is not None:
                unpack(record)


@pytest.mark.kafka
def test_a_killed_worker_s_tables_equal_a_replay(broker_url: str, work_folder: Path) -> None:
    """All of them, with rows in each: commands that wait, half an old-form chain, an error."""
    long = {"ack_timeout": 600, "response_timeout": 600, "blacklist_ttl": 600}
    with Deployment(broker_url, work_folder, **long) as deployment:
        bench = Bench(deployment)
        (worker,) = deployment.workers
        waits, chain, lost, *_ = SWITCHES["fl-1"]
        fl = bench.fls["fl-1"]
        fl.script |= {
            waits: Behaviour(nothing),
            chain: Behaviour(old_chain(3, sent=1)),
            lost: Behaviour(nothing),
        }
        bench.ask(chain)
        bench.requester.post(
            command(
                {
                    "clazz": "flrouter.MultiSwitchCommand",
                    "switch_ids": [waits, waits],
                    "command": {"clazz": DUMP},
                },
                bench.once.id(),
            )
        )
        failed = bench.ask(lost)
        wait_table(deployment, "pending", lambda found: about(found, failed))
        fl.event(lost, "DEACTIVATED")
        assert error_type(bench.requester.wait(failed)[0]) == "NOT_FOUND"
        for name in TABLES:
            wait_table(deployment, name, len)
        worker.kill()
        successor = deployment.start_worker()
        for name in TABLES:
            wait_kept(deployment, [successor], name)
            assert living([successor], name), f"{name} is empty"
