"""The history worker: what counts as read, and what it does while its database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from flrouter.history import record
from flrouter.history.record import Batch
from flrouter.history.search import StoreFailed
from flrouter.history.worker.app import DAY_MS, HistoryApp
from flrouter.settings.model import Settings
from tests.history.batches import batch, end


class Away:
    """A store that fails so often, then keeps what it is given."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.kept: list[Batch] = []
        self.forgotten: list[int] = []
        self.sizes: list[int] = []

    def insert(self, batches: Iterable[Batch]) -> None:
        """As a store does."""
        if self.failures:
            self.failures -= 1
            raise StoreFailed("the history in x: disk full")
        self.kept += batches

    def forget(self, before: int) -> int:
        """As a store does."""
        self.forgotten.append(before)
        return 0

    def shrink(self, max_bytes: int) -> int:
        """As a store does."""
        self.sizes.append(max_bytes)
        return 0


def made(store: Any, **settings: Any) -> HistoryApp:
    """An app that is not started."""
    return HistoryApp(Settings(**settings), store)


def test_a_database_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read does not count as read before it is kept; the trouble is told meanwhile."""
    store = Away(failures=2)
    app = made(store)
    troubles: list[str] = []

    async def sleep(_seconds: float) -> None:
        troubles.append(app.trouble)

    monkeypatch.setattr(app, "sleep", sleep)
    asyncio.run(app.keep([record.encode([batch(end())])]))
    assert troubles == ["the history in x: disk full"] * 2
    assert len(store.kept) == 1
    assert app.trouble == ""


def test_what_is_no_record_is_left_out() -> None:
    """The records beside it are kept."""
    store = Away(failures=0)
    later = record.encode([batch(end())]).replace(b"\x97\x01", b"\x97\x63", 1)
    asyncio.run(made(store).keep([b"rubbish", None, record.encode([batch(end())]), later]))
    assert len(store.kept) == 1


def test_what_is_kept_is_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many days, and so many bytes."""
    monkeypatch.setattr("flrouter.history.worker.app.time.time", lambda: 1_000_000_000.0)
    store = Away(failures=0)
    asyncio.run(made(store, history_days=3, history_max_mb=7).forget())
    assert store.forgotten == [1_000_000_000_000 - 3 * DAY_MS]
    assert store.sizes == [7_000_000]


def test_metrics_count_records_and_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the database does not have yet is lag, also while the database is away."""
    app = made(Away(failures=1), app_id="a")
    tp = TP("a-history", 0)
    values = [record.encode([batch(end())]), b"rubbish", record.encode([batch(end())])]
    app.monitor.tp_end_offsets = {tp: 10, TP("a-history", 1): 7}
    lags: list[float | None] = []

    def sample(name: str, **labels: str) -> float | None:
        full_name = f"flrouter_history_{name}"
        return app.metrics.registry.get_sample_value(full_name, {"app_id": "a"} | labels)

    class Stream:
        async def take_events(self, _limit: int, within: float) -> AsyncIterator[list[Any]]:
            yield [
                SimpleNamespace(message=SimpleNamespace(tp=tp, offset=3 + index), value=value)
                for index, value in enumerate(values)
            ]

    async def sleep(_seconds: float) -> None:
        await app.measure_lag()
        lags.append(sample("lag_records"))

    monkeypatch.setattr(app, "sleep", sleep)
    asyncio.run(app.index(cast("Any", Stream())))
    asyncio.run(app.measure_lag())
    assert (lags, sample("lag_records")) == ([7], 4)
    assert sample("read_records_total", outcome="indexed") == 2
    assert sample("read_records_total", outcome="skipped") == 1
    assert sample("database_failures_total") == 1
