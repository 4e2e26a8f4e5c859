"""The listener's view of a network that changes while an FL is down: issue 3, row 1."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from tests.support.network import ALIVE_INTERVAL, SYNC_TIMEOUT, deployed, told, unmanaged
from tests.support.plain import switch_id
from tests.support.simulated import SimulatedFloodlight

pytestmark = pytest.mark.broker


def test_an_fl_is_killed_and_its_switches_change_while_it_is_down(
    broker_url: str, work_folder: Path
) -> None:
    """3 FLs with 40 switches each; of those of the first, four are on the second
    too; while it is down five move, three vanish and two appear.
    """
    switches = [switch_id(number) for number in range(120)]
    own, shared = switches[:36], switches[36:40]
    moved, vanished, stayed = own[:5], own[5:8], own[8:]
    appeared = [switch_id(number) for number in (0x201, 0x202)]
    with deployed(broker_url, work_folder, "fl-1", "fl-2", "fl-3") as deployment:
        first, second, third = (
            SimulatedFloodlight(deployment, name) for name in deployment.floodlights
        )
        deployment.start_worker(wait=False)
        listener = deployment.start_listener(wait=False)
        tap = deployment.tap(deployment.topic("disco"))
        first.start(*own, *shared)
        second.start(*shared, *switches[40:80])
        third.start(*switches[80:])
        view = dict.fromkeys(switches, "online")
        listener.wait_view(view, timeout=40)
        assert not unmanaged(tap.records)
        with urllib.request.urlopen(f"{listener.url}/", timeout=10) as answer:
            assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

        first.kill()
        view |= dict.fromkeys(own, "unmanaged")
        listener.wait_view(view)
        second.ask(connect=moved[:2])
        third.ask(connect=moved[2:])
        view |= dict.fromkeys(moved, "online")
        listener.wait_view(view)

        first.start(*stayed, *shared, *appeared)
        back = time.monotonic()
        view |= dict.fromkeys([*stayed, *appeared], "online") | dict.fromkeys(vanished, "offline")
        listener.wait_view(view)
        assert time.monotonic() - back < 2 * ALIVE_INTERVAL + SYNC_TIMEOUT

        def told_of(count: int) -> bool:
            gone = told(tap.records, "SwitchInfoData", "REMOVED")
            return unmanaged(tap.records).total() + gone.total() >= count

        tap.until(lambda: told_of(len(own) + len(vanished)), 10, "what the listener has heard")
        assert unmanaged(tap.records) == Counter(own)
        assert told(tap.records, "SwitchInfoData", "REMOVED") == Counter(vanished)
        deployment.assert_running()
