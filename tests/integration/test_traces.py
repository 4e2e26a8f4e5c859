"""One trace from the requester through the router to the FL and back, as a collector sees it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.collector import Collector
from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, Requester, command, error_type, switch_id
from tests.support.simulated import SimulatedFloodlight

pytestmark = pytest.mark.broker

PARENT = "00f067aa0ba902b7"


@dataclass
class Stage:
    """A router and an FL that make traces, and who collects them."""

    collector: Collector
    requester: Requester
    floodlight: SimulatedFloodlight
    deployment: Deployment

    def send(
        self, name: str, switch: int, flags: str = "01", clazz: str = INSTALL, **more: object
    ) -> str:
        """Send a command under a trace of its own, whose id is returned."""
        trace_id = secrets.token_hex(16)
        headers = [("traceparent", f"00-{trace_id}-{PARENT}-{flags}".encode())]
        payload = {"clazz": clazz, "switch_id": switch_id(switch), **more}
        self.requester.send(command(payload, name), headers=headers)
        return trace_id


@pytest.fixture(scope="module")
def stage(broker_url: str, work_folder: Path) -> Iterator[Stage]:
    """One worker and one FL with one switch."""
    with (
        Collector() as collector,
        Deployment(
            broker_url, work_folder, floodlights=["fl-1"], traces_url=collector.url
        ) as deployment,
    ):
        deployment.create_topics()
        floodlight = SimulatedFloodlight(deployment, "fl-1")
        floodlight.start(switch_id(1), traces_url=collector.url)
        requester = deployment.requester()
        deployment.start_worker()
        stage = Stage(collector, requester, floodlight, deployment)
        stage.send("first", 1)
        requester.wait("first", timeout=20)
        yield stage


def test_requester_router_floodlight_and_back(stage: Stage) -> None:
    """Each one's span is the next one's parent, and the answer says the same trace."""
    trace_id = stage.send("op-1", 1)
    [answer] = stage.requester.wait("op-1")
    assert error_type(answer) is None
    spans = {span.service: span for span in stage.collector.of(trace_id, 2)}
    router, floodlight = spans[stage.deployment.name], spans["flrouter-speaker"]
    assert router.parent_id == PARENT
    assert floodlight.parent_id == router.span_id
    assert router.start <= floodlight.start <= floodlight.end <= router.end
    assert router.attributes["flrouter.correlation_id"] == "op-1"
    assert router.attributes["flrouter.switch"] == switch_id(1)
    assert router.attributes["flrouter.floodlight"] == "fl-1"
    assert floodlight.attributes["flrouter.command"] == INSTALL
    assert not router.failed
    assert not floodlight.failed
    assert answer.headers["traceparent"] == f"00-{trace_id}-{floodlight.span_id}-01".encode()


def test_an_error_is_seen_in_the_trace(stage: Stage) -> None:
    """Nobody holds the switch: the router's span alone, which failed."""
    trace_id = stage.send("op-2", 99)
    [answer] = stage.requester.wait("op-2")
    [span] = stage.collector.of(trace_id, 1)
    assert (span.failed, span.attributes["error.type"]) == (True, "NOT_FOUND")
    assert answer.headers["traceparent"].startswith(f"00-{trace_id}-{span.span_id}".encode())


def test_an_error_of_an_fl_is_seen_in_its_span(stage: Stage) -> None:
    """The switch has no such port."""
    port = "org.openkilda.messaging.command.switches.DumpPortDescriptionRequest"
    trace_id = stage.send("op-6", 1, clazz=port, port_number=99)
    stage.requester.wait("op-6")
    spans = {span.service: span for span in stage.collector.of(trace_id, 2)}
    floodlight = spans["flrouter-speaker"]
    assert (floodlight.failed, floodlight.attributes["error.type"]) == (True, "NOT_FOUND")


def test_what_is_not_sampled_is_not_collected(stage: Stage) -> None:
    """Its header goes round all the same."""
    quiet = stage.send("op-3", 1, flags="00")
    [answer] = stage.requester.wait("op-3")
    assert answer.headers["traceparent"] == f"00-{quiet}-{PARENT}-00".encode()
    loud = stage.send("op-4", 1)
    stage.collector.of(loud, 2)
    with pytest.raises(TimeoutError):
        stage.collector.of(quiet, 1, timeout=0)


def test_what_is_left_is_sent_at_the_end(stage: Stage) -> None:
    """A worker that is stopped sends the spans that waited for company."""
    trace_id = stage.send("op-5", 99)
    stage.requester.wait("op-5")
    stage.deployment.workers[0].terminate()
    assert len(stage.collector.of(trace_id, 1)) == 1
    assert "Traceback" not in stage.deployment.workers[0].output()
