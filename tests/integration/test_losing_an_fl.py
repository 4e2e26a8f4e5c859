"""What becomes of commands when the FL that has them dies, falls silent or loses the switch.

Ack and response timeouts are longer than these tests may take, so that every error seen here comes
from knowing that the FL or the switch is lost (protocol.md, 7.3).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Record
from tests.support.deployment import Deployment
from tests.support.patience import PATIENCE
from tests.support.plain import (
    INSTALL,
    Behaviour,
    Floodlight,
    Once,
    Requester,
    Sent,
    command,
    error_type,
    nothing,
    switch_id,
    sync_chain,
)

pytestmark = pytest.mark.broker

AT_ONCE = 2.0 * PATIENCE
UNMANAGED = "UnmanagedSwitchNotification"
EVENT = "SwitchInfoData"


class Pair:
    """Two FLs, which each test gives switches of its own."""

    def __init__(self, deployment: Deployment, scattered: bool) -> None:
        self.deployment = deployment
        deployment.create_topics()
        self.first = deployment.floodlight("fl-1", scattered=scattered)
        self.second = deployment.floodlight("fl-2", scattered=scattered)
        self.requester: Requester = deployment.requester(scattered=scattered)
        self.once = Once()
        deployment.start_worker()
        self._warm_up()

    def _warm_up(self) -> None:
        """Wait until every shard knows both FLs: only then can it say that a switch is on none."""
        homes: dict[int, str] = {}
        while len(homes) < self.deployment.partitions:
            switch = self.once.switch()
            homes.setdefault(self.deployment.home(switch), switch)
        for name, sent in [self.ask(switch) for switch in homes.values()]:
            assert error_type(self.answer(name, sent)) == "NOT_FOUND"

    def connect(self, fl: Floodlight, count: int = 1) -> list[str]:
        """New switches on `fl`, known to the router."""
        switches = [self.once.switch() for _ in range(count)]
        for switch in switches:
            fl.event(switch, "ACTIVATED")
        for switch in switches:
            self.wait_notice(switch, EVENT, "ACTIVATED")
        return switches

    def ask(self, switch: str) -> tuple[str, Sent]:
        """Send a command."""
        name = self.once.id()
        payload = {"clazz": INSTALL, "switch_id": switch, "serial": name}
        return name, self.requester.send(command(payload, name), switch)

    def answer(self, name: str, sent: Sent) -> Record:
        """The one answer to what `ask` sent."""
        return self.requester.wait(name, timeout=20)[0]

    def answered_by(self, switch: str, fl: Floodlight, timeout: float = 20.0) -> None:
        """Ask until `fl` answers for the switch: that takes some time after an event."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            name, sent = self.ask(switch)
            answer = self.answer(name, sent)
            if error_type(answer) is None and any(one.serial == name for one in fl.received):
                return
        raise TimeoutError(f"{fl.name} did not answer for {switch} within {timeout} s")

    def notices(self, switch: str, kind: str, state: str | None = None) -> list[Record]:
        """Notifications about a switch that came so far."""
        return [
            record
            for record in list(self.requester.answers)
            if record.topic == self.deployment.topic("disco")
            and str(record.payload.get("clazz")).endswith(kind)
            and record.payload.get("switch_id") == switch
            and record.payload.get("state") == state
        ]

    def told(self, switch: str) -> list[str]:
        """What listeners were told of the switch so far."""
        return [
            str(record.payload.get("state") or "UNMANAGED")
            for record in list(self.requester.answers)
            if record.payload.get("switch_id") == switch
            and str(record.payload.get("clazz")).endswith((UNMANAGED, EVENT))
        ]

    def wait_notice(self, switch: str, kind: str, state: str | None = None, times: int = 1) -> None:
        """Wait for such a notification."""
        self.requester.until(
            lambda: len(self.notices(switch, kind, state)) >= times,
            20,
            f"{times} {kind} {state} for {switch}",
        )


@pytest.fixture(scope="module", params=["keyed", "scattered"])
def pair(request: pytest.FixtureRequest, broker_url: str, work_folder: Path) -> Iterator[Pair]:
    """A router whose deadlines never fire within a test."""
    with Deployment(
        broker_url,
        work_folder,
        ack_timeout=60,
        response_timeout=60,
        alive_interval=0.3,
        alive_timeout=1.5 * PATIENCE,
        sync_timeout=2 * PATIENCE,
    ) as deployment:
        yield Pair(deployment, request.param == "scattered")


def test_an_fl_that_dies_and_comes_back(pair: Pair) -> None:
    """Pending and new commands are refused in its outage; after it, all is as the FL then says."""
    stays, goes, shared = pair.connect(pair.first, 3)
    pair.second.event(shared, "ACTIVATED")
    for switch in (stays, goes, shared):
        pair.first.script[switch] = Behaviour(hold=True)
    pending = [pair.ask(switch) for switch in (stays, goes, shared)]
    for name, _ in pending:
        pair.first.request(name)
    syncs = len(pair.first.sync_requests)
    pair.first.kill()

    for name, sent in pending:
        assert error_type(pair.answer(name, sent)) is not None
    for switch in (stays, goes):
        pair.wait_notice(switch, UNMANAGED)
    name, sent = pair.ask(stays)
    answer = pair.answer(name, sent)
    assert error_type(answer) == "NOT_FOUND"
    assert answer.at - sent.at < AT_ONCE
    # A switch that another FL also serves moves there instead.
    pair.answered_by(shared, pair.second)
    assert not pair.notices(shared, UNMANAGED)

    pair.first.script.clear()
    pair.first.switches.remove(goes)
    pair.first.start()
    pair.wait_notice(goes, EVENT, "REMOVED")
    pair.answered_by(stays, pair.first)
    assert len(pair.first.sync_requests) > syncs
    assert not pair.notices(stays, EVENT, "REMOVED")
    for switch in (stays, goes):
        assert len(pair.notices(switch, UNMANAGED)) == 1, "once per outage"
    for name, _ in pending:
        assert len(pair.requester.wait(name)) == 1
    pair.deployment.assert_running()


def test_a_reported_write_failure_is_an_outage(pair: Pair) -> None:
    """An FL whose writes failed may have lost answers, so its pending commands are answered."""
    (switch,) = pair.connect(pair.first)
    pair.first.script[switch] = Behaviour(nothing)
    name, sent = pair.ask(switch)
    pair.first.request(name)
    pair.first.failed_messages = 2
    assert error_type(pair.answer(name, sent)) is not None
    pair.wait_notice(switch, UNMANAGED)
    pair.first.script.clear()
    pair.answered_by(switch, pair.first)
    assert len(pair.requester.wait(name)) == 1


@pytest.mark.parametrize("state", ["DEACTIVATED", "REMOVED"])
def test_an_fl_that_loses_the_switch(pair: Pair, state: str) -> None:
    """A pending command ends as soon as the FL reports that the switch is gone."""
    (switch,) = pair.connect(pair.first)
    pair.first.script[switch] = Behaviour(nothing)
    name, sent = pair.ask(switch)
    pair.first.request(name)
    pair.first.event(switch, state)
    assert error_type(pair.answer(name, sent)) is not None
    after, where = pair.ask(switch)
    answer = pair.answer(after, where)
    assert error_type(answer) == "NOT_FOUND"
    assert answer.at - where.at < AT_ONCE
    assert len(pair.requester.wait(name)) == 1


def test_a_switch_moves_to_its_other_fl(pair: Pair) -> None:
    """Commands stay with the first FL until it loses the switch, then go to the second."""
    (switch,) = pair.connect(pair.first)
    pair.second.event(switch, "ACTIVATED")
    name, sent = pair.ask(switch)
    assert error_type(pair.answer(name, sent)) is None
    assert pair.first.request(name)
    pair.first.event(switch, "DEACTIVATED")
    pair.answered_by(switch, pair.second)


def test_a_read_only_switch_gets_no_commands(pair: Pair) -> None:
    """An FL that has a switch in mode RO alone cannot be asked."""
    switch = pair.once.switch()
    pair.first.event(switch, "ADDED")
    pair.wait_notice(switch, EVENT, "ADDED")
    name, sent = pair.ask(switch)
    assert error_type(pair.answer(name, sent)) == "NOT_FOUND"
    pair.first.event(switch, "ACTIVATED")
    pair.answered_by(switch, pair.first)


def test_a_switch_on_two_fls_event_by_event(pair: Pair) -> None:
    """Active lost, other lost, first back, operator moves it (issue 3, row 7): who gets its
    commands, and what listeners are told.
    """
    (switch,) = pair.connect(pair.first)
    pair.second.event(switch, "ACTIVATED")
    pair.answered_by(switch, pair.first)  # sticky: the second one is noted, and that is all

    pair.first.kill()
    pair.answered_by(switch, pair.second)  # served by the other: nothing to tell
    assert pair.told(switch) == ["ACTIVATED"]
    pair.second.kill()
    pair.wait_notice(switch, UNMANAGED)
    name, sent = pair.ask(switch)
    assert error_type(pair.answer(name, sent)) == "NOT_FOUND"

    pair.first.start()
    pair.answered_by(switch, pair.first)
    pair.second.start()
    pair.answered_by(pair.connect(pair.second)[0], pair.second)
    pair.answered_by(switch, pair.first)

    pair.deployment.tell_shard("MoveSwitch", switch, pair.second.name)
    pair.answered_by(switch, pair.second)
    pair.first.event(switch, "DEACTIVATED")
    pair.answered_by(switch, pair.second)
    assert pair.told(switch) == ["ACTIVATED", "UNMANAGED"]
    pair.second.event(switch, "DEACTIVATED")
    pair.wait_notice(switch, EVENT, "DEACTIVATED")
    name, sent = pair.ask(switch)
    assert error_type(pair.answer(name, sent)) == "NOT_FOUND"
    assert pair.told(switch) == ["ACTIVATED", "UNMANAGED", "DEACTIVATED"]


LISTED, CONNECTED = switch_id(0x51), switch_id(0x52)


def test_an_fl_without_switches_is_synced_too(broker_url: str, work_folder: Path) -> None:
    """The empty chain is complete; a SyncRequest that gets no chain at all is repeated."""
    with Deployment(
        broker_url, work_folder, floodlights=["fl-empty", "fl-silent"], sync_timeout=1 * PATIENCE
    ) as deployment:
        deployment.create_topics()
        empty = deployment.floodlight("fl-empty")
        silent = deployment.floodlight("fl-silent", switches=[LISTED])
        silent.sync = lambda request, switches: ()
        requester = deployment.requester()
        deployment.start_worker()
        silent.until(lambda: len(silent.sync_requests) >= 3, 20, "three sync requests")
        assert len(empty.sync_requests) == 1
        given = [request.correlation_id for request in silent.sync_requests]
        assert len(set(given)) == len(given), "each attempt has an id of its own"

        silent.sync = sync_chain
        name = Once().id()
        listed = f'"datapath":"{LISTED}"'.encode()
        requester.wait_where(lambda record: listed in (record.value or b""), timeout=20)
        empty.event(CONNECTED, "ACTIVATED")
        requester.wait_where(lambda record: record.payload.get("switch_id") == CONNECTED)
        for switch in (LISTED, CONNECTED):
            payload = {"clazz": INSTALL, "switch_id": switch}
            requester.send(command(payload, f"{name} {switch}"), switch)
            assert error_type(requester.wait(f"{name} {switch}")[0]) is None
