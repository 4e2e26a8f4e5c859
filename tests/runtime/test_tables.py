"""Faust's tables show what the shards of this worker hold."""

from __future__ import annotations

import pytest

from flrouter.core.state.table import TABLES
from flrouter.faust_side.app import RouterApp
from flrouter.settings.model import Settings
from tests.core.gathered import SWITCHES, holding


def test_rows_of_all_shards_are_seen_through_faust(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with any Faust app: `app.tables` has each table, and a table its rows by key."""
    app = RouterApp(Settings(broker="kafka://nowhere:1"))
    world = holding("fl-1", "fl-2")
    monkeypatch.setattr(app.shards, "owned", lambda: world.shards[:2])
    assert set(app.tables) == set(TABLES)
    switches = app.tables["switches"]
    owned = {name: world.shards[world.home(name)] for name in SWITCHES if world.home(name) < 2}
    assert 0 < len(owned) < len(SWITCHES)
    assert set(switches) == set(owned)
    assert len(switches) == len(owned)
    for name in SWITCHES:
        assert (name in switches) == (name in owned)
    name, shard = next(iter(owned.items()))
    assert switches[name] is shard.context.switches[name]
    with pytest.raises(KeyError):
        switches["00:00:00:00:00:00:00:77"]
