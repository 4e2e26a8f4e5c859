"""A worker that meets what a later release wrote ends, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flrouter.agents import shards
from flrouter.core.shard import Shard
from flrouter.core.values.inputs import Garbled, Report
from flrouter.core.values.request import Suffixes
from flrouter.messages import headers
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from flrouter.ports import Partition, Record
from flrouter.runtime.durability.changelog import FORMAT
from flrouter.runtime.durability.formats import NewerFormat
from tests.core.world import SHARDS, catalog, rules
from tests.support.clients import Writer, committed, create_topics
from tests.support.deployment import Deployment, Worker

LATER = [(headers.ROW, bytes([FORMAT + 1]) + b"as it likes")]
TOLD = b"peer/%d" % (shards.FORMAT + 1)


@pytest.fixture
def deployment(broker_url: str, work_folder: Path) -> Iterator[Deployment]:
    """A router without a worker."""
    with Deployment(broker_url, work_folder) as found:
        found.create_topics()
        yield found


def ends(worker: Worker, why: str) -> None:
    """Wait until the worker has ended by itself; its last words are one line, and clear."""
    assert worker.wait_ended() == 1
    *before, last = worker.output().splitlines()
    assert last.startswith("flrouter: ")
    assert why in last
    assert "run the release that wrote them, or a later one" in last
    assert not [line for line in before if "Traceback" in line]


@pytest.mark.broker
@pytest.mark.parametrize("table", ["floodlights", "pending"])
def test_rows_of_a_later_release_end_a_worker(deployment: Deployment, table: str) -> None:
    """Whether it meets them when it starts, or when it takes its shards over."""
    topic = deployment.changelog(table)
    create_topics(deployment.bootstrap, {topic: deployment.partitions})
    writer = Writer(deployment.bootstrap)
    writer.send(topic, value=b"?", key=b"fl-9", partition=1, headers=LATER).get(30)
    writer.close()
    worker = deployment.start_worker(wait=False)
    ends(worker, f"{topic}/1 holds rows of format {FORMAT + 1}, this flrouter reads up to {FORMAT}")


@pytest.mark.broker
def test_what_a_later_release_tells_a_shard_ends_a_worker(deployment: Deployment) -> None:
    """And is left for a worker that understands it."""
    worker = deployment.start_worker()
    writer = Writer(deployment.bootstrap)
    topic = f"{deployment.name}-shards"
    told = writer.send(topic, value=b"?", partition=1, headers=[("flrouter-what", TOLD)]).get(30)
    writer.close()
    ends(worker, f"{topic}/1 holds records of format {shards.FORMAT + 1}")
    assert committed(deployment.bootstrap, deployment.name)[topic, 1] <= told.offset


@pytest.mark.parametrize("what", [TOLD, b"report/9"])
def test_a_format_stands_behind_a_slash(what: bytes) -> None:
    """Of whatever shards send each other."""
    record = Record(7, None, b"?", [("flrouter-what", what)])
    with pytest.raises(NewerFormat, match="flrouter-shards/0 holds records of format"):
        shards.read(Partition(SHARDS, 0), record)


@pytest.mark.parametrize(
    "what", [b"peer/1", b"peer/", b"peer/x", b"peer/\xff", b"peer/" + b"9" * 5_000, b""]
)
def test_what_no_release_writes_ends_nobody(what: bytes) -> None:
    """It is a dead letter, as ever."""
    record = Record(7, None, b"?", [("flrouter-what", what)])
    assert isinstance(shards.read(Partition(SHARDS, 0), record), Garbled)


def test_only_a_requests_home_looks_at_its_number() -> None:
    """So a worker of a later release may write it in another way."""
    asked = Suffixes("flrouter", 3).add("op-17", 2, "another!way.of/writing-it")
    data = build.message("org.openkilda.messaging.info.InfoMessage", {"clazz": "x"}, asked, 0)
    core = Shard(0, rules(), catalog())
    origin = shards.Origin("kilda.fl.fl-1.write", 0, 1)
    effects = core.decide([Report("fl-1", origin, data, decode(data), [])], 1_000)
    [passed] = effects.sends
    assert (passed.topic, passed.partition, passed.value) == (SHARDS, 2, data)
