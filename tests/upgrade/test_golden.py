"""What the release before wrote is read today, and what is written today it could read."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from flrouter.agents import shards as reader
from flrouter.core.shard import Shard
from flrouter.core.state.table import TABLES
from flrouter.core.values import peers, records
from flrouter.core.values.inputs import Command, Report, Told
from flrouter.core.values.request import Origin
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from flrouter.ports import Partition, Record
from flrouter.runtime.state import reading
from tests.core.world import SHARDS, catalog, rules

GOLDEN = Path(__file__).parent / "golden"


@cache
def golden(name: str) -> Any:
    """A file of what that release wrote."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def bytes_of(text: str) -> bytes:
    """Bytes, as the files have them."""
    return base64.b64decode(text)


def said(value: Any) -> Any:
    """A record in the words of these files: with those fields alone that there were."""
    names = golden("release")["fields"][type(value).__name__]
    found = {name: msgspec.to_builtins(getattr(value, name)) for name in names}
    if isinstance(value, records.Switch):
        known = len(golden("release")["fields"]["Holder"])
        found["holders"] = {name: holder[:known] for name, holder in found["holders"].items()}
    return json.loads(json.dumps({"kind": type(value).__name__, **found}))


ROWS = [(table, row) for table in TABLES for row in golden("samples")[table]]
BETWEEN = [
    (name, record)
    for name, samples in golden("samples").items()
    for record in samples
    if name not in TABLES
]


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_its_rows_say_the_same(table: str, row: dict[str, Any]) -> None:
    """Every field that it knew has the value that it had."""
    core = Shard(0, rules(), catalog())
    reading.put(core, table, row["key"].encode(), bytes_of(row["value"]))
    value = getattr(core.context, table)[row["key"]]
    assert said(value) == row["says"]


@pytest.mark.parametrize(("name", "record"), BETWEEN)
def test_what_its_shards_tell_each_other_is_understood(name: str, record: dict[str, Any]) -> None:
    """Records of the shards' own topic."""
    headers = [(header, value.encode()) for header, value in record["headers"]]
    read = reader.read(Partition(SHARDS, 0), Record(7, None, bytes_of(record["value"]), headers))
    if name in ("command", "report"):
        assert isinstance(read, {"command": Command, "report": Report}[name])
        assert str(read.origin) == dict(record["headers"])["flrouter-origin"]
    else:
        assert isinstance(read, Told)
        assert said(read.peer) == record["says"]


def written() -> list[Any]:
    """The kinds of all records that are in tables, and of those between shards."""
    kinds: list[Any] = [*get_args(peers.Peer), records.Holder]
    for kind in TABLES.values():
        kinds += get_args(kind) or [kind]
    return kinds


@pytest.mark.parametrize("kind", written(), ids=lambda kind: kind.__name__)
def test_what_is_written_today_it_could_read(kind: Any) -> None:
    """Fields are arrays' items: what it knew stands where it stood, and what is new behind it."""
    before = golden("release")["fields"].get(kind.__name__)
    if before is None:
        # A kind that it does not know. It may be written only where it could not be configured.
        assert kind in (peers.Populate,)
        return
    known = msgspec.structs.fields(kind)
    assert [field.name for field in known[: len(before)]] == before
    for field in known[len(before) :]:
        assert not field.required, f"{field.name} is not there in rows of before"


def under_way() -> list[tuple[dict[str, Any], str]]:
    """Shards, and in each a request that an FL had been sent."""
    return [
        (shard, number)
        for shard in golden("shards")
        for number, row in shard["rows"]["pending"].items()
        if _is_sent(msgspec.msgpack.decode(bytes_of(row), type=records.Pending))
    ]


def _is_sent(pending: records.Pending) -> bool:
    return bool(pending.floodlight and pending.switch) and pending.gather < 0


@pytest.mark.parametrize(("shard", "number"), under_way())
def test_its_requests_get_their_answers(shard: dict[str, Any], number: str) -> None:
    """A shard goes on where it left off, under the request numbers that it gave out."""
    app_id = golden("release")["rules"]["app_id"]
    core = Shard(shard["number"], rules(shard["partitions"], app_id=app_id), catalog())
    for table, rows in shard["rows"].items():
        for key, value in rows.items():
            reading.put(core, table, key.encode(), bytes_of(value))
    core.restored(shard["now"])
    pending = core.context.pending[number]
    asked = core.context.suffixes.add(pending.correlation_id, shard["number"], number)
    data = build.message("org.openkilda.messaging.info.InfoMessage", {"clazz": "x"}, asked, 0)
    origin = Origin("kilda.fl.x.write", shard["number"], 1)
    effects = core.decide(
        [Report(pending.floodlight, origin, data, decode(data), [])], shard["now"]
    )
    [answer] = [send for send in effects.sends if send.topic == pending.reply_topic]
    assert answer.value is not None
    assert msgspec.json.decode(answer.value)["correlation_id"] == pending.correlation_id
    assert number not in core.context.pending


def test_links_that_it_kept_as_they_came_are_found() -> None:
    """Of a chain: today they are kept in order."""
    shard, number = under_way()[0]
    core = Shard(shard["number"], rules(shard["partitions"]), catalog())
    row = msgspec.msgpack.decode(bytes_of(shard["rows"]["pending"][number]))
    names = golden("release")["fields"]["Pending"]
    row[names.index("total")], row[names.index("ahead")] = 4, [3, 1]
    reading.put(core, "pending", number.encode(), msgspec.msgpack.encode(row))
    core.restored(shard["now"])
    assert core.context.pending[number].ahead == [1, 3]
