"""The router's tables, replayed from their changelogs by somebody who knows only MessagePack."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgpack

from flrouter.core.state.table import TABLES
from tests.support.clients import Record, read_all
from tests.support.deployment import Deployment, Worker

#: partition and key to value; the same key in two partitions would be two shards' claims.
Table = dict[tuple[int, bytes], Any]


def replay(records: list[Record]) -> Table:
    """What a table holds after these records; a null value is a tombstone, a fence among them."""
    table: Table = {}
    for record in records:
        assert record.key is not None, f"a changelog record without a key at {record.place}"
        if record.value is None:
            table.pop((record.partition, record.key), None)
        else:
            table[record.partition, record.key] = unpack(record)
    return table


def unpack(record: Record) -> Any:
    """A changelog record's value; fails when it is anything but one MessagePack value."""
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(record.value or b"")
    value = unpacker.unpack()
    assert unpacker.tell() == len(record.value or b""), f"more than one value at {record.place}"
    assert isinstance(value, dict | list), f"neither map nor array at {record.place}: {value!r}"
    return value


def tables(deployment: Deployment) -> dict[str, Table]:
    """All tables as their changelogs have them now."""
    return {
        name: replay(read_all(deployment.bootstrap, [deployment.changelog(name)]))
        for name in TABLES
    }


def wait_table(
    deployment: Deployment, name: str, what: Callable[[Table], object], timeout: float = 20.0
) -> Table:
    """The table `name` as soon as `what` is true of it."""
    until = time.monotonic() + timeout
    while True:
        table = replay(read_all(deployment.bootstrap, [deployment.changelog(name)]))
        if what(table):
            return table
        if time.monotonic() > until:
            raise TimeoutError(f"{name} did not come to that within {timeout} s: {table}")
        time.sleep(0.1)


def living(workers: Iterable[Worker], name: str) -> Table:
    """The table `name` as the workers hold it, in the form of :func:`comparable`."""
    table: Table = {}
    for worker in workers:
        url = f"http://127.0.0.1:{worker.web_port}/tables/{name}"
        with urllib.request.urlopen(url, timeout=10) as page:
            for shard, key, value in map(json.loads, page):
                table[shard, key.encode()] = value
    return table


def wait_kept(deployment: Deployment, workers: Iterable[Worker], name: str) -> None:
    """Wait until the changelog of a table holds what the workers hold: a kill forgets nothing."""
    wait_table(deployment, name, lambda table: comparable(table) == living(workers, name))


def comparable(value: Any) -> Any:
    """A changelog's value as JSON has it: bytes in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(inner) for inner in value]
    return value


def texts(value: Any) -> Iterator[str]:
    """Every text and number in a value, however deep, keys of maps too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    else:
        yield str(value)


def mentions(key: tuple[int, bytes], value: Any, *wanted: str) -> bool:
    """Whether all of these texts stand in a table's entry, each within its key or some text."""
    found = [key[1].decode("utf-8", "replace"), *texts(value)]
    return all(any(text in part for part in found) for text in wanted)
