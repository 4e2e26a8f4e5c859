"""Commands of other pages, run as they stand against a real router."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flrouter import embedded, speaker
from flrouter.history.sqlite import SqliteStore
from flrouter.settings.model import Settings
from tests.docs.blocks import ROOT, of_page
from tests.docs.shell import run
from tests.history.batches import batch, end
from tests.openkilda.field import Field
from tests.support.deployment import Deployment
from tests.support.plain import INSTALL, Behaviour, command, info, switch_id
from tests.web.past import history_worker, in_background

TOKEN = "correct-horse-battery-staple"


def commands(page: str) -> list[str]:
    """The page's lines for a shell."""
    return [block.text for block in of_page(page) if block.language == "sh"]


@pytest.mark.parametrize("page", ["docs/growth.md", "docs/operating.md"])
def test_the_model_s_figures(page: str) -> None:
    """It calculates what the page says that it does."""
    lines = [text for text in commands(page) if "benchmarks.model" in text]
    assert "PARTITIONS" in run(lines, ROOT, timeout=30)


def test_the_reference_has_all_of_the_sdk() -> None:
    """Every class that `flrouter.speaker` offers."""
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    for name in speaker.__all__:
        each = getattr(speaker, name)
        if isinstance(each, type):
            assert f"::: {each.__module__}.{name}\n" in page, name


@pytest.mark.broker
def test_the_page_on_the_api(broker_url: str, work_folder: Path) -> None:
    """No request is refused, and the one that somebody looks for is found."""
    store = SqliteStore(work_folder / "history")
    store.insert([batch(end(correlation_id="op-16"))])
    with (
        in_background(history_worker(store, Settings())) as history,
        Deployment(
            broker_url, work_folder, token=TOKEN, response_timeout=30, history_url=history
        ) as deployment,
    ):
        deployment.create_topics()
        for name in ("fl-1", "fl-2"):
            deployment.floodlight(name, switches=[switch_id(1)]).default = Behaviour(info())
        worker = deployment.start_worker()
        requester = deployment.requester()
        payload = {"clazz": INSTALL, "switch_id": switch_id(1)}
        requester.send(command(payload, "op-17"), switch_id(1))
        requester.wait("op-17")
        lines = ['curl() { command curl --silent --show-error --fail "$@"; echo; }']
        router = f"http://127.0.0.1:{worker.web_port}"
        found = run([*lines, *commands("docs/api.md")], work_folder, 60, ROUTER=router, TOKEN=TOKEN)
        assert '"correlation_id":"op-17"' in found
        assert '"correlation_id":"op-16"' in found
        assert f"{switch_id(1)} goes to fl-2 and stays there" in found


@pytest.mark.broker
def test_the_page_on_the_command_line(broker_url: str, work_folder: Path) -> None:
    """Every command does what the page says, without a warning."""
    with Deployment(broker_url, work_folder, token=TOKEN, response_timeout=30) as deployment:
        deployment.create_topics()
        for name in ("fl-1", "fl-2"):
            deployment.floodlight(name, switches=[switch_id(1)]).default = Behaviour(info())
        worker = deployment.start_worker()
        requester = deployment.requester()
        requester.send(b"rubbish")
        payload = {"clazz": INSTALL, "switch_id": switch_id(1)}
        requester.send(command(payload, "op-17"), switch_id(1))
        requester.wait("op-17")
        settings = deployment.settings | {"worker_url": f"http://127.0.0.1:{worker.web_port}"}
        found = run(commands("docs/command-line.md"), work_folder, 90, settings)
        assert "all is well" in found
        assert "1 sent to" in found
        assert found.count("is put back to") == 1
        assert "fl-2 is drained: 0 switches stay" in found
        assert "fl-4 is removed" in found


@pytest.mark.broker
def test_the_page_on_openkilda(broker_url: str, work_folder: Path) -> None:
    """A region is made known; its Floodlight does not acknowledge, as the profile says."""
    with Field(broker_url, work_folder, "openkilda-2019", "2019", ["other"]) as field:
        worker = field.start_worker()
        settings = field.settings | {"worker_url": f"http://127.0.0.1:{worker.web_port}"}
        found = run(commands("docs/openkilda.md"), work_folder, 60, settings)
        [row] = [
            re.split(r"\s{2,}", line) for line in found.splitlines() if line.startswith("reg1 ")
        ][-1:]
        assert "no" in row


@pytest.mark.broker
def test_the_readme_s_commands_run(tmp_path: Path) -> None:
    """A router, a simulated FL, one for real switches, and a listener, all at once."""
    [block] = [each for each in commands("README.md") if "flrouter worker" in each]
    with embedded.broker() as url:
        script = [_wait("6066/readyz", "ok")]
        for number, line in enumerate(block.splitlines()):
            if line.startswith("pip install"):
                continue  # it is installed here
            if line.startswith(("flrouter worker", "flrouter speaker", "faust")):
                bare = line.partition("#")[0]
                script.append(f"{bare} > {number}.log 2>&1 &")
            else:
                script.append(line.replace("kafka://kafka-1:9092", url))
            if line.startswith("flrouter worker"):
                script.append("until_ready")
        script += [_wait("6066/api/v1/switches", switch_id(100)), "until_ready"]
        script += [_wait("6067/network", switch_id(100)), "until_ready"]
        script += ["jobs -r"]
        found = run(script, tmp_path, timeout=60)
        assert found.count("Running") == 4, found


def _wait(where: str, what: str) -> str:
    return (
        "until_ready() { until curl --silent http://127.0.0.1:" + where + f" | grep --quiet {what};"
        " do sleep 0.5; done; }"
    )
