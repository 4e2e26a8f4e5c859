"""Listeners and workers that are killed in the middle of a sync or an outage: issue 3, row 5."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.api import until
from tests.support.changelogs import wait_kept
from tests.support.deployment import Deployment, Listener
from tests.support.network import deployed, unmanaged
from tests.support.plain import Floodlight, O, Request, command, switch_id, sync_chain

pytestmark = pytest.mark.broker


class HalfWay:
    """A router, a listener, and an FL whose chains stop half-way when the test says so."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.switches = [switch_id(number) for number in range(1, 7)]
        self.fl: Floodlight = deployment.floodlight("fl-1", switches=self.switches)
        self.fl.sync = self._sync
        self.requester = deployment.requester(only=[deployment.topic("disco")])
        self.router = deployment.start_worker(wait=False)
        self.listener: Listener = deployment.start_listener(wait=False)
        #: whether the second half of a chain is kept back, and that of the last one.
        self.halve = False
        self.rest: list[bytes] = []
        self.listener.wait_view(self.view("online"), timeout=40)

    def view(self, state: str) -> dict[str, str]:
        """All switches in this state."""
        return dict.fromkeys(self.switches, state)

    def _sync(self, request: Request, switches: Sequence[str]) -> Sequence[bytes]:
        links = list(sync_chain(request, switches))
        if not self.halve:
            return links
        self.rest = links[3:]
        return links[:3]

    def begin_sync(self) -> None:
        """Ask for a sync, which stops half-way through its chain."""
        self.halve = True
        before = self._links()
        request = {"clazz": f"{O}.command.discovery.NetworkCommandData"}
        self.requester.send(command(request, "please"))
        self.requester.until(lambda: self._links() >= before + 3, 20, "half of a chain")

    def finish_sync(self) -> None:
        """The chain goes on."""
        self.halve = False
        for link in self.rest:
            self.fl.write(link, None)

    def replace_switches(self) -> None:
        """Unseen by anybody, the FL has another set of switches from now on."""
        gone = self.fl.switches.pop()
        self.fl.switches.add(switch_id(0x77))
        self.expected = self.view("online") | {gone: "offline", switch_id(0x77): "online"}

    def _links(self) -> int:
        return sum(
            b"NetworkDumpSwitchData" in (each.value or b"") for each in self.requester.answers
        )


@pytest.fixture
def half_way(broker_url: str, work_folder: Path) -> Iterator[HalfWay]:
    """Everything online."""
    with deployed(broker_url, work_folder, "fl-1") as deployment:
        yield HalfWay(deployment)


def test_the_listener_is_killed_in_the_middle_of_a_sync(half_way: HalfWay) -> None:
    """What it had read of the chain is lost; it asks for another one itself."""
    half_way.begin_sync()
    half_way.listener.kill()
    half_way.replace_switches()
    half_way.finish_sync()
    asked = len(half_way.fl.sync_requests)
    listener = half_way.deployment.start_listener(wait=False)
    listener.wait_view(half_way.expected, timeout=40)
    assert len(half_way.fl.sync_requests) > asked
    assert not unmanaged(half_way.requester.answers)
    half_way.deployment.assert_running(half_way.router, listener)


def test_one_of_two_listeners_is_killed(half_way: HalfWay) -> None:
    """The other one has the whole view then, with what changed unseen meanwhile."""
    second = half_way.deployment.start_listener()
    both = [half_way.listener, second]
    (holder,) = until(lambda: [each for each in both if each.view()], lambda those: len(those) == 1)
    holder.wait_view(half_way.view("online"))
    (other,) = (each for each in both if each is not holder)
    half_way.replace_switches()
    holder.kill()
    other.wait_view(half_way.expected, timeout=40)
    assert not unmanaged(half_way.requester.answers)
    half_way.deployment.assert_running(half_way.router, other)


def test_the_router_is_killed_in_the_middle_of_a_sync(half_way: HalfWay) -> None:
    """The next worker begins the sync anew, and the first chain is dropped."""
    half_way.begin_sync()
    half_way.router.kill()
    half_way.replace_switches()
    half_way.halve = False
    router = half_way.deployment.start_worker(wait=False)
    half_way.listener.wait_view(half_way.expected, timeout=40)
    assert not unmanaged(half_way.requester.answers)
    half_way.deployment.assert_running(router, half_way.listener)


def test_all_workers_are_killed_in_an_outage(half_way: HalfWay) -> None:
    """The next ones know of the outage, tell nothing twice, and see its end."""
    half_way.fl.kill()
    half_way.listener.wait_view(half_way.view("unmanaged"))
    # What was done just before a kill is done again: wait until it is kept.
    for name in ("floodlights", "switches"):
        wait_kept(half_way.deployment, [half_way.router], name)
    half_way.router.kill()
    half_way.listener.kill()
    half_way.replace_switches()
    router = half_way.deployment.start_worker(wait=False)
    listener = half_way.deployment.start_listener(wait=False)
    listener.wait_view(half_way.view("unmanaged"), timeout=40)
    router.wait_ready()
    half_way.fl.start()
    listener.wait_view(half_way.expected)
    answers, switches = half_way.requester.answers, half_way.switches
    half_way.requester.until(lambda: unmanaged(answers).keys() == set(switches), 10, "all told")
    assert unmanaged(answers) == Counter(switches)
    half_way.deployment.assert_running(router, listener)
