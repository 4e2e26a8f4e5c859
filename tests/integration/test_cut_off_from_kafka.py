"""An FL that cannot reach Kafka for a while: issue 3, row 2."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flrouter import embedded
from tests.support.network import deployed, unmanaged
from tests.support.plain import switch_id
from tests.support.proxy import Proxy
from tests.support.simulated import SimulatedFloodlight

pytestmark = pytest.mark.broker

#: s.
CUT_FOR = 20.0


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A broker of its own (whatever the other tests use) that is reached through the proxy only."""
    port = embedded.free_port()
    proxy = Proxy(port, "flrouter-speaker-fl-1")
    broker = embedded.start(port, advertised=proxy.port)
    try:
        yield proxy
    finally:
        broker.kill()
        broker.wait(10)
        proxy.close()


def test_ports_change_while_an_fl_is_cut_off(proxy: Proxy, work_folder: Path) -> None:
    """It reports the writes that failed, a sync follows, and the view is true again."""
    one, two = switch_id(1), switch_id(2)
    up = {"state": "online", "ports": {"1": "UP", "2": "UP"}}
    with deployed(f"tansu://127.0.0.1:{proxy.port}", work_folder, "fl-1") as deployment:
        fl = SimulatedFloodlight(deployment, "fl-1")
        deployment.start_worker(wait=False)
        listener = deployment.start_listener(wait=False)
        said = deployment.tap(deployment.write_topic("fl-1"))
        asked = deployment.tap(deployment.read_topic("fl-1"))
        disco = deployment.tap(deployment.topic("disco"))
        fl.start(one, two, write_timeout_ms=2000)
        listener.wait_view({one: up, two: up}, timeout=40)
        syncs = sum(b"NetworkCommandData" in (each.value or b"") for each in asked.records)

        proxy.cut_off()
        cut = time.monotonic()
        fl.tell(port=1, switch=one, state="DOWN")
        listener.wait_view({one: "unmanaged", two: "unmanaged"})
        heard = len(said.records)
        fl.tell(port=2, switch=two, state="DOWN")
        fl.tell(port=2, switch=one, state="DOWN")
        fl.tell(port=2, switch=one, state="UP")
        time.sleep(max(0.0, cut + CUT_FOR - time.monotonic()))  # nothing happens meanwhile
        assert len(said.records) == heard, "it was not cut off"
        proxy.let_through()

        said.wait_for(lambda each: (each.payload.get("failed_messages") or 0) > 0, timeout=30)
        asked.wait_for(
            lambda each: b"NetworkCommandData" in (each.value or b""), syncs + 1, timeout=30
        )
        listener.wait_view(
            {
                one: {"state": "online", "ports": {"1": "DOWN", "2": "UP"}},
                two: {"state": "online", "ports": {"1": "UP", "2": "DOWN"}},
            },
            timeout=30,
        )
        disco.until(lambda: set(unmanaged(disco.records)) == {one, two}, 10, "both to be told")
        deployment.assert_running()
