"""Row 2: an FL is killed while rules are installed; the switches' other controllers take over."""

from __future__ import annotations

from functools import partial

import pytest

from flrouter.demo.openvswitch import difference
from tests.openflow.network import OWN, Network, transit
from tests.support.api import until
from tests.support.plain import command, error_type

pytestmark = pytest.mark.broker

RULES = 2_000
#: of them, sent before the kill; and answered by then, at least.
BEFORE = 1_000
ANSWERED = 300


def test_an_fl_is_killed_while_rules_are_installed(network: Network) -> None:  # noqa: C901 - a story
    """Every command is answered once, and what was answered with success is in its table; when the
    errors were sent again, each table is what was commanded.
    """
    names = sorted(network.floodlights)
    switches = {
        f"s{number}": network.bridge(f"s{number}", names[number % 3], names[(number + 1) % 3])
        for number in range(6)
    }
    network.start()
    network.wait_served(*switches.values())
    bridges = list(switches)
    requester = network.requester
    #: correlation id → cookie of all that was ever sent.
    sent: dict[str, int] = {}

    def bridge(cookie: int) -> str:
        return bridges[cookie % len(bridges)]

    def send(cookies: list[int]) -> list[str]:
        fresh = {network.once.id(): cookie for cookie in cookies}
        for name, cookie in fresh.items():
            switch = switches[bridge(cookie)]
            requester.post(command(transit(switch, cookie), name), switch)
        requester.flush()
        sent.update(fresh)
        return list(fresh)

    def wait(some: list[str], count: int) -> None:
        requester.until(
            lambda: sum(name in requester.by_id for name in some) >= count, 90, f"{count} answers"
        )

    def tables() -> dict[str, set[int]]:
        return {name: set(network.ovs.flows(name)) - OWN for name in bridges}

    first = send(list(range(1, BEFORE + 1)))
    wait(first, ANSWERED)
    victim = network.speaks_for_most()
    network.floodlights[victim].kill()
    some = first + send(list(range(BEFORE + 1, RULES + 1)))
    wait(some, RULES)

    def failed(some: list[str]) -> list[int]:
        return [sent[name] for name in some if error_type(requester.answers_to(name)[0])]

    again = failed(some)
    assert again, "it was killed in the middle"
    installed = tables()
    for cookie in set(range(1, RULES + 1)) - set(again):
        assert cookie in installed[bridge(cookie)], f"{cookie} was answered with success"
    for name, cookies in installed.items():
        assert {bridge(cookie) for cookie in cookies} <= {name}, "nowhere else"
    # Whether these took effect is not known, the errors say; so their requester sends them again.
    network.wait_served(*switches.values())
    while again:
        retried = send(again)
        wait(retried, len(retried))
        again = failed(retried)

    wanted: dict[str, set[int]] = {name: set() for name in bridges}
    for cookie in range(1, RULES + 1):
        wanted[bridge(cookie)].add(cookie)
    assert difference(wanted, tables()) == {}
    for name in sent:
        assert len(requester.answers_to(name)) == 1
    for name in bridges:
        alive = 1 if victim in network.controllers[name] else 2
        until(partial(network.ovs.connected, name), alive.__eq__)
    network.deployment.assert_running()
