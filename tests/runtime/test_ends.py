"""Where partitions end is asked by several threads at once, over one client."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from flrouter.kafka import replay
from flrouter.ports import Partition
from flrouter.settings.model import load

AT = Partition("topic", 3)


def test_threads_that_ask_at_once_share_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one would take the place of the first, which then never answers who asked it."""
    made: list[Any] = []

    class Admin:
        def __init__(self, _configuration: Any) -> None:
            made.append(self)
            time.sleep(0.05)  # as long as another thread takes to come here, too

        def list_offsets(self, wanted: Any, **_: Any) -> dict[TopicPartition, Future[Any]]:
            answer: Future[Any] = Future()
            answer.set_result(SimpleNamespace(offset=7))
            return dict.fromkeys(wanted, answer)

    monkeypatch.setattr(replay, "AdminClient", Admin)
    ends = replay.Ends(load({"FLROUTER_BROKER": "kafka://localhost:1"}))
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ends.ask, [AT]) for _ in range(4)]
    assert [answer.result() for answer in asked] == [{AT: 7}] * 4
    assert len(made) == 1
