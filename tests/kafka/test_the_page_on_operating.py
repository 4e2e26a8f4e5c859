"""docs/operating.md: where a new app begins on a topic that is not new, with Kafka's own tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import of_page
from tests.docs.shell import run
from tests.kafka import jars
from tests.kafka.cluster import Cluster
from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, Requester, command, switch_id

SWITCH = switch_id(1)
TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
LEFT_OFF, END = (
    block.text for block in of_page("docs/operating.md") if "--reset-offsets" in block.text
)


def ask(requester: Requester, name: str) -> None:
    """Send a command whose payload has this name too."""
    requester.send(command({"clazz": INSTALL, "switch_id": SWITCH, "serial": name}, name), SWITCH)


def begin(cluster: Cluster, lines: str, old: Deployment, new: Deployment) -> None:
    """Run the page's lines for these two apps."""
    for told, meant in (
        ("kafka-1:9092", cluster.bootstrap),
        ("--group flrouter-2 ", f"--group {new.name} "),
        ("--group flrouter ", f"--group {old.name} "),
        ("--topic kilda.speaker ", f"--topic {old.inbound} "),
    ):
        lines = lines.replace(told, meant)
    java = f"{jars.java().command} -cp '{jars.folder()}/*' {TOOL}"
    run([f'kafka-consumer-groups.sh() {{ {java} "$@"; }}', lines], new.folder, timeout=60)


@pytest.mark.parametrize(("lines", "expected"), [(LEFT_OFF, ["b", "c"]), (END, ["c"])])
def test_commands_of_before_are_not_carried_out_again(
    cluster: Cluster, work_folder: Path, lines: str, expected: list[str]
) -> None:
    """Of one that was answered, one that the old app left, and one sent afterwards."""
    with (
        Deployment(cluster.url, work_folder, floodlights=["fl-1"]) as old,
        Deployment(
            cluster.url, work_folder, floodlights=["fl-1"], inbound_topics=old.inbound
        ) as new,
    ):
        old.create_topics()
        old.floodlight("fl-1", switches=[SWITCH])
        worker = old.start_worker()
        requester = old.requester()
        ask(requester, "a")
        requester.wait("a", timeout=20)
        worker.terminate()
        ask(requester, "b")
        new.create_topics()
        begin(cluster, lines, old, new)
        floodlight = new.floodlight("fl-1", switches=[SWITCH])
        answers = new.requester()
        new.start_worker()
        ask(requester, "c")
        answers.wait("c", timeout=20)
        serials = [each.serial for each in floodlight.received]
        assert serials == expected
