"""What a store of the history promises, whatever the database."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flrouter.core.values.effects import Happening
from flrouter.history.postgresql import PostgresqlStore
from flrouter.history.search import (
    ANY_ERROR,
    BadSearch,
    EventSearch,
    Search,
    StoreFailed,
)
from flrouter.history.sqlite import SqliteStore
from flrouter.history.store import Store
from tests.history.batches import DAY_MS, MIDNIGHT, batch, end
from tests.support import postgresql

ONE, TWO = "00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """PostgreSQL, where it is installed."""
    with postgresql.server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    opened: Store
    if request.param == "sqlite":
        opened = SqliteStore(tmp_path / "history")
    else:
        address = request.getfixturevalue("server")
        opened = PostgresqlStore(postgresql.empty_database(address, f"h{uuid.uuid4().hex}"))
    yield opened
    opened.close()


def found(store: Store, search: Search) -> list[str]:
    """The correlation ids of what meets it."""
    return [request.correlation_id for request in store.search(search).items]


@pytest.fixture
def filled(store: Store) -> Store:
    """One with a few requests of two days."""
    store.insert(
        [
            batch(end(MIDNIGHT - 60_000, correlation_id="yesterday", switch=TWO)),
            batch(
                end(MIDNIGHT + 1_000, correlation_id="op-A1b2C3 : 7", kind="InstallFlow"),
                end(
                    MIDNIGHT + 2_000,
                    correlation_id="op-2",
                    floodlight="fl-2",
                    error="NOT_FOUND: gone",
                ),
                end(MIDNIGHT + 3_000, correlation_id="op-3", error="OPERATION_TIMED_OUT: late"),
            ),
            batch(end(MIDNIGHT + 4_000, correlation_id="op-4", switch=TWO, floodlight="fl-2")),
        ]
    )
    return store


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (Search(), ["op-4", "op-3", "op-2", "op-A1b2C3 : 7", "yesterday"]),
        (Search(switch=TWO), ["op-4", "yesterday"]),
        (Search(switch=TWO, since=MIDNIGHT), ["op-4"]),
        (Search(switch=TWO, until=MIDNIGHT), ["yesterday"]),
        (Search(since=MIDNIGHT + 2_000, until=MIDNIGHT + 4_000), ["op-3", "op-2"]),
        (Search(floodlight="fl-2"), ["op-4", "op-2"]),
        (Search(floodlight="fl-2", error="NOT_FOUND"), ["op-2"]),
        (Search(floodlight="fl-2", error="OPERATION_TIMED_OUT"), []),
        (Search(floodlight="fl-1", error=ANY_ERROR), ["op-3"]),
        (Search(error=ANY_ERROR), ["op-3", "op-2"]),
        (Search(error="NOT_FOUND"), ["op-2"]),
        (Search(completed=True, since=MIDNIGHT), ["op-4", "op-A1b2C3 : 7"]),
        (Search(kind="InstallFlow"), ["op-A1b2C3 : 7"]),
        (Search(correlation_id="a1B2"), ["op-A1b2C3 : 7"]),
        (Search(correlation_id="op-"), ["op-4", "op-3", "op-2", "op-A1b2C3 : 7"]),
        (Search(correlation_id="3 : 7"), ["op-A1b2C3 : 7"]),
        (Search(correlation_id='"x"'), []),
        (Search(correlation_id="%%%"), []),
        (Search(correlation_id="ester", switch=ONE), []),
        (Search(correlation_id="op-", error=ANY_ERROR, floodlight="fl-1"), ["op-3"]),
    ],
)
def test_what_is_asked_for_is_found(filled: Store, search: Search, expected: list[str]) -> None:
    """The last to end comes first."""
    assert found(filled, search) == expected


def test_a_record_that_comes_again_changes_nothing(filled: Store) -> None:
    """Kafka may deliver it twice; parts of ids are found once, too."""
    again = batch(end(MIDNIGHT + 4_000, correlation_id="op-4", switch=TWO, floodlight="fl-2"))
    before = filled.search(Search())
    filled.insert([again, again])
    assert filled.search(Search()) == before
    assert found(filled, Search(correlation_id="op-4")) == ["op-4"]


def test_what_was_kept_first_stays(store: Store) -> None:
    """A record with the id of another one says nothing new."""
    for name in ("first", "second"):
        store.insert([batch(end(correlation_id=name))])
    assert found(store, Search()) == ["first"]
    assert found(store, Search(correlation_id="second")) == []


def test_a_part_is_found_as_it_stands(store: Store) -> None:
    """Not where only its groups of three characters are, one here and one there."""
    ids = ["abcd", "abc-bcd", "xABCDx"]
    store.insert([batch(*(end(MIDNIGHT + at, correlation_id=one) for at, one in enumerate(ids)))])
    assert found(store, Search(correlation_id="abcd")) == ["xABCDx", "abcd"]


def test_pages_go_on_where_the_last_one_ended(store: Store) -> None:
    """Nothing is left out or told twice, also among those that ended in one millisecond."""
    ids = [f"op-{number:03}" for number in range(25)]
    store.insert([batch(*(end(MIDNIGHT + n // 10, correlation_id=i) for n, i in enumerate(ids)))])
    told: list[str] = []
    cursor = ""
    for _ in range(3):
        page = store.search(Search(limit=10, cursor=cursor, correlation_id="op-"))
        told += [request.correlation_id for request in page.items]
        cursor = page.next or ""
    assert told == ids[::-1]
    assert not cursor


def test_a_request_comes_whole(store: Store) -> None:
    """With its parts, in order, also those that ended the day before; and no other's."""
    parts = [
        batch(end(MIDNIGHT - 5, number="c0ffee00.1.7.10"), source=1),
        batch(end(MIDNIGHT + 5, number="c0ffee00.1.7.2"), source=2),
        batch(end(MIDNIGHT + 5, number="c0ffee00.1.70.1"), source=4),
    ]
    store.insert([*parts, batch(end(MIDNIGHT + 9, received=MIDNIGHT - 10, parts=2))])
    (request,) = store.search(Search(since=MIDNIGHT + 9)).items
    whole = store.request(request.id)
    assert whole is not None
    assert whole.request == request
    assert [part.part for part in whole.parts] == [2, 10]


@pytest.mark.parametrize("identity", ["", "x", "-1", "7", str(1 << 64), "١"])
def test_a_request_that_is_not_here_is_none(filled: Store, identity: str) -> None:
    """Whatever people put into the address."""
    assert filled.request(identity) is None


def test_events_at_a_floodlight(store: Store) -> None:
    """What went on there in a time, and who ordered what."""
    store.insert(
        [
            batch(
                end(),
                events=[
                    Happening(MIDNIGHT, "outage", "fl-1", text="silent"),
                    Happening(MIDNIGHT + 1, "order", "fl-1", who="ann", source="10.0.0.1"),
                    Happening(MIDNIGHT + 2, "outage", "fl-2"),
                ],
            )
        ]
    )
    at_one = store.events(EventSearch(floodlight="fl-1", since=MIDNIGHT, until=MIDNIGHT + 60_000))
    assert [event.kind for event in at_one.items] == ["order", "outage"]
    (order,) = store.events(EventSearch(who="ann")).items
    assert (order.source, order.at) == ("10.0.0.1", MIDNIGHT + 1)


def test_days_that_are_too_old_are_forgotten(filled: Store) -> None:
    """A day goes when all of it is too old."""
    assert filled.forget(MIDNIGHT - 1) == 0
    assert filled.forget(MIDNIGHT) == 1
    assert found(filled, Search(switch=TWO)) == ["op-4"]
    assert filled.extent().oldest == MIDNIGHT + 1_000


def test_the_oldest_days_make_room(store: Store) -> None:
    """But the last day stays, however large it is."""
    for day in range(4):
        store.insert([batch(end(MIDNIGHT + day * DAY_MS, correlation_id=f"day {day}"))])
    before = store.extent()
    assert (before.oldest, before.newest) == (MIDNIGHT, MIDNIGHT + 3 * DAY_MS)
    assert store.shrink(before.size_bytes) == 0
    assert store.shrink(before.size_bytes * 3 // 5) == 2
    assert found(store, Search()) == ["day 3", "day 2"]
    assert store.shrink(1) == 1
    assert found(store, Search()) == ["day 3"]


def test_an_empty_store_has_nothing(store: Store) -> None:
    """And says so, before its first record."""
    assert found(store, Search(correlation_id="op-1")) == []
    assert store.extent().oldest == 0
    assert store.forget(MIDNIGHT) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"correlation_id": "ab"},
        {"since": 5, "until": 5},
        {"limit": 0},
        {"limit": 1_001},
        {"cursor": "x"},
        {"completed": True, "error": "NOT_FOUND"},
    ],
)
def test_what_cannot_be_asked_is_said(wrong: dict[str, object]) -> None:
    """With what would be right."""
    with pytest.raises(BadSearch):
        Search(**wrong)  # type: ignore[arg-type]


def test_a_server_that_breaks_the_connection(server: str) -> None:
    """The call fails, with where the database is; the next one connects again."""
    address = postgresql.empty_database(server, f"h{uuid.uuid4().hex}")
    store = PostgresqlStore(address)
    store.insert([batch(end())])
    with psycopg.connect(server, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            ["flrouter-history"],
        )
    with pytest.raises(StoreFailed, match=address.rpartition("@")[2]):
        store.search(Search())
    store.insert([batch(end(), end(MIDNIGHT + 1, correlation_id="op-18"))])
    assert found(store, Search()) == ["op-18", "op-17"]
    store.close()


def test_a_password_is_never_told() -> None:
    """Of a server that is not there."""
    store = PostgresqlStore("postgresql://ann:secret@127.0.0.1:9/history")
    with pytest.raises(StoreFailed, match=r"127\.0\.0\.1:9/history") as failed:
        store.extent()
    assert "secret" not in str(failed.value)


def test_a_text_with_a_nul_is_kept(store: Store) -> None:
    """Requesters may send any; PostgreSQL knows none."""
    store.insert([batch(end(correlation_id="op\0seventeen"))])
    assert len(found(store, Search(correlation_id="seventeen"))) == 1


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Is named."""
    (tmp_path / "2026-11-28.sqlite").write_bytes(b"rubbish" * 1_000)
    with pytest.raises(StoreFailed, match=str(tmp_path)):
        SqliteStore(tmp_path).search(Search())
