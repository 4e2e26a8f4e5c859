"""docs/floodlight-side.md: its messages are what the router reads, and its FL works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from flrouter.messages.chains import Link, link_of
from flrouter.messages.envelope import decode
from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, O, command, error_type, switch_id

PAGE = (Path(__file__).parents[2] / "docs" / "floodlight-side.md").read_text("utf-8")
SWITCHES = [switch_id(1), switch_id(2), switch_id(3)]


def blocks(language: str) -> list[str]:
    """The page's examples in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_its_chains_are_read() -> None:
    """As the one link of a chain of one, and as the empty chain."""
    whole, empty = (link_of(decode(text.encode())) for text in blocks("json"))
    assert isinstance(whole, Link)
    assert (whole.index, whole.total) == (0, 1)
    assert isinstance(empty, Link)
    assert empty.total == 0


@pytest.mark.broker
def test_its_floodlight_works(broker_url: str, work_folder: Path) -> None:
    """It is found, synced and commanded, by a real worker."""
    with Deployment(broker_url, work_folder, floodlights=["fl-1"]) as deployment:
        deployment.create_topics()
        [code] = blocks("python")
        script = work_folder / "floodlight.py"
        script.write_text(code, "utf-8")
        topics = deployment.read_topic("fl-1"), deployment.write_topic("fl-1")
        with (work_folder / "floodlight.log").open("wb") as log:
            arguments = [sys.executable, str(script), deployment.bootstrap, *topics, *SWITCHES]
            floodlight = subprocess.Popen(arguments, stdout=log, stderr=log)
        deployment.on_close(floodlight.wait)
        deployment.on_close(floodlight.kill)
        requester = deployment.requester()
        deployment.start_worker()

        requester.send(command({"clazz": f"{O}.command.discovery.NetworkCommandData"}, "sync"))
        requester.wait_where(
            lambda each: (
                str(each.message.get("correlation_id")).startswith("sync~")
                and each.payload["switch_record"]["datapath"] in SWITCHES
            ),
            count=len(SWITCHES),
            timeout=40,
        )
        for switch in SWITCHES:
            asked = command({"clazz": INSTALL, "switch_id": switch, "odd": [1.50]}, f"do {switch}")
            requester.send(asked, switch)
        for switch in SWITCHES:
            [answer] = requester.wait(f"do {switch}", timeout=20)
            assert error_type(answer) is None
            assert answer.payload["switch_id"] == switch
        assert floodlight.poll() is None, (work_folder / "floodlight.log").read_text()
